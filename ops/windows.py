"""Windows and labels on a grid of cells."""

import torch
from torch import Tensor


def hann(height: int, width: int, **kind) -> Tensor:
    """Hann window (height, width), 1 at the centre and above 0 on the outermost cells.

    The zeros of the plain window lie one cell outside the grid, so that no cell is wasted.
    """
    rows = torch.hann_window(height + 2, periodic=False, **kind)[1:-1]
    columns = torch.hann_window(width + 2, periodic=False, **kind)[1:-1]
    return rows[:, None] * columns


def response_window(places: Tensor, middle: float, stride: float) -> Tensor:
    """Hann window (n, n) on a response whose cells lie at (n,) `places`, `stride` apart.

    It is 1 at `middle`, where the target was, also where that is no cell of the grid, and falls to
    0 one cell outside of the grid.
    """
    distances = places - middle
    reach = distances.abs().amax() + stride
    profile = torch.cos(distances / reach * (torch.pi / 2)).square()
    return profile[:, None] * profile


def gaussian_label(shifts: Tensor, sigma: float, height: int, width: int) -> Tensor:
    """Gaussian labels on a cyclic grid: the desired correlation responses.

    Args:
        shifts: (..., 2) place (x, y) of the peak in cells, any real number; (0, 0) is cell (0, 0).
        sigma: standard deviation in cells.

    Returns:
        (..., height, width), at each cell exp(-d^2 / 2 sigma^2) of its shortest cyclic distance d.
    """
    x = cyclic(torch.arange(width, device=shifts.device) - shifts[..., 0, None], width)
    y = cyclic(torch.arange(height, device=shifts.device) - shifts[..., 1, None], height)
    return torch.exp(-(y[..., :, None] ** 2 + x[..., None, :] ** 2) / (2 * sigma**2))


def cyclic(distance: Tensor, period: int) -> Tensor:
    """Distances brought into [-period/2, period/2)."""
    return (distance + period / 2) % period - period / 2
