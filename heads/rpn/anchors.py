"""Anchors: the boxes that proposals are relative to, and which of them are learned."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ops.boxes import from_centers, overlap
from ops.random import uniform

RATIOS = (0.33, 0.5, 1.0, 2.0, 3.0)  # h / w (SiamRPN; HROM, section 4.1)


def make_anchors(centers: Tensor, ratios: Sequence[float] = RATIOS, side: float = 64.0) -> Tensor:
    """One box of each ratio around each response cell.

    Args:
        centers: (n,) places of the response's cells, the same along both axes, in search pixels.
        ratios: k of them, h / w.
        side: of the square whose area all have, in search pixels (SiamRPN: scale 8, stride 8).

    Returns:
        (A, 4) boxes in search crop pixels, A = k n n: by ratio, then row, then column.
    """
    # Filled on the device: a tensor made of a list would be copied to it, which waits for it.
    widths = side / torch.stack([centers.new_full((), ratio) for ratio in ratios]).sqrt()
    sizes = torch.stack([widths, side**2 / widths], -1)  # (k, 2)
    rows, columns = torch.meshgrid(centers, centers, indexing="ij")
    places = torch.stack([columns, rows], -1)  # (n, n, 2)
    shape = (len(sizes), *places.shape)
    return from_centers(places.expand(shape), sizes[:, None, None].expand(shape)).flatten(0, 2)


def label_anchors(
    anchors: Tensor,
    boxes: Tensor,
    matches: Tensor,
    keys: Tensor,
    positive: float = 0.6,
    negative: float = 0.3,
    most_positives: int = 16,
    most: int = 64,
) -> Tensor:
    """Which anchors are learned as target, which as background (HROM, section 4.1; SiamRPN).

    Anchors that overlap the box by more than `positive` are candidates for the target, those below
    `negative` for the background; of both, some are drawn at random.

    In a negative pair the box is another object's. Decision, after DaSiamRPN's semantic negatives:
    the anchors that would have been learned as target are learned as background, beside the others.

    Args:
        anchors: (A, 4), and boxes: (B, 4), in search crop pixels.
        matches: (B,) bool, False for a negative pair.
        keys: (B,) int64, of the draws (ops/random.py).
        most_positives, most: of a sample, anchors learned as target and in all.

    Returns:
        (B, A) long: 1 target, 0 background, -1 not learned.
    """
    overlaps = overlap(boxes[:, None], anchors)  # (B, A)
    draws = uniform(keys, len(anchors))
    targets = _first(overlaps > positive, draws, most_positives)
    background = _first(overlaps < negative, draws, most - targets.sum(1, keepdim=True))
    learned = torch.where(targets & matches[:, None], 1, 0)
    return torch.where(targets | background, learned, -1)


def _first(candidates: Tensor, draws: Tensor, most: Tensor | int) -> Tensor:
    """Of candidates (B, A), in each row the up to `most` (int, or (B, 1)) with the lowest draws."""
    places = torch.where(candidates, draws, 2).argsort(dim=1, stable=True).argsort(1)
    return candidates & (places < most)
