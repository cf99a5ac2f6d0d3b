"""Sequences -> training clips. Which clip is a pure function of (seed, epoch, index).

So workers, ranks and a resumed run cannot change what is seen: a loader (datasets/loader.py) only
walks through the keys of an epoch, from wherever it starts.
"""

from collections.abc import Sequence as Series
from dataclasses import astuple, dataclass

import numpy as np
import torch
from torch import Tensor

from datasets.crop_cache import CropCache
from datasets.regions import Region, RegionReader, View, count_frames, cut_pieces
from datasets.sampling import ClipAugmentation, ClipSampling, FrameSampler, Shot
from datasets.sequence import Part
from ops.augmentation import Looks
from ops.clip import ClipGeometry, RawClips
from ops.crop import Frames, to_crop
from ops.errors import InputError

ATTEMPTS = 50  # clips drawn in one's place while their pictures cannot be used


@dataclass(frozen=True)
class Drawn:
    """One clip before it is cut: K templates, then T searches.

    Attributes:
        regions: K + T of them; boxes: (K + T, 4) of the target, in frame pixels.
        distances: (T,); matches: see ops.clip.Clip.
        moves: (3 K + 3 T,) in [0, 1), for the scales and the shifts of templates, then searches.
        key: what the loss draws with.
        looks: (5 (K + T) + 2,) in [0, 1).
    """

    regions: list[Region]
    boxes: np.ndarray
    distances: np.ndarray
    matches: bool
    moves: np.ndarray
    key: int
    looks: np.ndarray


class ClipDataset:
    """Clips of sequences, addressed by (epoch, index).

    Args:
        parts: what they are drawn from, by weight.
        geometry: what the tracker wants to see.
        sampling, augmentation: see there.
        seed: another seed, other clips.
        cache: keeps what was read of each frame, made for `cache_shape`; the clips are the same.

    Raises InputError for a geometry that the sampling does not serve, and for a part from which no
    clip can be drawn.
    """

    def __init__(
        self,
        parts: Series[Part],
        geometry: ClipGeometry,
        sampling: ClipSampling,
        augmentation: ClipAugmentation,
        seed: int = 0,
        cache: CropCache | None = None,
    ):
        self.geometry, self.sampling, self.seed = geometry, sampling, seed
        self.augmentation, self.cache = augmentation, cache
        in_order = sampling.templates == sampling.searches == sampling.frames - 1
        if geometry.in_order and not in_order:
            raise InputError(
                f"clip.frames={sampling.frames}: this tracker searches the frame after each "
                f"template, clip.templates and clip.searches are to be {sampling.frames - 1}"
            )
        if geometry.in_order and sampling.negatives:
            raise InputError(
                f"clip.negatives={sampling.negatives:g}: expected 0, this tracker learns from one "
                "target alone"
            )
        self.parts = [part for part in parts if part.weight > 0]
        if not self.parts:
            raise InputError("dataset: no part of it has a weight above 0")
        self._sampler = FrameSampler(
            self.parts, sampling.frames, sampling.max_gap, geometry.in_order
        )
        self._views = _views(geometry, sampling)
        self._reader = RegionReader(self.parts, geometry, self._views, cache)

    def __getitems__(self, keys: list[tuple[int, int]]) -> RawClips:
        return self.batch(keys)

    def batch(self, keys: list[tuple[int, int]]) -> RawClips:
        """The clips of keys (epoch, index).

        Raises InputError where the pictures of fifty clips, drawn for one key, cannot be read or do
        not show the target.
        """
        skipped = []
        clips = [self._draw(key, skipped) for key in keys]
        boxes = np.stack([clip.boxes for clip in clips])
        moves = np.stack([clip.moves for clip in clips])
        count = self.sampling.templates
        templates = self._cut(
            self._views[0],
            [region for clip in clips for region in clip.regions[:count]],
            boxes[:, :count],
            moves[:, : 3 * count],
        )
        searches = self._cut(
            self._views[1],
            [region for clip in clips for region in clip.regions[count:]],
            boxes[:, count:],
            moves[:, 3 * count :],
        )
        distances = torch.from_numpy(np.stack([clip.distances for clip in clips])).float()
        matches = torch.tensor([clip.matches for clip in clips])[:, None].expand_as(distances)
        return RawClips(
            *templates,
            *searches,
            distances,
            matches.contiguous(),
            torch.tensor([clip.key for clip in clips]),
            self._looks(np.stack([clip.looks for clip in clips])),
            skipped,
        )

    def _draw(self, key: tuple[int, int], skipped: list[str]) -> Drawn:
        """The clip of a key or, where a picture of it cannot be read or does not show the target,
        the first in its place without such a picture."""
        for attempt in range(ATTEMPTS):
            random = np.random.default_rng((self.seed, *key, attempt))
            target, shown = self._sampler.draw(random), None
            if random.random() < self.sampling.negatives:
                shown = self._sampler.draw(random)
            matches = shown is None or shown.place == target.place  # there may be no other
            if matches:
                shown = target
            templates = target.frames[: self.sampling.templates]
            searches = shown.frames[-self.sampling.searches :]
            count = len(templates) + len(searches)
            moves, number = random.random(3 * count), int(random.integers(2**63))
            looks = random.random(5 * count + 2)
            try:
                regions = self._regions(target, templates, shown, searches)
            except InputError as error:
                skipped.append(str(error))
                continue
            boxes = [target.sequence.boxes[templates], shown.sequence.boxes[searches]]
            distances = np.abs(shown.times[-len(searches) :] - target.times[0]) * matches
            boxes = np.concatenate(boxes)
            return Drawn(regions, boxes, distances, matches, moves, number, looks)
        raise InputError(
            f"{skipped[-1]}; so went {ATTEMPTS} clips that were drawn one after another"
        )

    def _regions(
        self, target: Shot, templates: np.ndarray, shown: Shot, searches: np.ndarray
    ) -> list[Region]:
        """Those of all templates and searches, each frame read once."""
        found, regions = {}, []
        for shot, frames in ((target, templates), (shown, searches)):
            for index in frames.tolist():
                name = (shot.place, index)
                if name not in found:
                    found[name] = self._reader.read(shot, index)
                regions.append(found[name])
        return regions

    def _cut(
        self, view: View, regions: list[Region], boxes: np.ndarray, moves: np.ndarray
    ) -> tuple[Frames, Tensor, Tensor]:
        """Pieces of N regions of each of B clips, windows (B, N, 4) in them, and boxes (B, N, 4) in
        the crops. `moves` (B, 3 N) in [0, 1) say how the windows are scaled, and then shifted."""
        batch, count = boxes.shape[:2]
        limit = np.log1p(view.scale)
        scales = np.exp(limit * (2 * moves[:, :count, None] - 1))
        shifts = view.shift * (2 * moves[:, count:].reshape(batch, count, 2) - 1)
        windows = self.geometry.windows(boxes, view.factor * scales)
        windows[..., :2] += shifts * windows[..., 2:]
        margin, side = self._reader.piece_margin(view), self._reader.piece_side(view)
        frames, seen = cut_pieces(regions, windows.reshape(-1, 4), margin, side)
        found = to_crop(boxes, windows, view.size)
        seen = seen.reshape(batch, count, 4)
        return frames, torch.from_numpy(seen).float(), torch.from_numpy(found).float()

    def _looks(self, draws: np.ndarray) -> Looks | None:
        """From (B, 5 N + 2) numbers in [0, 1)."""
        augmentation = self.augmentation
        if not any(astuple(augmentation)):
            return None
        draws = torch.from_numpy(draws).float()
        batch, count = len(draws), draws.shape[1] // 5
        widths = [augmentation.brightness, augmentation.contrast, augmentation.saturation]
        factors, blurs = draws[:, : 3 * count], draws[:, 3 * count : 5 * count]
        blurred, sigmas = blurs.view(batch, 2, count).unbind(1)
        return Looks(
            1 + torch.tensor(widths) * (2 * factors.view(batch, count, 3) - 1),
            draws[:, -2] < augmentation.grey,
            torch.where(blurred < augmentation.blur, 0.5 + 1.5 * sigmas, 0)
            if augmentation.blur
            else None,
            draws[:, -1] < augmentation.flip,
        )


def cache_shape(
    parts: Series[Part], geometry: ClipGeometry, sampling: ClipSampling
) -> tuple[int, int]:
    """(items, slot_bytes) of the CropCache that a ClipDataset of these wants.

    What the items hold depends on the geometry, on shifts and scales of the sampling, and on the
    names, boxes and pictures of the sequences; for others there must be another folder.
    """
    drawn = [part for part in parts if part.weight > 0]
    reader = RegionReader(drawn, geometry, _views(geometry, sampling))
    return count_frames(drawn), reader.slot_bytes


def _views(geometry: ClipGeometry, sampling: ClipSampling) -> tuple[View, View]:
    """Of templates and searches."""
    return (
        View(
            geometry.template_size,
            geometry.template_factor,
            sampling.template_shift,
            sampling.template_scale,
        ),
        View(
            geometry.search_size,
            geometry.search_factor,
            sampling.search_shift,
            sampling.search_scale,
        ),
    )
