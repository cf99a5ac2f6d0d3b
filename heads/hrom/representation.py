"""HROM's representation head: levels of several resolutions and a context level, fused (Eq. 3)."""

from collections.abc import Iterable

import torch.nn.functional as F
from torch import Tensor, nn

from heads.neck import Neck
from ops.errors import InputError, check_number
from ops.grids import align, grid_size

MOST_CONTEXT_CHANNELS = 512


class Representation(nn.Module):
    """The levels R1..RL of a backbone and the context level R(L+1), as one map (section 3.2).

    Args:
        channels, strides: of the levels.
        stride: of the map, in input pixels.
        out_channels: of the map.
        names: of the levels to fuse ("R1", ...), or one; None for all. Others are not computed.
        context_channels: of R(L+1); None for 8 C, where C are R1's. Decision: at most 512 then,
            which no HRNet reaches (w48: 384) and which keeps other backbones affordable.

    Raises:
        InputError: no name, or an unknown one.
    """

    def __init__(
        self,
        channels: tuple[int, ...],
        strides: tuple[int, ...],
        stride: int = 8,
        out_channels: int = 256,
        names: Iterable[str] | str | None = None,
        context_channels: int | None = None,
    ):
        super().__init__()
        known = [f"R{number}" for number in range(1, len(channels) + 2)]
        chosen = known if names is None else [names] if isinstance(names, str) else list(names)
        if not chosen or not set(chosen) <= set(known):
            raise InputError(f"head.representation: {chosen}: expected some of {', '.join(known)}")
        if context_channels is None:
            context_channels = min(8 * channels[0], MOST_CONTEXT_CHANNELS)
        check_number("head.context_channels", context_channels, 1)
        self.chosen = [index for index, name in enumerate(known) if name in chosen]
        self.context = None
        if known[-1] in chosen:
            self.context = ContextLevel(channels, strides, stride, context_channels)
        channels, strides = (*channels, context_channels), (*strides, stride)
        self.neck = Neck(
            tuple(channels[index] for index in self.chosen),
            tuple(strides[index] for index in self.chosen),
            stride,
            out_channels,
        )

    def forward(self, levels: list[Tensor]) -> Tensor:
        """Levels (B, C_l, H_l, W_l) -> (B, out_channels, H, W)."""
        if self.context is not None:
            levels = [*levels, self.context(levels)]
        return self.neck([levels[index] for index in self.chosen])


class ContextLevel(nn.Module):
    """R4: what all levels say of a larger surrounding (section 3.2, "32 times receptive field").

    The paper names a transform fusion unit and dilated convolutions. Decision: a finer level comes
    to the stride by a 3x3 convolution, the others pass one of dilation 4, all to `out_channels`;
    brought to one grid they are summed, normalised and rectified.
    """

    def __init__(
        self,
        channels: tuple[int, ...],
        strides: tuple[int, ...],
        stride: int,
        out_channels: int,
    ):
        super().__init__()
        self.transforms = nn.ModuleList(
            nn.Conv2d(c, out_channels, 3, stride // s, padding=1, bias=False)
            if s < stride
            else nn.Conv2d(c, out_channels, 3, padding=4, dilation=4, bias=False)
            for c, s in zip(channels, strides, strict=True)
        )
        self.strides, self.stride = strides, stride
        self.norm = nn.BatchNorm2d(out_channels)

    def forward(self, levels: list[Tensor]) -> Tensor:
        """Levels (B, C_l, H_l, W_l) -> (B, out_channels, H, W)."""
        size = grid_size([level.shape[-2:] for level in levels], self.strides, self.stride)
        parts = [
            align(level, transform, stride, self.stride, size)
            for level, transform, stride in zip(levels, self.transforms, self.strides, strict=True)
        ]
        return F.relu(self.norm(sum(parts)))
