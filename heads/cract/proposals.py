"""Which of many proposals are refined."""

import torch
from torch import Tensor

from ops.boxes import overlap


def suppress(boxes: Tensor, scores: Tensor, count: int, most: float) -> tuple[Tensor, Tensor]:
    """Greedy non-maximum suppression, for B targets at once.

    The box of the highest score is kept and those that overlap it by more than `most` are dropped,
    `count` times.

    Args:
        boxes: (B, A, 4); a box that is not finite overlaps none.
        scores: (B, A).

    Returns:
        indices (B, count) by falling score, and kept (B, count) bool, False where no box was left.
    """
    indices, kept = [], []
    for _ in range(count):
        score, best = scores.max(1)  # (B,)
        indices.append(best)
        kept.append(score > -torch.inf)
        box = boxes.take_along_dim(best[:, None, None], 1)  # (B, 1, 4)
        dropped = overlap(boxes, box) > most
        scores = scores.masked_fill(dropped, -torch.inf).scatter(1, best[:, None], -torch.inf)
    return torch.stack(indices, 1), torch.stack(kept, 1)
