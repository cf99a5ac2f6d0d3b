import numpy as np
import pytest
import torch

from ops import boxes


@pytest.mark.parametrize("kind", [np.array, torch.tensor])
def test_overlap_by_hand(kind):
    a = kind([[0.0, 0, 10, 10], [0, 0, 10, 10], [5, 5, 2, 2], [0, 0, 0, 0]])
    b = kind([[5.0, 0, 10, 10], [20, 20, 5, 5], [5, 5, 2, 2], [3, 3, 0, 0]])
    np.testing.assert_allclose(np.asarray(boxes.overlap(a, b)), [1 / 3, 0, 1, np.nan])


@pytest.mark.parametrize("kind", [np.array, torch.tensor])
def test_centers_and_back(kind):
    box = kind([[1.5, 2.0, 3.0, 5.0]])
    center = boxes.centers(box)
    np.testing.assert_allclose(np.asarray(center), [[3.0, 4.5]])
    np.testing.assert_allclose(
        np.asarray(boxes.from_centers(center, box[..., 2:])), np.asarray(box)
    )


def test_valid():
    rows = np.array(
        [[0, 0, 1, 1], [np.nan, 0, 1, 1], [0, 0, 0, 1], [0, 0, 1, -1], [0, 0, np.inf, 1]]
    )
    assert boxes.valid(rows).tolist() == [True, False, False, False, False]
