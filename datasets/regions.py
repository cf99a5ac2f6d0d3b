"""What is kept of a frame around its target, and the pieces of it that crops are cut from.

A frame is read once for all of its crops, in every epoch: as its region, which any crop of the
target fits into however it is shifted and scaled, no denser than the crops are. A crop cache keeps
regions; a batch carries pieces of them.
"""

import math
import struct
from collections.abc import Sequence as Series
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from datasets.crop_cache import CropCache
from datasets.sampling import Shot
from datasets.sequence import Part, Sequence
from ops.boxes import can_start
from ops.clip import ClipGeometry
from ops.crop import Frames
from ops.errors import InputError

REGIONS = 2  # another number when a region of the same frame is no longer the same
HEADER = struct.Struct("<2i7d")  # height, width, origin, scale, mean


@dataclass(frozen=True)
class Region:
    """A part of a frame. A point of the frame lies at (point - origin) * scale, exactly.

    Attributes:
        pixels: (h, w, 3) uint8 RGB.
        origin: x, y of its corner in frame pixels.
        scale: its pixels per frame pixel along x and y, at most 1.
        mean: mean colour of the frame; zeros where no crop reaches outside of the frame.
    """

    pixels: np.ndarray
    origin: tuple[float, float]
    scale: tuple[float, float]
    mean: tuple[float, float, float]

    def pack(self) -> np.ndarray:
        """All of it as uint8 (n,)."""
        height, width = self.pixels.shape[:2]
        data = np.empty(HEADER.size + self.pixels.size, np.uint8)
        HEADER.pack_into(data, 0, height, width, *self.origin, *self.scale, *self.mean)
        data[HEADER.size :].reshape(self.pixels.shape)[:] = self.pixels
        return data

    @classmethod
    def unpack(cls, data: np.ndarray) -> "Region":
        """The inverse of `pack`; `data` may be longer, and the pixels are a view of it."""
        height, width, *numbers = HEADER.unpack_from(data)
        pixels = data[HEADER.size : HEADER.size + 3 * height * width].reshape(height, width, 3)
        return cls(pixels, tuple(numbers[:2]), tuple(numbers[2:4]), tuple(numbers[4:]))


@dataclass(frozen=True)
class View:
    """One kind of crop, templates or searches, and how it may move.

    Attributes:
        size, factor: side of the crop in pixels and what it shows, see ClipGeometry.
        shift, scale: see ClipSampling.
    """

    size: int
    factor: float
    shift: float
    scale: float

    @property
    def density(self) -> float:
        """Crop pixels per side of what ClipGeometry calls `factor` 1, unmoved."""
        return self.size / self.factor


class RegionReader:
    """Reads regions, from a cache where they are in it."""

    def __init__(
        self,
        parts: Series[Part],
        geometry: ClipGeometry,
        views: Series[View],
        cache: CropCache | None = None,
    ):
        self.geometry, self.cache = geometry, cache
        self.density = max(view.density for view in views)
        self.reach = max(v.factor * (1 + v.scale) * (1 + 2 * v.shift) for v in views)  # in sides
        self.margin = 1 + max(map(self.piece_margin, views))
        self._items = [] if cache is None else _first_items(parts)

    @property
    def slot_bytes(self) -> int:
        """The most that a packed region takes."""
        side = math.ceil(self.density * self.reach) + 2 * self.margin + 3  # aligned and rounded
        return HEADER.size + 3 * side**2

    def piece_margin(self, view: View) -> int:
        """Pixels around a window that its crop may look at: neighbours for the interpolation, of
        averaged pixels where a window shows more than twice as much."""
        return math.ceil(2 * (1 + view.scale) * self.density / view.density)

    def piece_side(self, view: View) -> int:
        """The most pixels that a piece for a crop of `view` takes, along either axis."""
        window = math.ceil(self.density * view.factor * (1 + view.scale))
        return window + 2 * self.piece_margin(view) + 3

    def read(self, shot: Shot, index: int) -> Region:
        """The region of frame `index` of a shot's sequence.

        Raises InputError where the frame cannot be read, or does not show its target.
        """
        if self.cache is None:
            return self.cut(shot.sequence, index)
        part, number = shot.place
        item = int(self._items[part][number]) + index
        data = self.cache.get(item)
        if data is not None:
            return Region.unpack(data)
        region = self.cut(shot.sequence, index)
        self.cache.put(item, region.pack())
        return region

    def cut(self, sequence: Sequence, index: int) -> Region:
        """The region of a frame, from its picture: as dense as an unmoved crop on either axis, or
        as the picture is."""
        extent = self.geometry.windows(sequence.boxes[index], self.reach)  # of all crops together
        side = self.density * self.reach
        picture, reduction = sequence.reduced_frame(index, extent[2:].min() / side)
        _check_shown(sequence, index, np.array(picture.shape[1::-1]) * reduction)
        extent = extent / reduction
        steps = np.maximum(extent[2:] / side, 1)  # picture pixels to one of the region
        low = np.floor(extent[:2] - self.margin * steps)
        high = np.ceil(extent[:2] + extent[2:] + self.margin * steps)
        bounds = np.array(picture.shape[1::-1])
        left, top = np.clip(low, 0, bounds - 1).astype(int).tolist()
        right, bottom = np.clip(high, (left + 1, top + 1), bounds).astype(int).tolist()
        part = picture[top:bottom, left:right]
        shape = (right - left, bottom - top)
        size = tuple(max(round(s / step), 1) for s, step in zip(shape, steps.tolist(), strict=True))
        if size != shape:
            method = cv2.INTER_AREA if steps.max() > 2 else cv2.INTER_LINEAR
            part = cv2.resize(part, size, interpolation=method)
        else:
            part = part.copy()  # or the whole picture would stay until its batch is made
        leaves = (low < 0).any() or (high > bounds).any()
        return Region(
            part,
            (float(left * reduction), float(top * reduction)),
            (size[0] / shape[0] / reduction, size[1] / shape[1] / reduction),
            tuple(cv2.mean(picture)[:3]) if leaves else (0.0, 0.0, 0.0),
        )


def _check_shown(sequence: Sequence, index: int, size: np.ndarray) -> None:
    """Raise InputError for a box that lies outside of its picture of `size`: crops would be blank,
    and yet a pair."""
    if not can_start(sequence.boxes[index], *size):
        box = ", ".join(f"{value:g}" for value in sequence.boxes[index])
        raise InputError(f"{sequence.name}, frame {index}: its box ({box}) is not in the picture")


def count_frames(parts: Series[Part]) -> int:
    """Frames of all parts, each of which is an item of the cache."""
    return sum(int(_lengths(part).sum()) for part in parts)


def _lengths(part: Part) -> np.ndarray:
    """Frames of each sequence; a list that makes its sequences on access may tell them itself."""
    found = getattr(part.sequences, "lengths", None)
    return np.array([len(s) for s in part.sequences] if found is None else found, np.int64)


def _first_items(parts: Series[Part]) -> list[np.ndarray]:
    """For each part, the number of each sequence's first frame among all frames of all parts."""
    lengths = [_lengths(part) for part in parts]
    counts = np.concatenate(lengths)
    return np.split(np.cumsum(counts) - counts, np.cumsum([len(each) for each in lengths])[:-1])


def cut_pieces(
    regions: list[Region], windows: np.ndarray, margin: int, side: int
) -> tuple[Frames, np.ndarray]:
    """Of each of P regions the piece that one crop looks at.

    Args:
        regions: P of them.
        windows: (P, 4) what the crops show, in frame pixels.
        margin: pixels that a piece shows around its window.
        side: the most pixels that a piece takes; all lie on canvases of this size.

    Returns:
        (the pieces, the windows (P, 4) in their pixels).
    """
    scales = np.array([region.scale for region in regions])
    windows = windows - np.pad([region.origin for region in regions], ((0, 0), (0, 2)))
    windows *= np.tile(scales, 2)
    bounds = np.array([region.pixels.shape[1::-1] for region in regions])
    low = np.clip(np.floor(windows[:, :2]) - margin, 0, bounds - 1).astype(int)
    high = np.clip(np.ceil(windows[:, :2] + windows[:, 2:]) + margin, low + 1, bounds).astype(int)
    pixels = _zeros(len(regions), side + 2, side + 2, 3)
    corners = zip(low.tolist(), high.tolist(), strict=True)
    for canvas, region, ((left, top), (right, bottom)) in zip(
        pixels.numpy(), regions, corners, strict=True
    ):
        height, width = bottom - top, right - left
        canvas[1 : 1 + height, 1 : 1 + width] = region.pixels[top:bottom, left:right]
    sizes = torch.from_numpy(high - low).float()
    means = torch.tensor([region.mean for region in regions])
    windows[:, :2] -= low
    return Frames(pixels, sizes, means), windows


def _zeros(*shape: int) -> torch.Tensor:
    """A uint8 tensor; of a worker one in shared memory, where it is going anyway."""
    if torch.utils.data.get_worker_info() is None:
        return torch.zeros(shape, dtype=torch.uint8)
    storage = torch.UntypedStorage._new_shared(math.prod(shape))  # as torch's default_collate
    return torch.empty(0, dtype=torch.uint8).set_(storage).view(shape)
