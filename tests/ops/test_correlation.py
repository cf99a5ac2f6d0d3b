import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ops.correlation import central, correlate, depthwise, response_centers, weighted


def by_loops(kernel, search, rho, beta):
    """RASNet, Eq. 8 without its bias, as it is written, of one kernel and one region."""
    channels, h, w = kernel.shape
    response = np.zeros((search.shape[1] - h + 1, search.shape[2] - w + 1))
    for p, q in np.ndindex(response.shape):
        for c, i, j in np.ndindex(channels, h, w):
            response[p, q] += rho[i, j] * beta[c] * kernel[c, i, j] * search[c, p + i, q + j]
    return response


def draw(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def setup_function():
    torch.manual_seed(0)


def test_correlate_pairs_each_kernel_with_its_own_regions():
    kernels, search = draw(2, 3, 2, 4), draw(6, 3, 5, 7)
    found = correlate(kernels, search)
    assert found.shape == (2, 3, 4, 4)
    ones = np.ones((2, 4)), np.ones(3)
    for b, n in np.ndindex(2, 3):
        expected = by_loops(kernels[b].numpy(), search[3 * b + n].numpy(), *ones)
        np.testing.assert_allclose(found[b, n].numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("shared", [False, True])
def test_weighted_correlation_is_equation_8(shared):
    kernels, search = draw(2, 3, 2, 4), draw(4, 3, 4, 6)
    rho, beta = draw(2, 4) if shared else draw(2, 2, 4), draw(2, 3)
    found = correlate(weighted(kernels, rho, beta), search)
    for b, n in np.ndindex(2, 2):
        own = (rho if shared else rho[b]).numpy()
        expected = by_loops(kernels[b].numpy(), search[2 * b + n].numpy(), own, beta[b].numpy())
        np.testing.assert_allclose(found[b, n].numpy(), expected, atol=1e-12)


def test_what_is_not_weighted_weighs_one():
    kernels, rho, beta = draw(2, 3, 2, 4), draw(2, 4), draw(2, 3)
    assert torch.equal(weighted(kernels), kernels)
    assert torch.equal(weighted(kernels, rho), weighted(kernels, rho, torch.ones_like(beta)))
    assert torch.equal(weighted(kernels, None, beta), weighted(kernels, torch.ones(2, 4), beta))


def test_depthwise_is_a_correlation_of_each_channel():
    kernels, search = draw(2, 3, 2, 4), draw(2, 3, 5, 7)
    found = depthwise(kernels, search)
    for b in range(2):
        grouped = F.conv2d(search[b : b + 1], kernels[b][:, None], groups=3)[0]
        torch.testing.assert_close(found[b], grouped)
        for c in range(3):
            one = kernels[b, c : c + 1].numpy(), search[b, c : c + 1].numpy()
            expected = by_loops(*one, np.ones((2, 4)), np.ones(1))
            np.testing.assert_allclose(found[b, c].numpy(), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("side", "cells", "first"),
    [(16, 6, 5), (15, 6, 4), (16, 8, 4), (6, 6, 0), (4, 6, 0), (5, 2, 1)],
)
def test_central(side, cells, first):
    """`first` is the row and column of the first cell that is kept."""
    numbers = torch.arange(side * side).view(side, side)
    kept = central(numbers, cells)
    assert kept.shape == (min(side, cells),) * 2
    assert kept[0, 0] == first * side + first


def test_centers_of_siamfcs_response():
    places = response_centers(17, 8, 127, 255)
    assert places.tolist() == [63.5 + 8 * p for p in range(17)]
    assert places[8] == 255 / 2


UNPADDED = torch.nn.Conv2d(3, 16, 15, stride=8, bias=False)
PADDED = torch.nn.Conv2d(3, 16, 15, stride=8, padding=7, bias=False)
DEEPER = torch.nn.Sequential(
    torch.nn.Conv2d(3, 8, 7, stride=2, padding=3, bias=False),
    torch.nn.Conv2d(8, 16, 3, stride=4, padding=2, bias=False),
)


@pytest.mark.parametrize("cells", [4, 6, 7, 99])
@pytest.mark.parametrize("sizes", [(127, 255), (128, 256), (95, 159)])
@pytest.mark.parametrize("features", [UNPADDED, PADDED, DEEPER], ids=["no", "same", "more"])
def test_a_template_is_found_where_it_was_cut_out(features, sizes, cells):
    """Whatever the backbone pads and the cut takes away, by the response's highest cell."""
    template_size, search_size = sizes
    search = torch.randn(1, 3, search_size, search_size)
    for x, y in [(0, 0), (24, 56), (search_size - template_size, 16)]:
        template = search[..., y : y + template_size, x : x + template_size]
        with torch.no_grad():
            kernel = central(features(template), cells)
            response = correlate(kernel, features(search))[0, 0]
        places = response_centers(len(response), 8, *sizes)
        row, column = divmod(int(response.argmax()), len(response))
        assert (places[column], places[row]) == (x + template_size / 2, y + template_size / 2)


@pytest.mark.parametrize(
    ("side", "kept", "first"), [(16, 8, 4), (15, 7, 4), (9, 7, 1), (8, 8, 0), (5, 5, 0)]
)
def test_a_symmetric_cut_keeps_the_middle(side, kept, first):
    features = torch.arange(float(side)).expand(2, side, side)
    found = central(features, 8, symmetric=True)
    assert found.shape == (2, kept, kept) and found[0, 0, 0] == first
    assert found[0, 0].mean() == (side - 1) / 2
