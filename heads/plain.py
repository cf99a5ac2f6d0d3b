"""Features as they are: the head without weights, which the `cacf` tracker has."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ops.errors import InputError


class PlainHead(nn.Module):
    """Levels brought to one stride, each normalised, side by side.

    Finer levels are averaged down, coarser ones are upsampled. Each level of each patch is
    centred channel by channel and divided by its root mean square, so that levels weigh alike.

    Args:
        channels, strides: of the backbone's levels.
        stride: of the output in input pixels; None for the coarsest level's.
    """

    def __init__(
        self, channels: tuple[int, ...], strides: tuple[int, ...], stride: int | None = None
    ):
        super().__init__()
        self.stride = stride if stride is not None else max(strides)
        self.strides = strides
        if self.stride < 1 or any(max(s, self.stride) % min(s, self.stride) for s in strides):
            raise InputError(f"head.stride={stride}: levels of strides {strides} do not come to it")

    def initial_state(self, levels: list[Tensor], batch: int) -> list:
        """Nothing is remembered."""
        return []

    def forward(self, levels: list[Tensor], states: list) -> tuple[Tensor, list]:
        """Levels (B N, C_l, H_l, W_l) -> (B N, sum C_l, H, W)."""
        deepest = self.strides.index(max(self.strides))
        scale = max(self.strides) / self.stride
        size = [round(side * scale) for side in levels[deepest].shape[-2:]]
        resized = []
        for level, stride in zip(levels, self.strides, strict=True):
            if stride < self.stride:
                level = F.adaptive_avg_pool2d(level, size)
            elif list(level.shape[-2:]) != size:
                level = F.interpolate(level, size, mode="bilinear", align_corners=False)
            level = level - level.mean((2, 3), keepdim=True)
            level = level / level.square().mean((1, 2, 3), keepdim=True).sqrt().clamp(min=1e-6)
            resized.append(level)
        return torch.cat(resized, 1), states
