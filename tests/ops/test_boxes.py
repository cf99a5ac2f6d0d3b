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


def test_can_start():
    inside = [[-9.5, 0, 10, 5], [99.5, 79, 5, 5], [0, -4, 5, 5]]
    outside = [[-10, 0, 10, 5], [100, 0, 5, 5], [0, 80, 5, 5], [0, -5, 5, 5], [5, 5, 0, 5]]
    assert [boxes.can_start(np.array(box, float), 100, 80) for box in inside] == [True] * 3
    assert [boxes.can_start(np.array(box, float), 100, 80) for box in outside] == [False] * 5
    assert not boxes.can_start(np.array([np.nan, 0, 5, 5]), 100, 80)


def test_valid():
    rows = np.array(
        [[0, 0, 1, 1], [np.nan, 0, 1, 1], [0, 0, 0, 1], [0, 0, 1, -1], [0, 0, np.inf, 1]]
    )
    assert boxes.valid(rows).tolist() == [True, False, False, False, False]


@pytest.mark.parametrize("kind", [np.array, torch.tensor])
def test_square_of_context_by_hand(kind):
    """SiamFC: (w + p) (h + p) = A^2 with p = (w + h) / 2."""
    rows = kind([[7.0, 8, 10, 10], [0, 0, 30, 10]])
    expected = [[20, 20], [(50 * 30) ** 0.5] * 2]
    np.testing.assert_allclose(np.asarray(boxes.context_sides(rows)), expected)


@pytest.mark.parametrize("kind", [np.array, torch.tensor])
def test_offsets_by_hand(kind):
    anchors = kind([[10.0, 20, 8, 16], [0, 0, 10, 10]])  # centres (14, 28), (5, 5)
    truth = kind([[12.0, 24, 16, 4], [0, 0, 10, 10]])  # centres (20, 26), (5, 5)
    expected = [[6 / 8, -2 / 16, np.log(2), np.log(1 / 4)], [0, 0, 0, 0]]
    offsets = boxes.encode_offsets(truth, anchors)
    np.testing.assert_allclose(np.asarray(offsets), expected, atol=1e-12)
    moved = boxes.decode_offsets(kind([[0.5, -1.0, 0, np.log(3)]]), anchors[:1])
    np.testing.assert_allclose(np.asarray(moved), [[14, 12 - 24, 8, 48]])  # centre (18, 12)


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
def test_offsets_and_back(kind):
    random = np.random.default_rng(0)
    low, sides = random.uniform(-50, 200, (2, 3, 40, 2)), random.uniform(2, 90, (2, 3, 40, 2))
    truth, anchors = kind(np.concatenate([low, sides], -1))
    again = boxes.decode_offsets(boxes.encode_offsets(truth, anchors), anchors)
    np.testing.assert_allclose(np.asarray(again), np.asarray(truth), atol=1e-9)
    one = boxes.encode_offsets(truth[:, None], anchors[0])  # (3, 1, 40, 4) against (40, 4)
    np.testing.assert_array_equal(
        np.asarray(one[2, 0]), np.asarray(boxes.encode_offsets(truth[2], anchors[0]))
    )


@pytest.mark.parametrize("kind", [np.array, torch.tensor])
def test_boxes_are_kept_in_the_picture(kind):
    size = kind([100.0, 80])
    rows = kind([[10.0, 10, 20, 20], [-50, 90, 20, 20], [0, 0, 500, 1], [95, 70, 0.5, 900]])
    # centres (20, 20), (-40, 100), (250, 0.5), (95.25, 520)
    expected = [[10, 10, 20, 20], [-10, 70, 20, 20], [50, -1.5, 100, 4], [93.25, 40, 4, 80]]
    np.testing.assert_allclose(np.asarray(boxes.keep_in_picture(rows, size)), expected)
