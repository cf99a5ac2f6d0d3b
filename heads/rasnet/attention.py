"""RASNet's attention on the exemplar, sections 3.2 to 3.5.

Shapes: B targets, C channels, h x w cells of the exemplar (6 x 6 in the paper).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ops.correlation import central, weighted
from ops.errors import InputError


class GeneralAttention(nn.Module):
    """Weights that all targets share, learned offline from ones (section 3.3).

    Args:
        cells: side of the exemplar in cells.
        channels: None for rho-bar of Eq. 9, one weight a cell; a number for gamma of Eq. 7, one
            weight a cell and channel.
    """

    def __init__(self, cells: int, channels: int | None = None):
        super().__init__()
        shape = (cells, cells) if channels is None else (channels, cells, cells)
        self.weights = nn.Parameter(torch.ones(shape))

    def forward(self, exemplar: Tensor) -> Tensor:
        """(h, w) or (C, h, w): the central part, for an exemplar (B, C, h, w) of fewer cells."""
        return central(self.weights, exemplar.shape[-1])


class ResidualAttention(nn.Module):
    """What sets a target apart from the general attention: rho-tilde of Eq. 9, Fig. 3.

    An hourglass of 6-3-1-3-6 cells whose skips add the encoder's maps to the decoder's. Decisions,
    where Fig. 3 gives only sizes: max-pools and nearest neighbours between the sizes (Newell's
    hourglass), the reduced channels inside, and a last layer that starts at a tenth of its
    usual size, so that the attention is near zero at first.
    """

    def __init__(self, channels: int, reduction: int = 4):
        super().__init__()
        width = _reduced(channels, reduction)
        self.reduce = nn.Conv2d(channels, width, 1)
        self.encode = nn.Conv2d(width, width, 3, padding=1)
        self.bottom = nn.Conv2d(width, width, 1)
        self.decode = nn.Conv2d(width, width, 3, padding=1)
        self.refine = nn.Conv2d(width, width, 3, padding=1)
        self.output = nn.Conv2d(width, 1, 1)
        with torch.no_grad():
            self.output.weight.mul_(0.1)
            self.output.bias.mul_(0.1)

    def forward(self, exemplar: Tensor) -> Tensor:
        """(B, C, h, w), at least 2 x 2 -> (B, h, w)."""
        whole = F.relu(self.reduce(exemplar))  # (B, W, 6, 6)
        half = F.relu(self.encode(F.max_pool2d(whole, 2, ceil_mode=True)))  # (B, W, 3, 3)
        point = F.relu(self.bottom(half.amax((2, 3), keepdim=True)))  # (B, W, 1, 1)
        half = F.relu(self.decode(half + point))
        whole = F.relu(self.refine(whole + F.interpolate(half, whole.shape[-2:])))
        return self.output(whole)[:, 0]


class ChannelAttention(nn.Module):
    """beta of Eq. 8 (section 3.4): global average, reduction, ReLU, increase, sigmoid."""

    def __init__(self, channels: int, reduction: int = 4):
        super().__init__()
        width = _reduced(channels, reduction)
        self.reduce = nn.Linear(channels, width)
        self.increase = nn.Linear(width, channels)

    def forward(self, exemplar: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, C)."""
        squeezed = F.relu(self.reduce(exemplar.mean((2, 3))))
        return torch.sigmoid(self.increase(squeezed))


class Attention(nn.Module):
    """The exemplar's features, weighted: gamma x phi(z) of Eq. 7; gamma is rho beta of Eq. 8.

    rho = general + residual attention (Eq. 9). What is left out weighs 1: without general attention
    its place is taken by the ones that it starts from.

    Args:
        channels: C.
        cells: side of the exemplar in cells; a smaller one takes the general attention's centre.
        general, residual, channel: which attentions there are.
        full: gamma of Eq. 7 as weights (C, cells, cells) in their place.
        reduction: inside residual and channel attention there are C / reduction channels, and no
            fewer than 8, or ReLU might leave nothing of the few.

    Raises:
        InputError: full attention beside another.
    """

    def __init__(
        self,
        channels: int,
        cells: int = 6,
        general: bool = True,
        residual: bool = True,
        channel: bool = True,
        full: bool = False,
        reduction: int = 4,
    ):
        super().__init__()
        if full and (general or residual or channel):
            raise InputError(
                "head.full=true: expected general, residual and channel false beside it, "
                "full attention takes their place"
            )
        self.general = GeneralAttention(cells) if general else None
        self.residual = ResidualAttention(channels, reduction) if residual else None
        self.channel = ChannelAttention(channels, reduction) if channel else None
        self.full = GeneralAttention(cells, channels) if full else None

    def forward(self, exemplar: Tensor) -> Tensor:
        """(B, C, h, w) -> the same, weighted."""
        if self.full is not None:
            return exemplar * self.full(exemplar)
        rho = self.general(exemplar) if self.general is not None else None  # (h, w)
        if self.residual is not None:
            rho = (1 if rho is None else rho) + self.residual(exemplar)  # (B, h, w)
        beta = self.channel(exemplar) if self.channel is not None else None
        return weighted(exemplar, rho, beta)


def _reduced(channels: int, reduction: int) -> int:
    return max(channels // reduction, 8)
