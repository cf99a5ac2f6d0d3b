import torch
from torch.func import jacrev, jvp, vjp

from ops.conjugate_gradient import conjugate_gradient, gauss_newton

B, M = 3, 12


def problem():
    """A small network's residuals of three problems, and its parameters of two shapes."""
    generator = torch.Generator().manual_seed(0)

    def numbers(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    inputs, wanted = numbers(B, M, 4), numbers(B, M)
    parameters = numbers(B, 4, 3), numbers(B, 3)

    def residuals(parameters, rows=slice(None)):
        first, second = parameters
        return (torch.tanh(inputs[rows] @ first) @ second[..., None])[..., 0] - wanted[rows]

    return residuals, parameters


def linearized(residuals):
    """By autograd, forwards and backwards."""

    def linearize(parameters):
        values, adjoint = vjp(residuals, parameters)
        return (
            values,
            lambda direction: jvp(residuals, (parameters,), (direction,))[1],
            lambda u: adjoint(u)[0],
        )

    return linearize


def test_a_step_solves_the_normal_equations():
    residuals, parameters = problem()
    found = gauss_newton(residuals, linearized(residuals), parameters, 0.3, 1, 40)
    for row in range(B):
        alone = tuple(p[row : row + 1] for p in parameters)
        start = torch.cat([p.flatten() for p in alone])

        def flat(vector, row=row):
            split = vector[:12].view(1, 4, 3), vector[12:].view(1, 3)
            return residuals(split, slice(row, row + 1))[0]

        jacobian, r = jacrev(flat)(start), flat(start)
        matrix = jacobian.T @ jacobian + 0.3 * torch.eye(15, dtype=torch.float64)
        expected = start - torch.linalg.solve(matrix, jacobian.T @ r + 0.3 * start)
        step = torch.cat([p[row].flatten() for p in found])
        assert torch.allclose(step, expected, atol=1e-9)


def test_steps_find_what_fits():
    """From near a solution, of residuals that can all be zero."""
    residuals, parameters = problem()
    offsets = residuals(parameters)
    near = tuple(p + 0.1 * p.sin() for p in parameters)

    def fitting(parameters):
        return residuals(parameters) - offsets

    found = gauss_newton(fitting, linearized(fitting), near, 0.0, steps=6, iterations=20)
    assert fitting(near).square().sum(1).min() > 1e-3
    assert fitting(found).square().sum(1).max() < 1e-12


def test_only_steps_that_lower_the_objective_are_taken():
    """atan(w) from near 0, where whole steps converge, and from 3, where each goes further up."""
    start = torch.tensor([[0.5], [3.0]], dtype=torch.float64)

    def residuals(parameters):
        return torch.atan(parameters[0])

    def after(steps):
        return gauss_newton(residuals, linearized(residuals), (start,), 0.0, steps, 1)[0][:, 0]

    step = torch.atan(start) * (1 + start**2)  # of Newton
    assert (start - step).abs()[1] > 3  # a whole one would go up
    first, second = after(1), after(2)
    assert torch.allclose(first[0], (start - step)[0]) and first[1] == 3
    assert torch.allclose(second[1], (start - step / 4)[1, 0])  # and is tried again, shorter
    heights = torch.stack([residuals((after(steps),)).abs() for steps in range(9)])
    assert (heights.diff(dim=0) <= 0).all() and heights[-1].max() < 1e-6


def test_the_regularisation_counts_in_what_must_fall():
    """r = 1 - w from 0, with a Jacobian that is too small and makes the step 1.94: r^2 falls from 1
    to 0.89, but 0.05 w^2 grows by 0.19."""
    start = (torch.zeros(1, 1, dtype=torch.float64),)

    def residuals(parameters):
        return 1 - parameters[0]

    def linearize(parameters):
        return residuals(parameters), lambda d: -0.13 * d[0], lambda u: (-0.13 * u,)

    (found,) = gauss_newton(residuals, linearize, start, 0.05, 1, 1)
    assert found.item() == 0
    (found,) = gauss_newton(residuals, linearize, start, 0.05, 2, 1)
    assert abs(found.item() - 0.25 * 0.13 / (0.13**2 + 0.05)) < 1e-9


def test_problems_do_not_see_each_other():
    residuals, parameters = problem()
    together = gauss_newton(residuals, linearized(residuals), parameters, 0.1, 3, 5)
    for row in range(B):
        rows = slice(row, row + 1)

        def own(p, rows=rows):
            return residuals(p, rows)

        alone = gauss_newton(own, linearized(own), tuple(p[rows] for p in parameters), 0.1, 3, 5)
        for a, b in zip(alone, together, strict=True):
            assert torch.allclose(a[0], b[row], atol=1e-12)


def test_a_solved_problem_waits_for_the_others():
    """Of one dimension, of none (right = 0) and of five, through iterations that one needs."""
    matrices = torch.stack([torch.diag(torch.arange(1.0, 6)).double()] * 3)
    right = torch.zeros(3, 5, dtype=torch.float64)
    right[0, 2], right[2] = 6.0, 1.0

    def product(direction):
        return ((matrices @ direction[0][..., None])[..., 0],)

    (solution,) = conjugate_gradient(product, (right,), 12)
    expected = torch.linalg.solve(matrices, right)
    assert torch.allclose(solution, expected, atol=1e-9)
