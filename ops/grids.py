"""Maps of different strides in register: which cell of one lies on which cell of the other.

Cell m of a coarse grid lies on cell factor m + start of a fine one. A padded network has start 0
(64 and 32 cells); one that loses its border has fine cells left over before the first coarse one
(63 and 31: cell m lies on 2 m + 1). Resampling by the ratio of the sizes instead would stretch one
against the other, by a cell from edge to edge.
"""

from collections.abc import Callable, Sequence

import torch.nn.functional as F
from torch import Tensor


def grid_size(
    sizes: Sequence[tuple[int, int]], strides: Sequence[int], target: int
) -> tuple[int, int]:
    """Cells (h, w) of the grid at stride `target` that levels of these sizes and strides share:
    the level's own that has the stride; without one, the finest level's, divided or multiplied."""
    own = target if target in strides else min(strides)
    return tuple(-(-side * own // target) for side in sizes[strides.index(own)])


def align(
    level: Tensor,
    operation: Callable[[Tensor], Tensor],
    stride: int,
    target: int,
    size: tuple[int, int],
) -> Tensor:
    """A level on a grid of `size` cells at stride `target`, after an operation.

    Args:
        level: (B, C, h, w), at `stride`; the larger of the strides is a multiple of the other.
        operation: keeps the place of cell 0 (1x1, or with padding); for a finer level it has the
            step target / stride.

    Returns:
        (B, C', *size).
    """
    if stride > target:
        return upsample(operation(level), stride // target, size)
    factor = target // stride
    top, left = (
        _start(fine, coarse, factor) for fine, coarse in zip(level.shape[-2:], size, strict=True)
    )
    return operation(level[..., top : top + factor * size[0], left : left + factor * size[1]])


def upsample(features: Tensor, factor: int, size: tuple[int, int]) -> Tensor:
    """(B, C, h, w) -> (B, C, *size), bilinear: fine cell k reads coarse (k - start) / factor."""
    height, width = features.shape[-2:]
    fine = (factor * (height + 1) + 1, factor * (width + 1) + 1)
    padded = F.pad(features, (1, 1, 1, 1), mode="replicate")
    padded = F.interpolate(padded, fine, mode="bilinear", align_corners=True)  # coarse 0 at factor
    top, left = (
        factor - _start(cells, coarse, factor)
        for cells, coarse in zip(size, (height, width), strict=True)
    )
    return padded[..., top : top + size[0], left : left + size[1]]


def _start(fine: int, coarse: int, factor: int) -> int:
    """The fine cell on which coarse cell 0 lies."""
    return min(max(fine - factor * coarse, 0), factor)
