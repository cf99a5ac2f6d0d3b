"""The region proposal network on a template and a search region."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from heads.rpn.anchors import RATIOS, make_anchors
from ops.boxes import decode_offsets
from ops.correlation import depthwise


@dataclass
class Kernels:
    """What the branches correlate with, of B templates: (B, D, h, w) each."""

    classification: Tensor
    regression: Tensor


@dataclass
class Proposals:
    """What the network says of each of A anchors, A = k n n in the order of `make_anchors`.

    Attributes:
        logits: (B, A, 2) of background and target.
        offsets: (B, A, 4) of the box from its anchor (ops.boxes.encode_offsets).
        ratios: k of them, h / w.
        anchor_side: in pixels where template crops have 127.
    """

    logits: Tensor
    offsets: Tensor
    ratios: tuple[float, ...]
    anchor_side: float

    @property
    def cells(self) -> int:
        """n: the response is n x n."""
        return math.isqrt(self.logits.shape[1] // len(self.ratios))

    def anchors(self, centers: Tensor, template_size: int = 127) -> Tensor:
        """Anchors (A, 4) around cells at (n,) `centers`, in search crop pixels; for template crops
        of another size than 127 as much larger or smaller as the targets in them."""
        return make_anchors(centers, self.ratios, self.anchor_side * template_size / 127)

    def scores(self) -> Tensor:
        """Probabilities (B, A) of being the target."""
        return self.logits.float().softmax(-1)[..., 1]

    def responses(self) -> Tensor:
        """The best anchor's score at each cell: (B, n, n)."""
        return self.scores().unflatten(1, (-1, self.cells, self.cells)).amax(1)

    def boxes(self, anchors: Tensor) -> Tensor:
        """Boxes (B, A, 4) in the frame of the anchors (A, 4); no side is more than 64 times its
        anchor's or less than 1/64, whatever an untrained network says."""
        shifts, ratios = self.offsets.float().split(2, -1)
        limit = math.log(64)
        offsets = torch.cat([shifts, ratios.clamp(-limit, limit)], -1)
        return decode_offsets(offsets, anchors.expand_as(offsets))


class RPN(nn.Module):
    """Depth-wise region proposal network (SiamRPN++, section 3.4; HROM, Fig. 1 right, section 3.1).

    Template and search each pass a 3x3 convolution of their own for each of the two branches; the
    channels are correlated one by one; 1x1 convolutions say 2 or 4 numbers of each anchor.
    Decision: the 3x3 are padded, so that templates of any size leave a kernel. 8x8 and 32x32 cells
    give 25x25.

    Args:
        channels: of template and search features.
        hidden: D, channels that are correlated.
        ratios: of the anchors, h / w.
        anchor_side: of the square of an anchor's area, in pixels where template crops have 127.
    """

    def __init__(
        self,
        channels: int = 256,
        hidden: int = 256,
        ratios: Sequence[float] = RATIOS,
        anchor_side: float = 64.0,
    ):
        super().__init__()
        self.ratios, self.anchor_side = tuple(ratios), anchor_side
        self.classification = Branch(channels, hidden, 2 * len(self.ratios))
        self.regression = Branch(channels, hidden, 4 * len(self.ratios))

    def kernels(self, template: Tensor) -> Kernels:
        """Of template features (B, C, h, w), already cut to the centre."""
        branches = (self.classification, self.regression)
        return Kernels(*(branch.template(template) for branch in branches))

    def forward(self, kernels: Kernels, search: Tensor) -> Proposals:
        """Kernels of B templates on search features (B, C, H, W), one region each."""
        logits = self.classification(kernels.classification, search)
        offsets = self.regression(kernels.regression, search)
        answers = self._by_anchor(logits), self._by_anchor(offsets)
        return Proposals(*answers, self.ratios, self.anchor_side)

    def _by_anchor(self, maps: Tensor) -> Tensor:
        """(B, k c, n, n) -> (B, k n n, c)."""
        split = maps.unflatten(1, (len(self.ratios), -1))  # (B, k, c, n, n)
        return split.permute(0, 1, 3, 4, 2).flatten(1, 3)


class Branch(nn.Module):
    """Classification or regression: `outputs` numbers at each cell of the response."""

    def __init__(self, channels: int, hidden: int, outputs: int):
        super().__init__()
        self.template = _convolution(channels, hidden, 3)
        self.search = _convolution(channels, hidden, 3)
        self.answer = nn.Sequential(_convolution(hidden, hidden, 1), nn.Conv2d(hidden, outputs, 1))

    def forward(self, kernel: Tensor, search: Tensor) -> Tensor:
        """Kernel (B, D, h, w), search (B, C, H, W) -> (B, outputs, H - h + 1, W - w + 1)."""
        return self.answer(depthwise(kernel, self.search(search)))


def _convolution(channels: int, out_channels: int, size: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, out_channels, size, padding=size // 2, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )
