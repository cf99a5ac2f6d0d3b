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
    found = gauss_newton(linearized(residuals), parameters, 0.3, steps=1, iterations=40)
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

    found = gauss_newton(linearized(fitting), near, 0.0, steps=6, iterations=20)
    assert fitting(near).square().sum(1).min() > 1e-3
    assert fitting(found).square().sum(1).max() < 1e-12


def test_problems_do_not_see_each_other():
    residuals, parameters = problem()
    together = gauss_newton(linearized(residuals), parameters, 0.1, 3, 5)
    for row in range(B):
        rows = slice(row, row + 1)
        linearize = linearized(lambda p, rows=rows: residuals(p, rows))
        alone = gauss_newton(linearize, tuple(p[rows] for p in parameters), 0.1, 3, 5)
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
