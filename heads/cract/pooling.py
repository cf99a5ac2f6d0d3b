"""Pyramid RoIAlign (CRACT, section 3.3): what a map shows in boxes, at several sizes."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import roi_align

from ops.errors import InputError


class PRoIAlign(nn.Module):
    """RoIAligns of several sizes, side by side: 6x6, 3x3 and 1x1 are 46 cells.

    A map of M x M cells at stride s lies centred on its crop of X pixels: the centre of cell i is
    at pixel (X - s (M - 1)) / 2 + s i. That is exact where a backbone pads both sides alike or not
    at all, and within half a cell elsewhere, equally in template and search. Decision: a box is
    sampled at the same points for every size, 2 x 2 in each of the finest cells (12 x 12 in all,
    whatever the size of the box), so the coarser sizes are averages of the finest.

    Args:
        sizes: the finest first, each a divisor of it. (6,) is plain RoIAlign (Table 9).
        stride: of the maps in crop pixels.
    """

    def __init__(self, sizes: Sequence[int] = (6, 3, 1), stride: int = 8):
        super().__init__()
        if not sizes or min(sizes) < 1 or any(sizes[0] % size for size in sizes):
            raise InputError(
                f"head.pool_sizes={list(sizes)}: expected the finest first and its divisors after"
            )
        self.sizes, self.stride = tuple(sizes), stride
        self.cells = sum(size**2 for size in sizes)

    def forward(self, features: Tensor, boxes: Tensor, crop_size: int) -> Tensor:
        """Pool N boxes in each of B maps.

        Args:
            features: (B, C, M, M).
            boxes: (B, N, 4) in pixels of the crops; what lies outside of the map counts as 0.
            crop_size: X, side of the crops in pixels.

        Returns:
            (B, N, C, cells) float32: sizes after each other, each by row, then column.
        """
        batch, count = boxes.shape[:2]
        corners = torch.cat([boxes[..., :2], boxes[..., :2] + boxes[..., 2:]], -1).float()
        corners = (corners - crop_size / 2) / self.stride + features.shape[-1] / 2  # in cells
        # roi_align reads anywhere for what is not finite, which a network that diverges may say.
        corners = torch.nan_to_num(corners).clamp(-1e6, 1e6)
        owners = torch.arange(batch, device=boxes.device).repeat_interleave(count)
        rois = torch.cat([owners[:, None], corners.flatten(0, 1)], 1)  # (B N, 5)
        finest = roi_align(
            features.float(), rois, (self.sizes[0],) * 2, sampling_ratio=2, aligned=True
        )  # (B N, C, 6, 6)
        coarser = [F.avg_pool2d(finest, self.sizes[0] // size) for size in self.sizes[1:]]
        pyramid = [level.flatten(2) for level in (finest, *coarser)]
        return torch.cat(pyramid, -1).unflatten(0, (batch, count))
