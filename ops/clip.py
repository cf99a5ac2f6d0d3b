"""The one training sample of every tracker: a clip.

A loader hands over `RawClips`: pieces of pictures around each target, as they were decoded, with
what is to be cut out of them and how the crops are to look. Where the network is, the crops are cut
and coloured, a whole batch at once, and a `Clip` is what it sees.
"""

from dataclasses import dataclass, fields, is_dataclass

import numpy as np
import torch
from torch import Tensor

from ops.augmentation import Looks, change_looks, mirror_boxes
from ops.boxes import centers, context_sides, from_centers
from ops.crop import Frames, crop


@dataclass
class Clip:
    """A batch of B clips: K template frames and T search frames of one target each.

    Attributes:
        templates: (B, K, 3, Z, Z) RGB crops around the target, float in [0, 255].
        template_boxes: (B, K, 4) the target in template crop pixels.
        searches: (B, T, 3, X, X) RGB crops, shifted and scaled against the target.
        search_boxes: (B, T, 4) the target in search crop pixels.
        distances: (B, T) float, frames from the first template to each search.
        matches: (B, T) bool. False where the searches show another target than the templates do,
            a negative pair; search_boxes then tell where that one is.
        keys: (B,) int64, what a loss draws with (ops/random.py): the same for the same clip,
            whatever else is in its batch.
    """

    templates: Tensor
    template_boxes: Tensor
    searches: Tensor
    search_boxes: Tensor
    distances: Tensor
    matches: Tensor
    keys: Tensor

    def __len__(self) -> int:
        return len(self.templates)


@dataclass(frozen=True)
class ClipGeometry:
    """What a tracker wants to see of a frame.

    A crop shows `factor` times the target's width by `factor` times its height, as a square of
    `size` pixels; with `square`, `factor` times SiamFC's square of context (`context_sides`). With
    `in_order`, search t must be the frame after template t.
    """

    template_size: int
    template_factor: float
    search_size: int
    search_factor: float
    in_order: bool = False
    square: bool = False

    def windows(self, boxes: Tensor, factor: float | Tensor) -> Tensor:
        """Windows (..., 4) of crops around boxes (..., 4), in picture pixels."""
        sides = context_sides(boxes) if self.square else boxes[..., 2:]
        return from_centers(centers(boxes), sides * factor)


@dataclass
class RawClips:
    """A batch of B clips as a loader hands it over, with K templates and T searches each.

    Attributes:
        template_frames, search_frames: B K and B T pieces of pictures, uint8.
        template_windows, search_windows: (B, K, 4) and (B, T, 4), what the crops show, in pixels
            of these pieces.
        template_boxes, search_boxes, distances, matches, keys: see Clip.
        looks: how the K + T crops of each clip are to look, or None to leave them as they are.
        skipped: pictures that could not be read, with the reason, in whose place other clips were
            drawn.
    """

    template_frames: Frames
    template_windows: Tensor
    template_boxes: Tensor
    search_frames: Frames
    search_windows: Tensor
    search_boxes: Tensor
    distances: Tensor
    matches: Tensor
    keys: Tensor
    looks: Looks | None
    skipped: list[str]

    def __len__(self) -> int:
        return len(self.keys)

    def to(self, device: torch.device | str) -> "RawClips":
        return self._map(lambda tensor: tensor.to(device, non_blocking=True))

    def pin_memory(self) -> "RawClips":
        return self._map(Tensor.pin_memory)

    def __reduce__(self):
        """From process to process: only pictures as shared memory, which takes longer to hand over
        than a few kilobytes take to copy."""
        sent = self._map(lambda tensor: tensor if tensor.dim() == 4 else tensor.numpy())
        return _received, tuple(vars(sent).values())

    def _map(self, function, kind: type = Tensor) -> "RawClips":
        def mapped(value):
            if isinstance(value, kind):
                return function(value)
            if is_dataclass(value):
                return type(value)(
                    **{f.name: mapped(getattr(value, f.name)) for f in fields(value)}
                )
            return value

        return RawClips(*(mapped(getattr(self, field.name)) for field in fields(self)))

    def cut(self, geometry: "ClipGeometry") -> Clip:
        """What the network sees: crops cut, mirrored and coloured where the tensors are."""
        templates = self._crops(self.template_frames, self.template_windows, geometry.template_size)
        searches = self._crops(self.search_frames, self.search_windows, geometry.search_size)
        template_boxes, search_boxes = self.template_boxes, self.search_boxes
        if self.looks is not None:
            count = templates.shape[1]
            first, last = self.looks.split(count)
            templates, searches = change_looks(templates, first), change_looks(searches, last)
            flips = self.looks.flips
            template_boxes = mirror_boxes(template_boxes, flips, geometry.template_size)
            search_boxes = mirror_boxes(search_boxes, flips, geometry.search_size)
        rest = self.distances, self.matches, self.keys
        return Clip(templates, template_boxes, searches, search_boxes, *rest)

    def _crops(self, frames: Frames, windows: Tensor, size: int) -> Tensor:
        """(B, N, 3, S, S) float RGB in [0, 255]."""
        batch, count = windows.shape[:2]
        crops = crop(frames, windows.reshape(-1, 1, 4), size)  # (B N, 1, 3, S, S)
        return crops.view(batch, count, 3, size, size)


def _received(*values) -> RawClips:
    """The inverse of `RawClips.__reduce__`."""
    return RawClips(*values)._map(torch.from_numpy, np.ndarray)
