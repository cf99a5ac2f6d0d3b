import numpy as np
import pytest

from benchmarks.conventions import MATLAB_THRESHOLDS, convention, matlab_otb_errors
from ops.errors import InputError

TRUTH = np.array([[10.0, 20.0, 40.0, 20.0]] * 4)


def test_overlap_and_distances_by_hand():
    predicted = TRUTH.copy()
    predicted[1] += [20, 0, 0, 0]  # half of it: 400 of 1200
    predicted[2] += [3, 4, 0, 0]  # 37 * 16 = 592 of 1600 - 592
    predicted[3] += [100, 0, 0, 0]  # beside it
    errors = matlab_otb_errors(TRUTH, predicted)
    np.testing.assert_allclose(errors.overlap, [1, 400 / 1200, 592 / 1008, 0])
    np.testing.assert_allclose(errors.distance, [0, 20, 5, 100])
    expected = [0, 0.5, np.hypot(3 / 40, 4 / 20), 2.5]
    np.testing.assert_allclose(errors.norm_distance, expected, atol=1e-12)


def test_first_frame_is_the_truth():
    predicted = TRUTH.copy()
    predicted[0] = [500, 500, 1, 1]
    errors = matlab_otb_errors(TRUTH, predicted)
    assert (errors.overlap[0], errors.distance[0]) == (1, 0)


@pytest.mark.parametrize(
    "box",
    [
        [-1.0, 20, 40, 20],  # 0 in the file
        [10.0, -1, 40, 20],
        [10.0, 20, 0, 20],
        [10.0, 20, 40, -2],
        [np.nan, 20, 40, 20],
        [np.nan] * 4,
    ],
)
def test_truth_that_is_not_valid_fails_in_success_and_counts_as_correct_in_precision(box):
    truth = TRUTH.copy()
    truth[2] = box
    errors = matlab_otb_errors(truth, TRUTH)
    assert errors.overlap.tolist() == [1, 1, -1, 1]
    assert errors.distance.tolist() == [0, 0, -1, 0]
    assert errors.norm_distance.tolist() == [0, 0, -1, 0]


def test_truth_at_the_border_of_the_picture_is_valid():
    truth = TRUTH.copy()
    truth[1, 0] = 0
    truth[2, :2] = [-0.5, 0]
    assert matlab_otb_errors(truth, truth).overlap.tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize(
    "box", [[np.nan] * 4, [7, 8, 0, 9], [7, 8, 9, 0], [7, 8, -3, 9], [np.nan, 8, 9, -1]]
)
def test_a_bad_box_becomes_the_one_before_it(box):
    predicted = TRUTH.copy()
    predicted[1, :2] += [3, 4]
    predicted[2:] = box  # twice: the one before may have been replaced itself
    errors = matlab_otb_errors(TRUTH, predicted)
    assert errors.distance.tolist() == [0, 5, 5, 5]


def test_bad_boxes_from_the_start_fall_back_to_the_first_truth():
    errors = matlab_otb_errors(TRUTH, np.full((4, 4), np.nan))
    assert errors.distance.tolist() == [0, 0, 0, 0]


def test_a_box_with_some_nan_and_a_size_is_kept_and_fails():
    predicted = TRUTH.copy()
    predicted[2, 0] = np.nan
    errors = matlab_otb_errors(TRUTH, predicted)
    assert errors.overlap.tolist() == [1, 1, -1, 1]
    assert errors.distance.tolist() == [0, 0, np.inf, 0]
    assert errors.norm_distance.tolist() == [0, 0, np.inf, 0]


def test_missing_frames_fail_but_for_those_without_truth():
    truth = TRUTH.copy()
    truth[3] = np.nan
    errors = matlab_otb_errors(truth, TRUTH[:2])
    assert errors.overlap.tolist() == [1, 1, -1, -1]
    assert errors.distance.tolist() == [0, 0, np.inf, -1]


def test_an_empty_result_has_the_first_frame():
    errors = matlab_otb_errors(TRUTH, np.empty((0, 4)))
    assert errors.overlap.tolist() == [1, -1, -1, -1]


def test_overlap_of_equal_boxes_never_passes_one():
    generator = np.random.default_rng(0)
    boxes = generator.uniform(0.1, 300, (2000, 4))
    overlap = matlab_otb_errors(boxes, boxes).overlap
    assert overlap.max() == 1
    assert overlap.min() > 1 - 1e-12


def test_thresholds_are_built_from_both_ends():
    assert len(MATLAB_THRESHOLDS) == 21
    np.testing.assert_allclose(MATLAB_THRESHOLDS, np.linspace(0, 1, 21))
    assert MATLAB_THRESHOLDS[14] == 0.7  # where arange gives 0.7000000000000001
    assert np.arange(0, 1.05, 0.05)[14] != 0.7


def test_unknown_convention_names_the_known():
    with pytest.raises(InputError, match=r"convention=otb: expected one of matlab_otb"):
        convention("otb")
