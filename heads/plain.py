"""Features as they are: the head without weights, which the `cacf` tracker has."""

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ops.errors import InputError
from ops.grids import align, grid_size


class PlainHead(nn.Module):
    """Levels brought to one stride, each normalised, side by side.

    Finer levels are averaged around every cell that stays, coarser ones are upsampled; cells lie on
    each other (ops/grids.py). Each level of each patch is centred channel by channel and divided by
    its root mean square, so that levels weigh alike.

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
        size = grid_size([level.shape[-2:] for level in levels], self.strides, self.stride)
        resized = []
        for level, stride in zip(levels, self.strides, strict=True):
            step = max(self.stride // stride, 1)
            level = align(level, partial(_average, step=step), stride, self.stride, size)
            level = level - level.mean((2, 3), keepdim=True)
            level = level / level.square().mean((1, 2, 3), keepdim=True).sqrt().clamp(min=1e-6)
            resized.append(level)
        return torch.cat(resized, 1), states


def _average(level: Tensor, step: int) -> Tensor:
    """Every step-th cell, as the mean of an odd square of cells around it: (B, C, h, w) -> (B, C,
    h / step, w / step)."""
    around = step // 2
    return F.avg_pool2d(level, 2 * around + 1, step, around, count_include_pad=False)
