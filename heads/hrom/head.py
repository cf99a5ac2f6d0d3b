"""HROM's head: levels of template and search in, region proposals out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from heads.hrom.masks import ChannelMask, SpatialMask
from heads.hrom.representation import Representation
from heads.rpn import RPN, Kernels, Proposals
from heads.rpn.anchors import RATIOS
from ops.correlation import central
from ops.deformable import DeformableConv2d


@dataclass
class HROMTemplate:
    """What is kept of B templates.

    Attributes:
        kernels: of the region proposal network.
        channel_mask: (B, C) that multiplies the search features too; ones without a channel mask.
    """

    kernels: Kernels
    channel_mask: Tensor


class HROMHead(nn.Module):
    """Representation, masks, deformable convolution and region proposals (Fig. 1).

    Eq. 6 writes the channel mask as a function of the search x on both branches. Decision: it comes
    from the template, cut to its central cells, as the text and the name "cross-branch" say.
    Channels are masked first, the spatial masks see the result.

    Args:
        channels, strides: of the backbone's levels, first to last, which are R1, R2, ...
        stride: of the maps that are compared, in input pixels.
        out_channels: C, of these maps.
        cells: side of the template's centre that is kept, in cells; a smaller map is kept whole.
        representation: names of the levels to fuse, such as [R2, R3]; None for all of them and the
            context level (R4 of an HRNet).
        context_channels: of the context level, see Representation.
        channel_mask, spatial_mask, deformable: the modules of Table 3; without one of them its
            place is empty.
        hidden: channels that the region proposal network correlates.
        ratios, anchor_side: of the anchors, see RPN.
    """

    def __init__(
        self,
        channels: tuple[int, ...],
        strides: tuple[int, ...],
        stride: int = 8,
        out_channels: int = 256,
        cells: int = 8,
        representation: Iterable[str] | str | None = None,
        context_channels: int | None = None,
        channel_mask: bool = True,
        spatial_mask: bool = True,
        deformable: bool = True,
        hidden: int = 256,
        ratios: Sequence[float] = RATIOS,
        anchor_side: float = 64.0,
    ):
        super().__init__()
        self.stride, self.cells = stride, cells
        self.representation = Representation(
            channels, strides, stride, out_channels, representation, context_channels
        )
        self.channel_mask = ChannelMask(out_channels) if channel_mask else None
        self.template_mask = SpatialMask() if spatial_mask else None
        self.search_mask = SpatialMask() if spatial_mask else None
        plain = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.deformation = DeformableConv2d(plain) if deformable else nn.Identity()
        self.rpn = RPN(out_channels, hidden, ratios, anchor_side)

    def template(self, levels: list[Tensor]) -> HROMTemplate:
        """Of B template crops' levels (B, C_l, H_l, W_l)."""
        features = central(self.representation(levels), self.cells, symmetric=True)  # (B, C, h, w)
        if self.channel_mask is None:
            mask = features.new_ones(features.shape[:2])
        else:
            mask = self.channel_mask(features)
        features = _masked(features, mask, self.template_mask)
        return HROMTemplate(self.rpn.kernels(features), mask)

    def forward(self, template: HROMTemplate, levels: list[Tensor]) -> Proposals:
        """Eq. 6: B templates in B search crops, one each, of levels (B, C_l, H_l, W_l)."""
        features = self.representation(levels)  # (B, C, H, W)
        features = _masked(features, template.channel_mask, self.search_mask)
        return self.rpn(template.kernels, self.deformation(features))


def _masked(features: Tensor, mask: Tensor, spatial: SpatialMask | None) -> Tensor:
    """Features (B, C, H, W) under a channel mask (B, C) and what `spatial` then says of them."""
    features = features * mask[:, :, None, None]
    return features if spatial is None else features * spatial(features)
