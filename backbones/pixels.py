"""Raw pixels in the place of a network: what a filter can do without features."""

import torch.nn.functional as F
from torch import Tensor, nn


class Pixels(nn.Module):
    """RGB averaged over squares of `stride` pixels, in [-0.5, 0.5]."""

    def __init__(self, stride: int = 4):
        super().__init__()
        self.stages, self.channels, self.strides = ("pixels",), (3,), (stride,)

    def forward(self, images: Tensor) -> list[Tensor]:
        """(B, 3, H, W) in [0, 255] -> [(B, 3, H // stride, W // stride)]."""
        return [F.avg_pool2d(images / 255 - 0.5, self.strides[0])]
