"""What compares a proposal with the target of the first frame: box regressor and identifier."""

import torch
from torch import Tensor, nn


class Comparison(nn.Module):
    """A relation network: both features side by side, a 1x1 convolution, three fc layers.

    Its weights start by He's rule, the last ones with `spread` as standard deviation.

    Args:
        channels: C, of either feature.
        cells: P, of either feature.
        width: channels after the convolution.
        hidden: of the fc layers between.
        outputs: of the last one.
        spread: of the last layer's first weights.
    """

    def __init__(
        self, channels: int, cells: int, width: int, hidden: int, outputs: int, spread: float
    ):
        super().__init__()
        self.mix = nn.Conv1d(2 * channels, width, 1)
        self.layers = nn.Sequential(
            nn.ReLU(inplace=True),
            nn.Flatten(),
            nn.Linear(width * cells, hidden),
            nn.ReLU(inplace=True),
            nn.Linear(hidden, hidden),
            nn.ReLU(inplace=True),
            nn.Linear(hidden, outputs),
        )
        for layer in (self.mix, *self.layers):
            if isinstance(layer, nn.Conv1d | nn.Linear):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)
        nn.init.normal_(self.layers[-1].weight, std=spread)

    def forward(self, features: Tensor, target: Tensor) -> Tensor:
        """Features (B, N, C, P) of proposals, (B, C, P) of the target -> (B, N, outputs)."""
        batch, count = features.shape[:2]
        pairs = torch.cat([features, target[:, None].expand_as(features)], 2)  # (B, N, 2 C, P)
        answers = self.layers(self.mix(pairs.flatten(0, 1)))
        return answers.float().unflatten(0, (batch, count))


class Regressor(Comparison):
    """R of Eq. 3: the offsets (B, N, 4) of Eq. 4 that bring a proposal onto the target.

    Decision: what is learned are offsets in units of their typical size, 0.1 for the centre and 0.2
    for the sides (`normalized` divides by them), as in Fast R-CNN, whose loss the paper takes.
    """

    def __init__(self, channels: int, cells: int, width: int = 256, hidden: int = 512):
        super().__init__(channels, cells, width, hidden, 4, spread=0.001)
        self.register_buffer("units", torch.tensor([0.1, 0.1, 0.2, 0.2]), persistent=False)

    def forward(self, features: Tensor, target: Tensor) -> Tensor:
        return super().forward(features, target) * self.units

    def normalized(self, offsets: Tensor) -> Tensor:
        return offsets / self.units


class Identifier(Comparison):
    """I of Eq. 6: logits (B, N, 2) of a proposal being something else, and the target."""

    def __init__(self, channels: int, cells: int, width: int = 256, hidden: int = 512):
        super().__init__(channels, cells, width, hidden, 2, spread=0.01)
