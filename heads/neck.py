"""Any backbone's levels -> one map: the neck of the Siamese trackers."""

import torch
from torch import Tensor, nn

from ops.errors import InputError
from ops.grids import align, grid_size


class Neck(nn.Module):
    """Levels brought to one stride, side by side, mixed by a 1x1 convolution.

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
    """Levels -> the same levels on one grid, cell upon cell (ops/grids.py).

    A finer level comes to the stride by a 3x3 convolution that keeps its channels (HROM, Eq. 3), a
    coarser one is upsampled. The grid is that of the level that has the stride; without one, the
    finest level's.
    """

    def __init__(self, channels: tuple[int, ...], strides: tuple[int, ...], stride: int):
        super().__init__()
        if any(max(s, stride) % min(s, stride) for s in strides):
            raise InputError(f"head.stride={stride}: levels of strides {strides} do not come to it")
        self.strides, self.stride = strides, stride
        self.reduce = nn.ModuleList(
            nn.Conv2d(c, c, 3, stride // s, 1) if s < stride else nn.Identity()
            for c, s in zip(channels, strides, strict=True)
        )

    def forward(self, levels: list[Tensor]) -> list[Tensor]:
        """Levels (B, C_l, H_l, W_l) -> (B, C_l, H, W) each."""
        size = grid_size([level.shape[-2:] for level in levels], self.strides, self.stride)
        return [
            align(level, reduce, stride, self.stride, size)
            for reduce, level, stride in zip(self.reduce, levels, self.strides, strict=True)
        ]
