"""The max-pool whose stride was taken away."""

import torch.nn.functional as F
from torch import Tensor, nn


class UnstridedMaxPool2d(nn.MaxPool2d):
    """A max-pool of stride 1 that keeps the size: cells at the border see what there is.

    It stands behind a ReLU, so the zeros around the map never win. Of an even total the padding is
    the same on both sides; of an odd one (2 x 2) the last row and column are padded.
    """

    def __init__(self, kernel_size: int, dilation: int = 1):
        super().__init__(kernel_size, stride=1, dilation=dilation)
        total = (kernel_size - 1) * dilation
        self.around = 2 * (total // 2, total - total // 2)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(F.pad(x, self.around))  # (B, C, H, W), as x
