"""Where a correlation response is highest."""

import torch
from torch import Tensor

from ops.windows import cyclic


def cyclic_peak(responses: Tensor) -> tuple[Tensor, Tensor]:
    """Highest cell of cyclic responses, refined below a cell by a parabola along each axis.

    Args:
        responses: (..., H, W), whose cell (0, 0) means "not moved".

    Returns:
        shifts (..., 2) in cells, (x, y), each in about [-W/2, W/2) and [-H/2, H/2), and the
        highest values (...).
    """
    height, width = responses.shape[-2:]
    flat = responses.flatten(-2)
    values, index = flat.max(-1)
    row, column = index // width, index % width

    def at(rows: Tensor, columns: Tensor) -> Tensor:
        return flat.gather(-1, (rows % height * width + columns % width)[..., None])[..., 0]

    x = column + _vertex(at(row, column - 1), values, at(row, column + 1))
    y = row + _vertex(at(row - 1, column), values, at(row + 1, column))
    return torch.stack([cyclic(x, width), cyclic(y, height)], -1), values


def _vertex(before: Tensor, peak: Tensor, after: Tensor) -> Tensor:
    """Where the parabola through three neighbouring cells is highest, in [-0.5, 0.5]."""
    curvature = 2 * peak - before - after
    return torch.where(curvature > 0, (after - before) / (2 * curvature.clamp(min=1e-12)), 0.0)
