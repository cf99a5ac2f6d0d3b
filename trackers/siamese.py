"""What the Siamese trackers share: a template once, a search region in every frame."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from ops.boxes import keep_in_picture
from ops.clip import ClipGeometry
from ops.correlation import response_centers
from ops.crop import Frames, crop, to_crop
from ops.errors import InputError
from trackers.base import Tracker


@dataclass
class SiameseMemory:
    """Of B targets: boxes (B, 4) in picture pixels, and what the head keeps of the template."""

    boxes: Tensor
    template: Any


class SiameseTracker(Tracker):
    """A backbone and a head on square crops with SiamFC's context.

        tracker          class                              head
        siamfc, rasnet   trackers.ScalePyramidTracker       heads.rasnet.RASNetHead
        hrom             trackers.RegionProposalTracker     heads.hrom.HROMHead
        cract            trackers.CRACTTracker              heads.cract.CRACTHead

    A subclass says where the target is in a frame (`find`) and what its losses are (`loss`); one
    that learns while it tracks also what it remembers besides (`init`, `remember`).

    Args:
        backbone: pictures (B, 3, S, S) in [0, 255] -> levels.
        head: has `stride`, the cells' distance in pixels; `template(levels)`, what is kept of the
            template crop (or what a subclass asks in its `template`); the rest is between head and
            subclass.
        template_size, search_size: sides of the crops in pixels; a search crop shows as many
            times what a template does as it is larger.
    """

    def __init__(
        self, backbone: nn.Module, head: nn.Module, template_size: int = 127, search_size: int = 255
    ):
        super().__init__()
        if not 0 < template_size < search_size or (search_size - template_size) % head.stride:
            raise InputError(
                f"tracker.template_size={template_size}, tracker.search_size={search_size}: "
                f"expected a difference that is a positive multiple of {head.stride}"
            )
        self.backbone, self.head = backbone, head
        self.template_size, self.search_size = template_size, search_size

    def geometry(self) -> ClipGeometry:
        ratio = self.search_size / self.template_size
        return ClipGeometry(self.template_size, 1.0, self.search_size, ratio, square=True)

    @torch.no_grad()
    def init(self, frames: Frames, boxes: Tensor) -> SiameseMemory:
        geometry, size = self.geometry(), self.template_size
        windows = geometry.windows(boxes, geometry.template_factor)
        crops = crop(frames, windows[:, None], size)[:, 0]  # (B, 3, Z, Z)
        return SiameseMemory(boxes, self.template(crops, to_crop(boxes, windows, size)))

    @torch.no_grad()
    def update(self, frames: Frames, memory: SiameseMemory) -> tuple[SiameseMemory, Tensor, Tensor]:
        found, scores, *seen = self.find(frames, memory)
        boxes = keep_in_picture(found, frames.sizes)
        return self.remember(replace(memory, boxes=boxes), scores, *seen), boxes, scores

    def find(self, frames: Frames, memory: SiameseMemory) -> tuple[Tensor, Tensor, *tuple[Any]]:
        """Boxes (B, 4) in picture pixels and scores (B,) of the targets in their next frame, and,
        where there is more, what was seen of it, which `remember` gets."""
        raise NotImplementedError

    def remember(self, memory: SiameseMemory, scores: Tensor, *seen: Any) -> SiameseMemory:
        """The memory after a frame; `memory` already has its boxes, kept in the picture."""
        return memory

    def template(self, crops: Tensor, boxes: Tensor) -> Any:
        """What is kept of template crops (B, 3, Z, Z), with targets at boxes (B, 4) in them."""
        return self.head.template(self.backbone(crops))

    def seen(self, responses: Tensor) -> dict[str, Tensor]:
        """What is drawn of responses (B, T, h, w): see `Tracker.loss`."""
        places = self.response_centers(responses.shape[-1], responses.device)
        corner, side = places[:1] - self.head.stride / 2, self.head.stride * len(places)
        area = torch.cat([corner, corner, places.new_full((2,), side)])
        return {"responses": responses.detach(), "response_area": area}

    def response_centers(self, cells: int, device: torch.device) -> Tensor:
        """Places (cells,) in search crop pixels that the cells of a response mean."""
        return response_centers(
            cells, self.head.stride, self.template_size, self.search_size, device
        )
