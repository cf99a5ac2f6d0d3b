"""The one training sample of every tracker: a clip."""

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from ops.boxes import centers, context_sides, from_centers


@dataclass
class Clip:
    """A batch of B clips: K template frames and T search frames of one target each.

    Attributes:
        templates: (B, K, 3, Z, Z) uint8 RGB crops around the target.
        template_boxes: (B, K, 4) the target in template crop pixels.
        searches: (B, T, 3, X, X) uint8 RGB crops, shifted and scaled against the target.
        search_boxes: (B, T, 4) the target in search crop pixels.
        distances: (B, T) float, frames from the first template to each search.
        matches: (B, T) bool. False where the searches show another target than the templates do,
            a negative pair; search_boxes then tell where that one is.
    """

    templates: Tensor
    template_boxes: Tensor
    searches: Tensor
    search_boxes: Tensor
    distances: Tensor
    matches: Tensor

    @classmethod
    def collate(cls, clips: list["Clip"]) -> "Clip":
        """Clips without a batch axis -> one batch."""
        return cls(*(torch.stack([getattr(c, f.name) for c in clips]) for f in fields(cls)))

    def to(self, device: torch.device | str) -> "Clip":
        return Clip(*(getattr(self, f.name).to(device, non_blocking=True) for f in fields(self)))

    def pin_memory(self) -> "Clip":
        return Clip(*(getattr(self, f.name).pin_memory() for f in fields(self)))

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
