"""Cross-correlation of a template's features with those of a search region.

A response cell p = (row, column) compares the kernel with the search cells that it covers when its
first cell lies on search cell p. No padding: H x W and h x w give (H - h + 1) x (W - w + 1).
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def correlate(kernels: Tensor, search: Tensor) -> Tensor:
    """Summed over channels (SiamFC; RASNet, Eq. 5 without its bias).

    Args:
        kernels: (B, C, h, w).
        search: (B N, C, H, W): N regions to each kernel, those of one kernel side by side.

    Returns:
        (B, N, H - h + 1, W - w + 1).
    """
    batch = len(kernels)
    regions = search.unflatten(0, (batch, -1)).transpose(0, 1)  # (N, B, C, H, W)
    responses = F.conv2d(regions.flatten(1, 2), kernels, groups=batch)  # (N, B, h', w')
    return responses.transpose(0, 1)


def depthwise(kernels: Tensor, search: Tensor) -> Tensor:
    """Channel by channel (SiamRPN++, section 3.4; HROM, section 3.1).

    Kernels (B, C, h, w) on search (B, C, H, W) -> (B, C, H - h + 1, W - w + 1).
    """
    batch, channels = kernels.shape[:2]
    stacked = search.reshape(1, batch * channels, *search.shape[2:])
    kernels = kernels.reshape(batch * channels, 1, *kernels.shape[2:])
    responses = F.conv2d(stacked, kernels, groups=batch * channels)
    return responses.view(batch, channels, *responses.shape[2:])


def weighted(kernels: Tensor, rho: Tensor | None = None, beta: Tensor | None = None) -> Tensor:
    """Kernels for a weighted correlation: `correlate` with them is RASNet's Eq. 8 without bias.

    Args:
        kernels: (B, C, h, w).
        rho: weights of the cells, (B, h, w) or one (h, w) for all; None for ones.
        beta: weights of the channels, (B, C); None for ones.

    Returns:
        (B, C, h, w).
    """
    if rho is not None:
        kernels = kernels * rho.unsqueeze(-3)
    return kernels if beta is None else kernels * beta[..., None, None]


def central(features: Tensor, cells: int, symmetric: bool = False) -> Tensor:
    """The central `cells` x `cells` of (..., H, W), or all of a smaller side.

    What padding touched is cut off like this (HROM, section 3.2: 8 of 16). Of an odd remainder the
    larger part is cut at the end, or, with `symmetric`, one cell more is cut: of 15 cells, whose
    middle is a cell, 7 stay (SiamRPN++'s), not 8.
    """
    height, width = (
        min(cells - symmetric * ((side - cells) % 2), side) if side > cells else side
        for side in features.shape[-2:]
    )
    top, left = ((a - b) // 2 for a, b in zip(features.shape[-2:], (height, width), strict=True))
    return features[..., top : top + height, left : left + width]


def response_centers(
    cells: int, stride: int, template_size: int, search_size: int, device=None
) -> Tensor:
    """Where the template's centre lies in the search crop when it matches at each response cell.

    Whatever the backbone pads, template and search have their cells at the same pixels, so a kernel
    cut from template cell s on, found at search cell p, has moved by stride (p - s) pixels from one
    crop to the other. s follows from the sizes: the template's map is D = (search_size -
    template_size) / stride cells smaller than the search's, what was cut made the response larger.

    Args:
        cells: of the response along one axis.
        stride: of both maps, in pixels; divides search_size - template_size.
        template_size, search_size: sides of the crops, in pixels.

    Returns:
        (cells,) positions along that axis, in search crop pixels.
    """
    start = (cells - 1 - (search_size - template_size) // stride) // 2
    places = torch.arange(cells, device=device, dtype=torch.float32) - start
    return template_size / 2 + stride * places
