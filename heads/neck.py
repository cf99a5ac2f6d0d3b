"""Any backbone's levels -> one map: the neck of the Siamese trackers."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ops.errors import InputError


class Neck(nn.Module):
    """Levels brought to one stride, side by side, mixed by a 1x1 convolution.

    A finer level comes to the stride by a 3x3 convolution that keeps its channels (HROM, Eq. 3), a
    coarser one is upsampled. Grids that still differ by a cell take the size of the level that has
    the stride; without one, of the finest.

    Args:
        channels, strides: of the levels.
        stride: of the output in input pixels.
        out_channels: of the output.
    """

    def __init__(
        self,
        channels: tuple[int, ...],
        strides: tuple[int, ...],
        stride: int = 8,
        out_channels: int = 256,
    ):
        super().__init__()
        self.align = Align(channels, strides, stride)
        self.mix = nn.Conv2d(sum(channels), out_channels, 1)

    def forward(self, levels: list[Tensor]) -> Tensor:
        """Levels (B, C_l, H_l, W_l) -> (B, out_channels, H, W)."""
        return self.mix(torch.cat(self.align(levels), 1))


class Align(nn.Module):
    """Levels -> the same levels on one grid; see `Neck`."""

    def __init__(self, channels: tuple[int, ...], strides: tuple[int, ...], stride: int):
        super().__init__()
        if any(max(s, stride) % min(s, stride) for s in strides):
            raise InputError(f"head.stride={stride}: levels of strides {strides} do not come to it")
        self.reference = strides.index(stride) if stride in strides else strides.index(min(strides))
        self.scale = max(strides[self.reference] // stride, 1)  # of a grid without a finer level
        self.resize = nn.ModuleList(
            nn.Conv2d(c, c, 3, stride // s, 1) if s < stride else nn.Identity()
            for c, s in zip(channels, strides, strict=True)
        )

    def forward(self, levels: list[Tensor]) -> list[Tensor]:
        """Levels (B, C_l, H_l, W_l) -> (B, C_l, H, W) each."""
        resized = [resize(level) for resize, level in zip(self.resize, levels, strict=True)]
        size = [side * self.scale for side in resized[self.reference].shape[-2:]]
        return [
            level
            if list(level.shape[-2:]) == size
            else F.interpolate(level, size, mode="bilinear", align_corners=False)
            for level in resized
        ]
