"""How crops look: colour, blur, mirroring; a whole batch at once, where the network is."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)  # Rec. 601, of R, G, B
BLUR_RADIUS = 6  # pixels, three times the largest sigma


@dataclass
class Looks:
    """How the N crops of each of B clips are to look. Neutral values change nothing, bit for bit.

    Attributes:
        colours: (B, N, 3) factors of brightness, contrast and saturation, neutral at 1.
        greys: (B,) bool, clips without colour.
        blurs: (B, N) sigma of a Gaussian blur in crop pixels, neutral at 0, at most 2; None where
            no crop is ever blurred.
        flips: (B,) bool, clips mirrored left to right.
    """

    colours: Tensor
    greys: Tensor
    blurs: Tensor | None
    flips: Tensor

    def split(self, count: int) -> tuple["Looks", "Looks"]:
        """Those of the first `count` crops of each clip, and those of the rest."""
        parts = []
        for some in (slice(count), slice(count, None)):
            blurs = None if self.blurs is None else self.blurs[:, some]
            parts.append(Looks(self.colours[:, some], self.greys, blurs, self.flips))
        return parts[0], parts[1]


def change_looks(crops: Tensor, looks: Looks) -> Tensor:
    """Crops (B, N, 3, S, S) in [0, 255] as `looks` says, in [0, 255].

    In this order: brightness multiplies, contrast scales about the crop's mean grey, saturation
    blends with the crop's grey, as torchvision's ColorJitter does but clamped only once, after all
    three; a clip without colour has its luma in all three channels; blur; mirroring.
    """
    crops = _change_colours(crops, looks.colours, looks.greys)
    if looks.blurs is not None:
        crops = _blur(crops, looks.blurs)
    return torch.where(looks.flips[:, None, None, None, None], crops.flip(-1), crops)


def mirror_boxes(boxes: Tensor, flips: Tensor, size: int) -> Tensor:
    """Boxes (B, N, 4) in pixels of crops of side `size`, mirrored in the clips (B,) that are."""
    left = size - boxes[..., :1] - boxes[..., 2:3]
    mirrored = torch.cat([left, boxes[..., 1:]], -1)
    return torch.where(flips[:, None, None], mirrored, boxes)


def _change_colours(crops: Tensor, colours: Tensor, greys: Tensor) -> Tensor:
    changed = greys[:, None] | (colours != 1).any(-1)  # (B, N)
    brightness, contrast, saturation = colours[..., None, None, None].unbind(2)  # (B, N, 1, 1, 1)
    saturation = torch.where(greys[:, None, None, None, None], 0, saturation)
    red, green, blue = crops.split(1, 2)
    luma = LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue  # (B, N, 1, S, S)
    # The three changes are linear, and luma of grey is grey: one gain and one offset are enough.
    gain = brightness * contrast
    offset = brightness * (1 - contrast) * luma.mean((-2, -1), keepdim=True)
    grey = gain * (1 - saturation) * luma + offset
    result = torch.addcmul(grey, crops, gain * saturation).clamp_(0, 255)
    return torch.where(changed[..., None, None, None], result, crops)


def _blur(crops: Tensor, sigmas: Tensor) -> Tensor:
    """Gaussian blur with each crop's sigma (B, N); pixels outside of a crop are as at its edge."""
    offsets = torch.arange(-BLUR_RADIUS, BLUR_RADIUS + 1, device=crops.device)
    # Division by a sigma of zero would be NaN; so small a one makes its kernel, one 1 and zeros.
    kernels = torch.exp(-0.5 * (offsets / sigmas[..., None].clamp(min=1e-3)) ** 2)
    kernels = kernels / kernels.sum(-1, keepdim=True)  # (B, N, 13)
    kernels = kernels[:, :, None].expand(-1, -1, 3, -1).reshape(-1, 1, 1, len(offsets))
    channels = crops.reshape(1, -1, *crops.shape[-2:])  # (1, B N 3, S, S)
    sides = (BLUR_RADIUS,) * 4
    with torch.autocast(crops.device.type, enabled=False):  # bfloat16 would round to whole pixels
        padded = F.pad(channels, sides, mode="replicate")
        blurred = F.conv2d(padded, kernels, groups=len(kernels))
        blurred = F.conv2d(blurred, kernels.transpose(2, 3), groups=len(kernels))
    return torch.where(sigmas[..., None, None, None] > 0, blurred.view_as(crops), crops)
