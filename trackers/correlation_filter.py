"""RAR, and every tracker that is a representation under a contextual correlation filter.

    tracker   head                          representation
    rar       heads.rar.RARHead             learned: attention, recurrence, refinement
    cacf      heads.plain.PlainHead         a frozen backbone's features, or pixels, as they are

The head says what a patch becomes and what it remembers; crops, contexts, filter, scales and update
are here, the same for all, in training as in tracking.

Decisions where the journal text is silent or contradicts itself: input 255 (Table 1; section 4.1
says 225); `padding` as DCFNet means it; context patches where the CACF paper has them; a desired
response of DCFNet's width, a running average of the filter at a rate of 0.01; clips of frames in
order, since the recurrence needs that (section 4.1 draws two at random), at most 10 apart; DCFNet's
50 epochs and batches of 32. Before the window each channel of a patch is centred (KCF centres raw
pixels so), in float32 whatever the autocast: what all its cells share would only answer with the
window's shape.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from heads.cacf import CACF, Filter, response_loss
from ops.boxes import centers, from_centers, keep_in_picture
from ops.clip import Clip, ClipGeometry
from ops.crop import Frames, crop
from ops.errors import InputError, check_number, check_part
from ops.peaks import cyclic_peak
from ops.windows import hann
from trackers.base import Tracker, select


@dataclass
class CorrelationFilterMemory:
    """Of B targets: boxes (B, 4) in picture pixels, the head's state, the filter."""

    boxes: Tensor
    state: Any
    filter: Filter


class CorrelationFilterTracker(Tracker):
    """A backbone, a head and the CACF layer, RAR Fig. 3.

    Args:
        backbone: pictures (B, 3, S, S) in [0, 255] -> levels.
        head: levels and state -> representation and new state (see heads.rar.RARHead).
        cacf: the filter.
        input_size: S, side of template and search patches in pixels; a multiple of 1 + padding.
        padding: a patch is (1 + padding) w by (1 + padding) h around the target (DCFNet's 2).
        contexts: whether the filter sees k = 4 context patches (Eq. 8), one w to the left and
            right, one h above and below; without, it is the traditional DCF.
        templates_differentiable: whether training differentiates through the filter's solution
            (Eq. 13) or only through the search patch and the state. Without, representations have
            unit root mean square: such a filter undoes whatever scale they have, only the gradient
            does not know that, and weights would run away until the network is dead.
        scale_sigma: of the desired response along the scale, in training: a search patch that shows
            the target e^d times as large is to answer exp(-(d / scale_sigma)^2 / 2) times as high.
            None for Eq. 12 as it stands, which says nothing of other scales.
        scales, scale_step, scale_penalty: the pyramid has patches of scale_step^s times the target,
            `scales` of them; responses of all but s = 0 are multiplied by the penalty.
        learning_rate: of the running average of numerator and denominator.
    """

    def __init__(
        self,
        backbone: nn.Module,
        head: nn.Module,
        cacf: CACF,
        input_size: int = 255,
        padding: int = 2,
        contexts: bool = True,
        templates_differentiable: bool = True,
        scale_sigma: float | None = None,
        scales: int = 3,
        scale_step: float = 1.02,
        scale_penalty: float = 1.0,
        learning_rate: float = 0.01,
    ):
        super().__init__()
        check_number("tracking.scales", scales, 1)
        check_number("tracking.scale_step", scale_step, 1, whole=False)
        check_part("tracking.scale_penalty", scale_penalty)
        check_part("tracking.learning_rate", learning_rate)
        check_number("tracker.padding", padding, 0)
        if input_size < 1 or input_size % (1 + padding):
            raise InputError(
                f"tracker.input_size={input_size}: expected a multiple of {1 + padding}"
            )
        if scale_sigma is not None:
            check_number("tracker.scale_sigma", scale_sigma, 0, whole=False)
            if scale_sigma == 0:
                raise InputError("tracker.scale_sigma=0: expected above 0, or null")
        self.backbone, self.head, self.cacf = backbone, head, cacf
        self.input_size, self.padding, self.contexts = input_size, padding, contexts
        self.templates_differentiable, self.scale_sigma = templates_differentiable, scale_sigma
        self.scale_penalty, self.learning_rate = scale_penalty, learning_rate
        factors = torch.tensor([scale_step ** (s - scales // 2) for s in range(scales)])
        self.register_buffer("scale_factors", factors, persistent=False)  # (S,)
        self.target_size = input_size // (1 + padding)  # side of the target in patch pixels

    # ------------------------------------------------------------------ tracking

    @torch.no_grad()
    def init(self, frames: Frames, boxes: Tensor) -> CorrelationFilterMemory:
        learned, state = self._learn(self._levels(self._regions(frames, boxes)), None)
        return CorrelationFilterMemory(boxes, state, learned)

    @torch.no_grad()
    def update(
        self, frames: Frames, memory: CorrelationFilterMemory
    ) -> tuple[CorrelationFilterMemory, Tensor, Tensor]:
        boxes, scores = self._search(frames, memory)
        learned, state = self._learn(self._levels(self._regions(frames, boxes)), memory.state)
        averaged = memory.filter.lerp(learned, self.learning_rate)
        return CorrelationFilterMemory(boxes, state, averaged), boxes, scores

    def _search(self, frames: Frames, memory: CorrelationFilterMemory) -> tuple[Tensor, Tensor]:
        """Boxes (B, 4) and scores (B,) where the scale pyramid answers highest."""
        factors = self.scale_factors  # (S,)
        center, size = centers(memory.boxes), memory.boxes[:, 2:]
        sizes = size[:, None] * factors[:, None]  # (B, S, 2)
        windows = from_centers(center[:, None].expand_as(sizes), sizes * (1 + self.padding))
        patches = crop(frames, windows, self.input_size)
        features, _ = self._represent(self._levels(patches), memory.state, len(factors))
        responses = self.cacf.respond(memory.filter, features)  # (B, S, H, W)
        penalties = torch.where(factors == 1, 1.0, self.scale_penalty)
        shifts, peaks = cyclic_peak(responses * penalties[:, None, None])
        scores, best = peaks.max(1)
        rows = torch.arange(len(best), device=best.device)
        pixels = shifts[rows, best] * self.head.stride  # in patch pixels
        size = sizes[rows, best]
        boxes = from_centers(center + pixels * size / self.target_size, size)
        return keep_in_picture(boxes, frames.sizes), scores

    # ------------------------------------------------------------------ training

    def geometry(self) -> ClipGeometry:
        return ClipGeometry(
            template_size=self.target_size * (3 + self.padding),
            template_factor=3 + self.padding,
            search_size=self.input_size,
            search_factor=1 + self.padding,
            in_order=True,
        )

    def loss(self, clip: Clip) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Eq. 12, in the order of tracking.

        Frame by frame, a template advances the state and adds its terms to the filter; then the
        next frame is searched with what is known by then. Search t therefore follows template
        t: the clip's T = K searches are the frames after its K templates. All patches of a clip go
        through the backbone in one batch.
        """
        (batch, count), size = clip.templates.shape[:2], self.input_size
        templates = self._cut(clip.templates).transpose(0, 1)  # (K, B, 1 + k, 3, S, S)
        searches = clip.searches.transpose(0, 1)  # (T, B, 3, S, S)
        levels = self.backbone(torch.cat([templates.flatten(0, 2), searches.flatten(0, 1)]))
        # Frame by frame in one batch, so that a frame's part of a level is a view of it.
        sizes = [batch * templates.shape[2]] * count + [batch] * count
        parts = list(zip(*(level.split(sizes) for level in levels), strict=True))

        shifts = (centers(clip.search_boxes) - size / 2) / self.head.stride  # (B, T, 2) cells
        state, filters, responses = None, None, []
        for template, search in zip(parts[:count], parts[count:], strict=True):
            learned, state = self._learn(template, state)
            filters = learned if filters is None else filters + learned
            features, _ = self._represent(search, state, 1)
            known = filters if self.templates_differentiable else filters.detach()
            responses.append(self.cacf.respond(known, features))
        responses = torch.cat(responses, 1)  # (B, T, H, W)
        labels = self._labels(shifts, responses) * self._heights(clip.search_boxes)
        centred = torch.fft.fftshift(responses.detach(), dim=(-2, -1))
        return {"response": response_loss(responses, labels)}, {"responses": centred}

    def _heights(self, boxes: Tensor) -> Tensor:
        """Of the desired responses to search patches that show targets at boxes (B, T, 4):
        (B, T, 1, 1)."""
        if self.scale_sigma is None:
            return boxes.new_ones(*boxes.shape[:-1], 1, 1)
        growth = boxes[..., 2:].log().mean(-1) - math.log(self.target_size)  # 0: as in a template
        return torch.exp(-0.5 * (growth / self.scale_sigma) ** 2)[..., None, None]

    # ------------------------------------------------------------------ what both share

    def _regions(self, frames: Frames, boxes: Tensor) -> Tensor:
        """Template and context patches (B, 1 + k, 3, S, S), cut out of one crop around them."""
        geometry = self.geometry()
        windows = geometry.windows(boxes, geometry.template_factor)
        return self._cut(crop(frames, windows[:, None], geometry.template_size))[:, 0]

    def _cut(self, regions: Tensor) -> Tensor:
        """Regions (..., 3, Z, Z) of (3 + padding) targets -> patches (..., 1 + k, 3, S, S).

        The target patch comes first, then the contexts to its left, right, above and below: all
        have the scale of the region, so they are parts of it.
        """
        step, size = self.target_size, self.input_size
        corners = [(1, 1)] + [(1, 0), (1, 2), (0, 1), (2, 1)] * self.contexts  # (row, column)
        parts = [
            regions[..., row * step : row * step + size, column * step : column * step + size]
            for row, column in corners
        ]
        return torch.stack(parts, -4)

    def _levels(self, patches: Tensor) -> list[Tensor]:
        """Backbone features (B N, C_l, H_l, W_l) of patches (B, N, 3, S, S)."""
        return self.backbone(patches.flatten(0, 1))

    def _represent(self, levels: Sequence[Tensor], state: Any, count: int) -> tuple[Tensor, Any]:
        """Centred and windowed representation (B, N, C, H, W) of N = count patches a target, and
        the states (B N, ...) that they would leave behind. The state None is the start."""
        if state is None:
            state = self.head.initial_state(levels, len(levels[0]) // count)
        features, states = self.head(levels, state)
        features = features.to(torch.promote_types(features.dtype, torch.float32))
        features = features - features.mean((2, 3), keepdim=True)
        features = features * hann(*features.shape[-2:], device=features.device)
        if not self.templates_differentiable:
            features = nn.functional.rms_norm(features, features.shape[1:])
        return features.unflatten(0, (-1, count)), states

    def _learn(self, levels: Sequence[Tensor], state: Any) -> tuple[Filter, Any]:
        """One frame's filter, and the state that its template leaves; the contexts' are dropped."""
        count = 1 + 4 * self.contexts
        features, states = self._represent(levels, state, count)  # (B, 1 + k, C, H, W)
        label = self._labels(features.new_zeros(2, dtype=torch.float32), features)
        learned = self.cacf.learn(features[:, 0], features[:, 1:], label)
        return learned, select(states, slice(None, None, count))

    def _labels(self, shifts: Tensor, like: Tensor) -> Tensor:
        """Desired responses (..., H, W) to shifts (..., 2) in cells, on the grid of `like`."""
        target_cells = self.target_size / self.head.stride
        return self.cacf.label(shifts, target_cells, *like.shape[-2:])
