"""RASNet's head, and SiamFC's: levels of template and search in, correlation responses out."""

import torch
from torch import Tensor, nn

from heads.neck import Neck
from heads.rasnet.attention import Attention
from ops.correlation import central, correlate
from ops.errors import check_number


class RASNetHead(nn.Module):
    """Features, attention on the exemplar, weighted correlation (Fig. 1, Eq. 8).

    Without any attention it is SiamFC's (Eq. 4). A backbone with one level at `stride`, as SiamFC's
    AlexNet, gives the features themselves. Others have a neck: decision, it ends in BatchNorm,
    since `scale` supposes features of about unit variance, a match of 6 x 6 x 256 cells then being
    worth 9, and levels of any backbone have any.

    Args:
        channels, strides: of the backbone's levels, first to last.
        stride: of the features in input pixels.
        neck: whether one level at `stride` has a neck too; its features may be much larger than
            those of SiamFC's AlexNet.
        cells: the exemplar is cut to its central cells x cells (SiamFC's AlexNet has no more).
        general, residual, channel, full, reduction: see `Attention`.
        scale: what responses are multiplied by (SiamFC's 1e-3); the bias added to them is learned.
    """

    def __init__(
        self,
        channels: tuple[int, ...],
        strides: tuple[int, ...],
        stride: int = 8,
        neck: bool = False,
        cells: int = 6,
        general: bool = True,
        residual: bool = True,
        channel: bool = True,
        full: bool = False,
        reduction: int = 4,
        scale: float = 1e-3,
    ):
        super().__init__()
        check_number("head.cells", cells, 2)
        check_number("head.reduction", reduction, 1)
        self.stride, self.cells, self.scale = stride, cells, scale
        self.neck, width = None, channels[0]
        if neck or tuple(strides) != (stride,):
            width = 256
            self.neck = nn.Sequential(Neck(channels, strides, stride, width), nn.BatchNorm2d(width))
        self.attention = Attention(width, cells, general, residual, channel, full, reduction)
        self.bias = nn.Parameter(torch.zeros(1))

    def template(self, levels: list[Tensor]) -> Tensor:
        """Of template crops, levels (B, C_l, H_l, W_l): the weighted kernels (B, C, h, w)."""
        return self.attention(central(self._features(levels), self.cells))

    def forward(self, kernels: Tensor, levels: list[Tensor]) -> Tensor:
        """Responses to N search crops of each of B targets, the logits of a match.

        Args:
            kernels: (B, C, h, w), from `template`.
            levels: (B N, C_l, H_l, W_l) each, the crops of a target side by side.

        Returns:
            (B, N, H - h + 1, W - w + 1).
        """
        return self.scale * correlate(kernels, self._features(levels)) + self.bias

    def _features(self, levels: list[Tensor]) -> Tensor:
        return levels[0] if self.neck is None else self.neck(levels)
