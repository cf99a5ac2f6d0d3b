"""Deformable convolution that takes a plain one's place."""

import torch
from torch import Tensor, nn
from torchvision.ops import deform_conv2d


class DeformableConv2d(nn.Conv2d):
    """A convolution whose taps move by learned offsets (Dai et al., ICCV 2017).

    The offsets come from a convolution of the same geometry on the same input. It starts at zero,
    so that the layer starts as the plain convolution whose weight it takes over under the same
    key; `offset.weight` and `offset.bias` are new.

    Args:
        plain: the convolution to replace; one group, no bias.
    """

    def __init__(self, plain: nn.Conv2d):
        geometry = {name: getattr(plain, name) for name in ("stride", "padding", "dilation")}
        super().__init__(
            plain.in_channels, plain.out_channels, plain.kernel_size, bias=False, **geometry
        )
        self.weight = plain.weight
        height, width = plain.kernel_size
        self.offset = nn.Conv2d(plain.in_channels, 2 * height * width, (height, width), **geometry)
        nn.init.zeros_(self.offset.weight)
        nn.init.zeros_(self.offset.bias)

    def forward(self, x: Tensor) -> Tensor:
        offset = self.offset(x)  # (B, 2 kh kw, h, w): dy, dx of each tap in input cells
        # At least in float32 whatever the autocast: bfloat16 coordinates of a 31x31 map are off by
        # up to 1/16 cell, and not every device's operator has such a kernel.
        dtype = torch.promote_types(x.dtype, torch.float32)
        out = deform_conv2d(
            x.to(dtype),
            offset.to(dtype),
            self.weight.to(dtype),
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
        )
        return out.to(offset.dtype)  # (B, out, h, w)
