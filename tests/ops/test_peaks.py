import pytest
import torch

from ops.peaks import cyclic_peak
from ops.windows import gaussian_label, hann


@pytest.mark.parametrize("shift", [(0.0, 0.0), (3.0, -4.0), (-6.3, 2.6), (7.45, 0.5), (-0.2, -0.3)])
def test_the_peak_of_a_label_lies_where_it_was_put(shift):
    label = gaussian_label(torch.tensor(shift), 2.0, 17, 19)
    place, value = cyclic_peak(label)
    assert (place - torch.tensor(shift)).abs().max() < 0.03
    assert 0.9 < value <= 1


def test_label_by_hand():
    label = gaussian_label(torch.tensor([1.0, 0.0]), 1.5, 4, 5)
    for row in range(4):
        for column in range(5):
            dy = min(row, 4 - row)
            dx = min(abs(column - 1), 5 - abs(column - 1))
            expected = torch.exp(torch.tensor(-(dx * dx + dy * dy) / (2 * 1.5**2)))
            assert torch.isclose(label[row, column], expected)


def test_hann_is_symmetric_with_its_top_in_the_middle():
    window = hann(31, 15)
    assert window.shape == (31, 15)
    assert window[15, 7] == 1
    assert window.min() > 0
    assert torch.allclose(window, window.flip(0, 1))
