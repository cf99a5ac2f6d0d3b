"""CRACT's head: levels of template and search in, proposals out, and what refines them."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from heads.cract.pooling import PRoIAlign
from heads.cract.refinement import Identifier, Regressor
from heads.neck import Align, Neck
from heads.rpn import RPN, Kernels, Proposals
from heads.rpn.anchors import RATIOS
from ops.boxes import decode_offsets
from ops.correlation import central


@dataclass
class CRACTTemplate:
    """What is kept of B templates.

    Attributes:
        kernels: of the region proposal network.
        target: (B, C, P) features f_init of the target's box, Eq. 2.
    """

    kernels: Kernels
    target: Tensor


@dataclass
class Maps:
    """What is compared of B crops: `coarse` (B, C4, H, W), phi4 of the paper, by the region
    proposal network, and `fused` (B, C, H, W), phi34, by the refinement."""

    coarse: Tensor
    fused: Tensor


@dataclass
class Refined:
    """N proposals of each of B search crops after Eq. 3 to 5.

    Attributes:
        offsets: (B, N, 4) r_i.
        boxes: (B, N, 4) in search crop pixels, the proposals moved by the offsets.
        features: (B, N, C, P) by which they are classified.
    """

    offsets: Tensor
    boxes: Tensor
    features: Tensor


class CRACTHead(nn.Module):
    """Region proposals, PRoIAlign, box regressor and identifier (Fig. 2, 3).

    Decision: the region proposal network works on phi4, as section 3.1 and Fig. 2 say (Algorithm 1
    writes phi34), on the template's central cells, as SiamRPN++'s does.

    Args:
        channels, strides: of the backbone's levels. phi4 is the last one, phi34 all of them side by
            side (layer3 and layer4 of the paper's ResNet-18), mixed by a 1x1 convolution.
        stride: of the maps, in input pixels.
        width: C, channels of phi34, of the region proposal network and of the refinement's
            convolutions.
        cells: side of the template's centre that is correlated, in cells; a smaller map is kept
            whole.
        pool_sizes: of PRoIAlign; [6] is plain RoIAlign (Table 9).
        hidden: of the refinement's fc layers.
        ratios, anchor_side: of the anchors, see RPN.
    """

    def __init__(
        self,
        channels: tuple[int, ...],
        strides: tuple[int, ...],
        stride: int = 8,
        width: int = 256,
        cells: int = 8,
        pool_sizes: Sequence[int] = (6, 3, 1),
        hidden: int = 512,
        ratios: Sequence[float] = RATIOS,
        anchor_side: float = 64.0,
    ):
        super().__init__()
        self.stride, self.cells = stride, cells
        self.align = Align(channels[-1:], strides[-1:], stride)
        self.fuse = Neck(channels, strides, stride, width)
        self.rpn = RPN(channels[-1], width, ratios, anchor_side)
        self.pool = PRoIAlign(pool_sizes, stride)
        self.regressor = Regressor(width, self.pool.cells, width, hidden)
        self.identifier = Identifier(width, self.pool.cells, width, hidden)

    def maps(self, levels: list[Tensor]) -> Maps:
        """Levels (B, C_l, H_l, W_l) -> phi4 and phi34."""
        return Maps(self.align(levels[-1:])[0], self.fuse(levels))

    def template(self, levels: list[Tensor], boxes: Tensor, crop_size: int) -> CRACTTemplate:
        """Of B template crops of `crop_size` pixels with the targets at boxes (B, 4) in them."""
        maps = self.maps(levels)
        kernels = self.rpn.kernels(central(maps.coarse, self.cells, symmetric=True))
        return CRACTTemplate(kernels, self.pool(maps.fused, boxes[:, None], crop_size)[:, 0])

    def forward(self, template: CRACTTemplate, maps: Maps) -> Proposals:
        """Section 3.1: B templates in B search crops, one each."""
        return self.rpn(template.kernels, maps.coarse)

    def refine(
        self, template: CRACTTemplate, maps: Maps, boxes: Tensor, crop_size: int, align: bool = True
    ) -> Refined:
        """Regression and alignment of proposals (B, N, 4) in search crops of `crop_size` pixels.

        Decision: no proposal moves by more than 4 of its sides or grows by more than exp(4),
        whatever an untrained network says. No gradient passes through the boxes: RoIAlign has none
        against them, and the labels of what is classified there are no function to be learned.

        Args:
            align: False for the parallel refinement of Table 7, where proposals are regressed as
                well, but classified by the features of where they were.
        """
        features = self.pool(maps.fused, boxes, crop_size)  # (B, N, C, P)
        offsets = self.regressor(features, template.target)
        refined = decode_offsets(offsets.detach().clamp(-4, 4), boxes)
        if align:
            features = self.pool(maps.fused, refined, crop_size)
        return Refined(offsets, refined, features)
