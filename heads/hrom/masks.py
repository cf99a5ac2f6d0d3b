"""HROM's object-aware masks (section 3.3): which channels, and where."""

import torch
from torch import Tensor, nn


class ChannelMask(nn.Module):
    """Cross-branch channel attention, Eq. 4: means and maxima of the template through one MLP.

    Args:
        channels: C.
        reduction: of the MLP's hidden layer, which keeps at least 8 (timm's way). Decision: the
            paper gives no number, 16 is CBAM's.
    """

    def __init__(self, channels: int, reduction: int = 16):
        super().__init__()
        hidden = max(channels // reduction, 8)
        self.mlp = nn.Sequential(
            nn.Linear(channels, hidden), nn.ReLU(inplace=True), nn.Linear(hidden, channels)
        )

    def forward(self, template: Tensor) -> Tensor:
        """Template features (B, C, h, w) -> (B, C) in (0, 1), for both branches."""
        means, maxima = template.mean((-2, -1)), template.amax((-2, -1))
        return torch.sigmoid(self.mlp(means) + self.mlp(maxima))


class SpatialMask(nn.Module):
    """Separable-branch spatial attention, Eq. 5: one for the template, one for the search."""

    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(2, 1, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        """Features (B, C, H, W) -> (B, 1, H, W) in (0, 1)."""
        means, maxima = features.mean(1, keepdim=True), features.amax(1, keepdim=True)
        return torch.sigmoid(self.convolution(torch.cat([means, maxima], 1)))
