"""SiamFC and RASNet: where, and at which scale, a template's correlation is highest."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ops.boxes import centers, from_centers
from ops.clip import Clip
from ops.crop import Frames, crop
from ops.errors import InputError, check_number, check_part
from ops.windows import response_window
from trackers.siamese import SiameseMemory, SiameseTracker


class ScalePyramidTracker(SiameseTracker):
    """One correlation response for each scale of the search region; the box keeps its aspect (as
    far as `keep_in_picture` lets it).

    Template and attention are the first frame's, nothing is learned while tracking.

    Args:
        backbone: pictures (B, 3, S, S) in [0, 255] -> levels.
        head: see heads.rasnet.RASNetHead.
        template_size, search_size: see `SiameseTracker`.
        label_radius: in search crop pixels; cells as near to the target's place are positive.
        distance_sigma: of Eq. 13, in frames; None for equal weights (SiamFC).
        scales, scale_step: search regions of scale_step^s times the size, `scales` of them.
        damping: part of the way that the size goes towards the scale found (the paper's linear
            interpolation).
        window_influence: weight of a Hann window against the response.
        scale_penalty: of the peaks of all scales but s = 0.
        upsampling: of responses, bicubic.
    """

    def __init__(
        self,
        backbone: nn.Module,
        head: nn.Module,
        template_size: int = 127,
        search_size: int = 255,
        label_radius: float = 16.0,
        distance_sigma: float | None = None,
        scales: int = 3,
        scale_step: float = 1.03,
        damping: float = 0.56,
        window_influence: float = 0.176,
        scale_penalty: float = 0.9745,
        upsampling: int = 16,
    ):
        super().__init__(backbone, head, template_size, search_size)
        check_number("tracking.scales", scales, 1)
        check_number("tracking.scale_step", scale_step, 1, whole=False)
        check_number("tracking.upsampling", upsampling, 1)
        check_number("tracker.label_radius", label_radius, 0, whole=False)
        check_part("tracking.damping", damping)
        check_part("tracking.window_influence", window_influence)
        check_part("tracking.scale_penalty", scale_penalty)
        if distance_sigma is not None and not distance_sigma > 0:
            raise InputError(f"tracker.distance_sigma={distance_sigma}: expected above 0, or null")
        self.label_radius, self.distance_sigma = label_radius, distance_sigma
        self.damping, self.window_influence = damping, window_influence
        self.scale_penalty, self.upsampling = scale_penalty, upsampling
        factors = torch.tensor([scale_step ** (s - scales // 2) for s in range(scales)])
        self.register_buffer("scale_factors", factors, persistent=False)  # (S,)

    # ------------------------------------------------------------------ tracking

    def find(self, frames: Frames, memory: SiameseMemory) -> tuple[Tensor, Tensor]:
        """Boxes (B, 4) in picture pixels, and the highest response (B,) of the scale chosen."""
        geometry = self.geometry()
        window = geometry.windows(memory.boxes, geometry.search_factor)  # (B, 4)
        sides = window[:, None, 2:] * self.scale_factors[:, None]  # (B, S, 2)
        windows = from_centers(centers(window)[:, None].expand_as(sides), sides)
        crops = crop(frames, windows, self.search_size)  # (B, S, 3, X, X)
        responses = self.head(memory.template, self.backbone(crops.flatten(0, 1)))
        places, best, scores = self.locate(responses)
        chosen = windows[torch.arange(len(best), device=best.device), best]  # (B, 4)
        center = chosen[:, :2] + places * chosen[:, 2:] / self.search_size
        growth = 1 + self.damping * (self.scale_factors[best] - 1)
        return from_centers(center, memory.boxes[:, 2:] * growth[:, None]), scores

    def locate(self, responses: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Where responses (B, S, h, h) of S scales say that the target is, as SiamFC decides.

        The scale is that of the highest peak after the penalty; its response, brought to a sum of 1
        above its minimum, is then blended with the window, and the highest cell is the place.
        Decisions: responses are upsampled between their outermost cells, so that cell p is the
        upsampled cell `upsampling` p; the penalty lowers negative peaks too (a product would raise
        them); the window's top is the crop's centre, where the target was.

        Returns:
            places (B, 2), x and y in pixels of the search crop; the scale's index (B,) and the
            peak (B,) of its response, unpenalised.
        """
        cells = responses.shape[-1]
        side = self.upsampling * (cells - 1) + 1
        upsampled = F.interpolate(responses, (side, side), mode="bicubic", align_corners=True)
        peaks = upsampled.amax((2, 3))  # (B, S)
        lowered = peaks - (1 - self.scale_penalty) * peaks.abs()
        best = torch.where(self.scale_factors == 1, peaks, lowered).argmax(1)
        rows = torch.arange(len(best), device=best.device)
        response = upsampled[rows, best]  # (B, side, side)
        response = response - response.amin((1, 2), keepdim=True)
        response = response / response.sum((1, 2), keepdim=True).clamp(min=1e-12)
        steps = torch.arange(side, device=best.device) * (self.head.stride / self.upsampling)
        axis = self.response_centers(cells, best.device)[0] + steps  # (side,) crop pixels
        window = response_window(axis, self.search_size / 2, self.head.stride / self.upsampling)
        window = window / window.sum()
        blended = (1 - self.window_influence) * response + self.window_influence * window
        index = blended.flatten(1).argmax(1)
        places = torch.stack([axis[index % side], axis[index // side]], 1)
        return places, best, peaks[rows, best]

    # ------------------------------------------------------------------ training

    def loss(self, clip: Clip) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Logistic loss of the first template on all T searches, Eq. 11 to 13.

        Averaged over the B T responses, each times exp(-distance / sigma) if there is a sigma.
        """
        kernels = self.head.template(self.backbone(clip.templates[:, 0]))
        searches = clip.searches.flatten(0, 1)  # (B T, 3, X, X)
        responses = self.head(kernels, self.backbone(searches)).float()  # (B, T, h, h)
        labels, weights = self.labels(clip, responses.shape[-1])
        losses = (weights * F.softplus(-labels * responses)).sum((2, 3))  # (B, T)
        if self.distance_sigma is not None:
            losses = losses * torch.exp(-clip.distances / self.distance_sigma)
        return {"logistic": losses.mean()}, self.seen(responses)

    def labels(self, clip: Clip, cells: int) -> tuple[Tensor, Tensor]:
        """Labels, +1 or -1, and weights of a response's cells: (B, T, cells, cells) each.

        A cell is positive if its place lies within `label_radius` pixels of the target's centre in
        the search crop (SiamFC); no cell is where the search shows another target. The positive
        cells of a response weigh one half, the negative ones the other; either all, if alone.
        """
        axis = self.response_centers(cells, clip.search_boxes.device)
        offsets = axis - centers(clip.search_boxes)[..., None]  # (B, T, 2, cells)
        squares = offsets[:, :, 0, None, :] ** 2 + offsets[:, :, 1, :, None] ** 2
        positive = (squares <= self.label_radius**2) & clip.matches[..., None, None]
        weights = _shares(positive) + _shares(~positive)
        return 2.0 * positive - 1, weights / weights.sum((2, 3), keepdim=True)


def _shares(mask: Tensor) -> Tensor:
    """1 over their number at the cells of a mask (..., h, w), 0 at the others."""
    return mask / mask.sum((-2, -1), keepdim=True).clamp(min=1)
