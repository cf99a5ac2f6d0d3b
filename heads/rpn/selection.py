"""Which proposal is believed: SiamRPN's penalty, window and smoothing (section 4.3)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ops.boxes import centers, context_sides, from_centers


@dataclass
class Ranking:
    """Of A proposals for each of B targets: (B, A) each.

    Attributes:
        scores: after penalty and window, by which a proposal is chosen.
        rates: penalty times the network's score, for `smooth_size`.
    """

    scores: Tensor
    rates: Tensor


def rank(
    scores: Tensor,
    boxes: Tensor,
    sizes: Tensor,
    window: Tensor,
    penalty: float,
    window_influence: float,
) -> Ranking:
    """Mark proposals down that change size or shape, and those far from the last place.

    The penalty is exp(-penalty (r s - 1)): r is how many times the aspect has changed and s how
    many times the side of the square with context, either way (SiamRPN, section 4.3).

    Args:
        scores: (B, A) of the network.
        boxes: (B, A, 4) in search crop pixels.
        sizes: (B, 2) last width and height of each target, in the same pixels.
        window: (n, n), the same for each ratio; A = k n n.
        penalty: SiamRPN's k.
        window_influence: in [0, 1], the window's share of the final score.
    """
    last = torch.cat([torch.zeros_like(sizes), sizes], -1)[:, None]  # (B, 1, 4)
    sides = _change(context_sides(boxes)[..., 0] / context_sides(last)[..., 0])
    shapes = _change(boxes[..., 2] / boxes[..., 3] * (last[..., 3] / last[..., 2]))
    rates = torch.exp(-penalty * (sides * shapes - 1)) * scores
    windows = window.flatten().repeat(scores.shape[1] // window.numel())  # (A,)
    return Ranking(rates * (1 - window_influence) + windows * window_influence, rates)


def smooth_size(boxes: Tensor, sizes: Tensor, rates: Tensor, learning_rate: float) -> Tensor:
    """Boxes (B, 4) with their sizes averaged with the last ones: the centre stays, the size goes
    from `sizes` (B, 2) by rate = penalty * score * learning_rate towards the box's own; `rates`
    (B,) are penalty * score of the boxes (Ranking.rates)."""
    weights = (rates * learning_rate)[:, None]
    return from_centers(centers(boxes), torch.lerp(sizes, boxes[:, 2:], weights))


def _change(ratios: Tensor) -> Tensor:
    return torch.maximum(ratios, 1 / ratios)
