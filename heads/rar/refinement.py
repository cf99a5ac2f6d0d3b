"""The refinement model, RAR Fig. 6: levels merged from the last to the first."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ops.errors import InputError
from ops.grids import align, grid_size


class Refinement(nn.Module):
    """1x1 lateral, addition to what came from the deeper levels, 3x3; a last 3x3 into the filter.

    A level finer than `stride` comes to it by a strided lateral, a coarser one is upsampled. The
    figure shows no activation; ours is a ReLU after each merge. Decisions: 256 channels, 64 of them
    into the filter, where the paper gives no number; and every convolution starts as a projection
    (see below), so that training starts from what the backbone's features say.

    Args:
        channels, strides: of the levels, first to last.
        stride: of the output, in pixels; at least the finest level's.
        width: channels of the laterals.
        out_channels: channels of the output, the filter's.

    Raises:
        InputError: a stride finer than every level, or no multiple or divisor of one.
    """

    def __init__(
        self,
        channels: tuple[int, ...],
        strides: tuple[int, ...],
        stride: int,
        width: int = 256,
        out_channels: int = 64,
    ):
        super().__init__()
        if stride < min(strides) or any(max(s, stride) % min(s, stride) for s in strides):
            raise InputError(f"head.stride={stride}: levels of strides {strides} do not come to it")
        self.strides, self.stride = strides, stride
        self.laterals = nn.ModuleList(
            nn.Conv2d(c, width, 1, stride=max(stride // s, 1))
            for c, s in zip(channels, strides, strict=True)
        )
        self.merges = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in channels)
        self.output = nn.Conv2d(width, out_channels, 3, padding=1, bias=False)  # then centred
        for layer in (*self.laterals, *self.merges, self.output):
            start_as_projection(layer)

    def forward(self, levels: list[Tensor]) -> Tensor:
        """Levels (B, C_l, H_l, W_l), first to last -> (B, out_channels, H, W)."""
        size = grid_size([level.shape[-2:] for level in levels], self.strides, self.stride)
        merged = 0.0
        parts = zip(levels, self.strides, self.laterals, self.merges, strict=True)
        for level, stride, reduce, merge in reversed(list(parts)):
            lateral = align(level, reduce, stride, self.stride, size)
            merged = F.relu(merge(lateral + merged))
        return self.output(merged)


class Unrefined(nn.Module):
    """One level straight through the last 3x3: RAR's NHF (first version, Table 3).

    Args:
        channels, strides: of the levels, of which there must be one.
        stride: of the output, in pixels; the level's own.
        out_channels: channels of the output, the filter's.

    Raises:
        InputError: several levels, or another stride than the level's.
    """

    def __init__(
        self,
        channels: tuple[int, ...],
        strides: tuple[int, ...],
        stride: int,
        out_channels: int = 64,
    ):
        super().__init__()
        if len(channels) != 1:
            raise InputError(
                f"head.refined=false: expected one level, backbone.outputs gives {len(channels)}"
            )
        if (stride,) != tuple(strides):
            raise InputError(f"head.stride={stride}: expected the level's own, {strides[0]}")
        self.output = nn.Conv2d(channels[0], out_channels, 3, padding=1, bias=False)  # then centred
        start_as_projection(self.output)

    def forward(self, levels: list[Tensor]) -> Tensor:
        """One level (B, C, H, W) -> (B, out_channels, H, W)."""
        return self.output(levels[0])


def start_as_projection(layer: nn.Conv2d) -> None:
    """Let a convolution begin as an orthogonal map of its middle cell; other cells and bias are 0.

    Such a map keeps the inner products of cells, which are all that a filter sees, where it is no
    narrower than what comes in; a narrower one keeps those of a random part.
    """
    with torch.no_grad():
        layer.weight.zero_()
        if layer.bias is not None:
            layer.bias.zero_()
        middle = layer.weight[..., layer.kernel_size[0] // 2, layer.kernel_size[1] // 2]
        middle.copy_(nn.init.orthogonal_(torch.empty_like(middle)))
