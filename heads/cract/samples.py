"""The boxes that CRACT's discriminator and refinement learn from.

MDNet's draws, in the search crop: sides change by powers of a step, centres move by parts of the
mean side. All are functions of int64 keys (B,), see ops/random.py.
"""

import torch
from torch import Tensor

from ops.boxes import centers, from_centers, overlap
from ops.random import derive, normal, uniform

CANDIDATES = 4  # drawn for each sample that is wanted; most of them fit


def draw_positives(keys: Tensor, boxes: Tensor, count: int, least: float = 0.7) -> Tensor:
    """`count` boxes around each of boxes (B, 4) that overlap it by `least` or more.

    Gaussian: the centre by 0.05 of the mean side, the sides by 1.3^0.5, cut off at two standard
    deviations (MDNet). Decision: of boxes more than three times as long as wide the centre moves by
    0.1 of the shorter side, or few would fit. Where too few do, those that overlap most.

    Returns:
        (B, count, 4).
    """
    draws = normal(keys, CANDIDATES * count, 3).clamp(-2, 2) / 2
    sides = boxes[:, 2:]
    reach = (2 * sides.amin(1) / sides.mean(1)).clamp(max=1)[:, None, None]  # (B, 1, 1)
    candidates = _moved(boxes, 0.1 * reach * draws[..., :2], 1.3 ** draws[..., 2:])
    overlaps = overlap(candidates, boxes[:, None])
    return _first(candidates, overlaps, overlaps >= least, count)


def draw_negatives(keys: Tensor, boxes: Tensor, count: int, most: float, crop_size: int) -> Tensor:
    """`count` boxes for each of boxes (B, 4) that overlap it by `most` or less.

    Uniform, sides changed by up to 1.6: in turn up to one mean side away on both axes, and anywhere
    in the crop (MDNet's two kinds). Centres lie in the crop. Where too few fit, those that overlap
    least.

    Returns:
        (B, count, 4).
    """
    draws = uniform(keys, CANDIDATES * count, 3) * 2 - 1
    scales = 1.6 ** draws[..., 2:]
    near = _moved(boxes, draws[..., :2], scales)
    center = centers(near).clamp(0, crop_size)
    center[:, 1::2] = (draws[:, 1::2, :2] + 1) * (crop_size / 2)
    candidates = from_centers(center, near[..., 2:])
    overlaps = overlap(candidates, boxes[:, None])
    return _first(candidates, -overlaps, overlaps <= most, count)


def draw_around(keys: Tensor, boxes: Tensor, count: int) -> Tensor:
    """`count` boxes around each of boxes (B, 4), of all overlaps from 1 to about 0.3.

    Each has a strength of its own, uniform in [0, 1]; centres move by 0.4, the logarithms of the
    sides change by 0.4 of it, both Gaussian.

    Returns:
        (B, count, 4).
    """
    strengths = 0.4 * uniform(derive(keys, 1), count, 1)
    draws = strengths * normal(keys, count, 4)
    return _moved(boxes, draws[..., :2], draws[..., 2:].exp())


def _moved(boxes: Tensor, shifts: Tensor, scales: Tensor) -> Tensor:
    """Boxes (B, 4), each moved by shifts (B, N, 2) of its mean side, its sides times scales
    (B, N, 1 or 2): (B, N, 4)."""
    boxes = boxes[:, None]
    size = boxes[..., 2:]
    return from_centers(centers(boxes) + shifts * size.mean(-1, keepdim=True), size * scales)


def _first(candidates: Tensor, values: Tensor, fits: Tensor, count: int) -> Tensor:
    """The first `count` of candidates (B, N, 4) that fit, then those of the highest values."""
    places = torch.linspace(3, 2, candidates.shape[1], device=candidates.device)
    chosen = torch.where(fits, places, values).topk(count).indices  # values are 1 at most
    return candidates.take_along_dim(chosen[..., None], 1)
