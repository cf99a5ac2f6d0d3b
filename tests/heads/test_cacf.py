"""The filter against computations that share nothing with it: dense circulant matrices, loops."""

import numpy as np
import pytest
import torch

from heads.cacf import CACF, Filter, response_loss

SIZE = (6, 5)


def circulant(z: np.ndarray) -> np.ndarray:
    """Z with (Z w)[r] = sum_s w[s] z[r - s], by loops: the circulant matrix of a 2-D map."""
    height, width = z.shape
    matrix = np.zeros((height * width, height * width))
    for r in range(height):
        for c in range(width):
            for i in range(height):
                for j in range(width):
                    matrix[r * width + c, i * width + j] = z[(r - i) % height, (c - j) % width]
    return matrix


def random_maps(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_one_channel_is_the_dense_least_squares_solution():
    """Eq. 8 with several frames and contexts, solved by its normal equations."""
    cacf = CACF(lambda1=0.3, lambda2=0.7)
    frames, contexts = 3, 4
    templates = random_maps(frames, *SIZE)
    around = random_maps(frames, contexts, *SIZE, seed=1)
    label = cacf.label(torch.zeros(2, dtype=torch.float64), 12.0, *SIZE)
    learned = None
    for template, context in zip(templates, around, strict=True):
        new = cacf.learn(template[None, None], context[None, :, None], label)
        learned = new if learned is None else learned + new
    search = random_maps(1, 1, 1, *SIZE, seed=2)
    response = cacf.respond(learned, search)[0, 0].numpy()

    count = SIZE[0] * SIZE[1]
    left, right = np.zeros((count, count)), np.zeros(count)
    for template, context in zip(templates.numpy(), around.numpy(), strict=True):
        matrix = circulant(template)
        left += matrix.T @ matrix + 0.3 * np.eye(count)
        for patch in context:
            left += 0.7 * circulant(patch).T @ circulant(patch)
        right += matrix.T @ label.numpy().ravel()
    weights = np.linalg.solve(left, right)
    expected = (circulant(search[0, 0, 0].numpy()) @ weights).reshape(SIZE)
    np.testing.assert_allclose(response, expected, rtol=1e-5, atol=1e-10)


def test_channels_are_summed_in_the_denominator():
    """Eq. 10 and 11 with numpy's full FFT, channel by channel."""
    cacf = CACF()
    template, contexts = random_maps(1, 3, *SIZE), random_maps(1, 2, 3, *SIZE, seed=1)
    search = random_maps(1, 2, 3, *SIZE, seed=2)
    label = cacf.label(torch.zeros(2, dtype=torch.float64), 12.0, *SIZE)
    found = cacf.respond(cacf.learn(template, contexts, label), search).numpy()

    spectra = np.fft.fft2(template[0])
    denominator = sum(abs(spectrum) ** 2 for spectrum in spectra) + cacf.lambda1
    for patch in contexts[0].numpy():
        for channel in patch:
            denominator = denominator + cacf.lambda2 * abs(np.fft.fft2(channel)) ** 2
    for index in range(2):
        total = 0
        for channel in range(3):
            weights = spectra[channel].conj() * np.fft.fft2(label.numpy()) / denominator
            total = total + weights * np.fft.fft2(search[0, index, channel].numpy())
        np.testing.assert_allclose(found[0, index], np.fft.ifft2(total).real, atol=1e-12)


@pytest.mark.parametrize("contexts", [0, 2])
def test_gradients(contexts):
    cacf = CACF(lambda1=0.1, lambda2=0.3)
    label = cacf.label(torch.zeros(2, dtype=torch.float64), 12.0, *SIZE)
    wanted = cacf.label(torch.ones(2, dtype=torch.float64), 12.0, *SIZE)

    def loss(template, context, search):
        return response_loss(cacf.respond(cacf.learn(template, context, label), search), wanted)

    inputs = [
        random_maps(1, 2, *SIZE),
        random_maps(1, contexts, 2, *SIZE, seed=1),
        random_maps(1, 1, 2, *SIZE, seed=2),
    ]
    assert torch.autograd.gradcheck(loss, [maps.requires_grad_() for maps in inputs])


@pytest.mark.parametrize("shift", [(0, 0), (2, 1), (-1, -2)])
def test_the_response_peaks_where_the_patch_went(shift):
    cacf = CACF(sigma_factor=0.1)
    template = random_maps(1, 4, 11, 9)
    label = cacf.label(torch.zeros(2, dtype=torch.float64), 8.0, 11, 9)
    learned = cacf.learn(template, random_maps(1, 0, 4, 11, 9), label)
    x, y = shift
    moved = template.roll((y, x), (-2, -1))
    response = cacf.respond(learned, moved[:, None])[0, 0]
    assert divmod(int(response.argmax()), 9) == (y % 11, x % 9)
    assert torch.allclose(response, label.roll((y, x), (0, 1)), atol=0.02)


def test_contexts_are_answered_with_less():
    cacf = CACF(lambda2=1.0)
    template, context = random_maps(1, 2, 9, 9), random_maps(1, 1, 2, 9, 9, seed=3)
    label = cacf.label(torch.zeros(2, dtype=torch.float64), 10.0, 9, 9)
    without = cacf.learn(template, context[:, :0], label)
    with_it = cacf.learn(template, context, label)
    energy = [cacf.respond(f, context).square().sum() for f in (without, with_it)]
    assert energy[1] < 0.5 * energy[0]


def test_autocast_and_half_precision_leave_the_filter_in_float32():
    cacf = CACF()
    template = torch.randn(1, 2, 9, 9).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        label = cacf.label(torch.zeros(2), 8.0, 9, 9)
        learned = cacf.learn(template, template[:, :0, None], label)
        response = cacf.respond(learned, template[:, None])
    assert learned.numerator.dtype == torch.complex64
    assert learned.denominator.dtype == response.dtype == torch.float32


def test_running_average():
    old = Filter(torch.ones(1, 1, 2, 2, dtype=torch.complex64), torch.ones(1, 1, 2, 2))
    new = Filter(3 * old.numerator, 5 * old.denominator)
    mixed = old.lerp(new, 0.25)
    assert torch.allclose(mixed.numerator.real, torch.tensor(1.5))
    assert torch.allclose(mixed.denominator, torch.tensor(2.0))
