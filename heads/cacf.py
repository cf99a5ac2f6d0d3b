"""The contextual attentional correlation filter layer, RAR section 3.3, Eq. 8-13.

Every feature map z is a circulant matrix to the filter: it sees all cyclic shifts of z at once, and
the ridge regression over them is solved in closed form, cell by cell, in the Fourier domain. The
layer is built of differentiable operations, so Eq. 13 is left to autograd.

Written out for channel c, with * the complex conjugate and ^ the (unnormalised) DFT,

    w^_c = sum_t beta_t z0*_c,t y^  /  sum_t beta_t (sum_c |z0_c,t|^2 + lambda1
                                                    + lambda2 sum_i sum_c |zi_c,t|^2)     Eq. 10
    g(x) = F^-1(sum_c w^_c x^_c)                                                          Eq. 11

which answers a cyclic shift of z0 with the same shift of y. Two decisions: sums over frames are
taken of numerator and denominator (Eq. 10; Eq. 9 sums quotients), and the denominator is summed
over channels too, as in DCFNet and EDCF, so that channels are weighed against each other. For one
channel it is the exact minimiser of Eq. 8.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ops.windows import gaussian_label


@dataclass
class Filter:
    """Correlation filters of B targets, in the Fourier domain of a real (H, W) grid.

    Attributes:
        numerator: (B, C, H, W // 2 + 1) complex.
        denominator: (B, 1, H, W // 2 + 1) real and positive.
    """

    numerator: Tensor
    denominator: Tensor

    def __add__(self, other: "Filter") -> "Filter":
        """The sum over frames of Eq. 10."""
        return Filter(self.numerator + other.numerator, self.denominator + other.denominator)

    def lerp(self, new: "Filter", rate: float) -> "Filter":
        """The running average (1 - rate) old + rate new: Eq. 10 with geometric beta."""
        return Filter(
            torch.lerp(self.numerator, new.numerator, rate),
            torch.lerp(self.denominator, new.denominator, rate),
        )

    def detach(self) -> "Filter":
        return Filter(self.numerator.detach(), self.denominator.detach())


class CACF:
    """Learns filters and applies them; it has hyper-parameters but no weights.

    Args:
        sigma_factor: standard deviation of the desired response, in units of sqrt(w h) of the
            target in cells.
        lambda1: weight of ||w||^2.
        lambda2: weight of the context patches, which are to answer zero.
    """

    def __init__(self, sigma_factor: float = 0.1, lambda1: float = 1e-4, lambda2: float = 1e-1):
        self.sigma_factor, self.lambda1, self.lambda2 = sigma_factor, lambda1, lambda2

    def label(self, shifts: Tensor, target_cells: float, height: int, width: int) -> Tensor:
        """Desired responses (..., H, W) of a target moved by shifts (..., 2), (x, y) in cells.

        target_cells: sqrt(w h) of the target in cells. An unmoved target peaks at cell (0, 0).
        """
        return gaussian_label(shifts, self.sigma_factor * target_cells, height, width)

    def learn(self, template: Tensor, contexts: Tensor, label: Tensor) -> Filter:
        """One frame's terms of Eq. 10, with beta 1.

        Args:
            template: (B, C, H, W) features of the target patch, windowed.
            contexts: (B, k, C, H, W) features of k context patches, windowed; k may be 0.
            label: (B, H, W) or (H, W) desired response of the template.
        """
        template, label = _spectrum(template), _spectrum(label)
        numerator = template.conj() * label[..., None, :, :]
        energy = _energy(template).sum(1, keepdim=True)  # (B, 1, H, W')
        context_energy = 0.0  # torch 2.14 has no DFT of nothing
        if contexts.shape[1]:
            context_energy = _energy(_spectrum(contexts)).sum((1, 2))[:, None]  # (B, 1, H, W')
        return Filter(numerator, energy + self.lambda1 + self.lambda2 * context_energy)

    def respond(self, filters: Filter, search: Tensor) -> Tensor:
        """Eq. 11: responses (B, N, H, W) of N windowed search features (B, N, C, H, W) a target."""
        weights = filters.numerator / filters.denominator  # (B, C, H, W')
        spectrum = (weights[:, None] * _spectrum(search)).sum(2)
        return torch.fft.irfft2(spectrum, s=search.shape[-2:])


def response_loss(responses: Tensor, labels: Tensor) -> Tensor:
    """Eq. 12, ||g(x) - y||^2, summed over the cells (..., H, W) and averaged over the rest."""
    return (responses - labels).square().sum((-2, -1)).mean()


def _spectrum(maps: Tensor) -> Tensor:
    """DFT over the last two axes, in float32 at least, whatever the autocast."""
    return torch.fft.rfft2(maps.to(torch.promote_types(maps.dtype, torch.float32)))


def _energy(spectrum: Tensor) -> Tensor:
    return spectrum.real.square() + spectrum.imag.square()
