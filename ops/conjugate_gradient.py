"""Nonlinear least squares by Gauss-Newton with conjugate gradients, for many problems at once.

ATOM's optimiser (Danelljan et al., CVPR 2019, section 3.2). Two decisions: each Gauss-Newton step
runs plain conjugate gradients from zero (ATOM's code keeps the search direction from one step to
the next, forgets it slowly and uses Polak and Ribiere's formula), and a step that does not lower
its problem's objective is not taken (ATOM takes them all).

Parameters are tuples of tensors whose first axis is the problem (here: the target). Nothing is
summed over that axis, so a problem does not see the others.
"""

from collections.abc import Callable

import torch
from torch import Tensor

Parameters = tuple[Tensor, ...]
Residuals = Callable[[Parameters], Tensor]
Linear = Callable[[Parameters], Tensor]
Adjoint = Callable[[Tensor], Parameters]
Linearize = Callable[[Parameters], tuple[Tensor, Linear, Adjoint]]

SHORTER = 0.25  # part of its length at which a step is tried again that was not taken


def gauss_newton(
    residuals: Residuals,
    linearize: Linearize,
    parameters: Parameters,
    regularization: float,
    steps: int,
    iterations: int,
) -> Parameters:
    """Lower sum_j r_j(w)^2 + regularization |w|^2 for each of B problems.

    A step linearises r once and solves its normal equations,
    (J^T J + regularization I) d = -(J^T r + regularization w), w += d. Where the objective does not
    fall by it, that problem's w stays, and the next step is tried at a quarter of its length, until
    one is taken.

    Args:
        residuals: parameters -> r (B, M).
        linearize: parameters -> (r (B, M), direction -> J direction (B, M),
            u (B, M) -> J^T u): the residuals, and their Jacobian as two functions.
        parameters: where to start, (B, ...) each.
        steps: of Gauss-Newton.
        iterations: of conjugate gradients in each step.

    Returns:
        The parameters after the last step.
    """

    def objective(values: Tensor, parameters: Parameters) -> Tensor:
        return values.square().sum(1) + regularization * _dot(parameters, parameters)  # (B,)

    length = 1.0
    for _ in range(steps):
        values, step = _step(linearize, parameters, regularization, iterations)
        moved = _axpy(length, step, parameters)
        fell = objective(residuals(moved), moved) < objective(values, parameters)  # not if NaN
        parameters = tuple(
            torch.where(_of_problems(fell, new), new, old)
            for new, old in zip(moved, parameters, strict=True)
        )
        length = torch.where(fell, 1.0, SHORTER * length)  # (B,)
    return parameters


def _step(
    linearize: Linearize, parameters: Parameters, regularization: float, iterations: int
) -> tuple[Tensor, Parameters]:
    """The residuals, and the step to where their linearisation is lowest. On its own, so that the
    Jacobian is let go of before the next one is made."""
    values, forward, adjoint = linearize(parameters)
    slope = _axpy(regularization, parameters, adjoint(values))

    def product(direction: Parameters) -> Parameters:
        return _axpy(regularization, direction, adjoint(forward(direction)))

    return values, conjugate_gradient(product, tuple(-s for s in slope), iterations)


def conjugate_gradient(
    product: Callable[[Parameters], Parameters], right: Parameters, iterations: int
) -> Parameters:
    """Solve A x = right from x = 0; `product` multiplies by A, symmetric and positive definite.

    A problem that is solved (its residual is zero) stays as it is while others go on.
    """
    solution = tuple(torch.zeros_like(r) for r in right)
    residual = direction = right
    square = _dot(residual, residual)  # (B,)
    for _ in range(iterations):
        image = product(direction)
        length = _quotient(square, _dot(direction, image))
        solution = _axpy(length, direction, solution)
        residual = _axpy(-length, image, residual)
        square, before = _dot(residual, residual), square
        direction = _axpy(_quotient(square, before), direction, residual)
    return solution


def _dot(a: Parameters, b: Parameters) -> Tensor:
    """Of each problem: (B,)."""
    return sum((x * y).flatten(1).sum(1) for x, y in zip(a, b, strict=True))


def _axpy(factor: Tensor | float, x: Parameters, y: Parameters) -> Parameters:
    """factor x + y, with one factor or one for each problem, (B,)."""
    if isinstance(factor, Tensor):
        return tuple(
            torch.addcmul(b, _of_problems(factor, a).to(a.dtype), a)
            for a, b in zip(x, y, strict=True)
        )
    return tuple(torch.add(b, a, alpha=factor) for a, b in zip(x, y, strict=True))


def _of_problems(values: Tensor, like: Tensor) -> Tensor:
    """Values (B,) of the problems -> (B, 1, ...) with as many axes as `like`."""
    return values.view(-1, *[1] * (like.dim() - 1))


def _quotient(numerator: Tensor, denominator: Tensor) -> Tensor:
    """numerator / denominator, 0 where the denominator is not positive."""
    positive = denominator > 0
    return torch.where(positive, numerator / torch.where(positive, denominator, 1), 0)
