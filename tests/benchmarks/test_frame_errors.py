"""Each convention's rules on a few frames, worked out by hand."""

import numpy as np
import pytest

from benchmarks.conventions import CONVENTIONS, GOT10K_VAL, MATLAB_ROBUSTNESS, find_convention
from benchmarks.frame_errors import Refused
from benchmarks.runs import join_results, join_truth
from benchmarks.truth import Truth
from ops.errors import InputError

BOX = [10.0, 20.0, 40.0, 20.0]
TRUTH = np.array([BOX] * 4)
MATLAB, PYSOT = CONVENTIONS["matlab_otb"], CONVENTIONS["pysot"]
GOT10K, PYTRACKING = CONVENTIONS["got10k"], CONVENTIONS["pytracking"]
ALL = [*CONVENTIONS.values(), MATLAB_ROBUSTNESS]


def errors(convention, truth, predicted, **facts):
    """(overlap, distance, norm_distance, counted) of one sequence, as lists."""
    runs = join_truth([Truth("s", np.asarray(truth, float), **facts)])
    boxes, missing = join_results([np.asarray(predicted, float).reshape(-1, 4)], runs)
    found = convention.errors(runs, boxes, missing)
    return (
        found.overlap.tolist(),
        found.distance.tolist(),
        found.norm_distance.tolist(),
        found.counted.tolist(),
    )


@pytest.mark.parametrize("convention", ALL, ids=lambda c: c.name)
def test_overlap_and_distances(convention):
    predicted = TRUTH.copy()
    predicted[1] += [20, 0, 0, 0]  # half of it: 400 of 1200
    predicted[2] += [3, 4, 0, 0]  # 37 * 16 = 592 of 1600 - 592
    predicted[3] += [100, 0, 0, 0]  # beside it
    overlap, distance, norm_distance, counted = errors(convention, TRUTH, predicted)
    np.testing.assert_allclose(overlap, [1, 400 / 1200, 592 / 1008, 0])
    np.testing.assert_allclose(distance, [0, 20, 5, 100])
    expected = [0, 0.5, np.hypot(3 / 40, 4 / 20), 2.5]
    np.testing.assert_allclose(norm_distance, expected, atol=1e-12)
    assert counted == [True] * 4


@pytest.mark.parametrize("convention", ALL, ids=lambda c: c.name)
def test_first_frame_is_the_truth_but_for_pysot(convention):
    predicted = TRUTH.copy()
    predicted[0] = [500, 500, 1, 1]
    overlap, distance, _, _ = errors(convention, TRUTH, predicted)
    assert (overlap[0] == 0) == (convention is PYSOT)
    assert (distance[0] > 100) == (convention is PYSOT)


def test_sequences_end_to_end_do_not_mix():
    truths = [Truth("a", TRUTH[:2]), Truth("b", TRUTH[:3] + np.array([5, 5, 0, 0]))]
    runs = join_truth(truths)
    bad = [[np.nan] * 4] * 3
    boxes, missing = join_results([TRUTH[:1], np.array(bad)], runs)
    found = MATLAB.errors(runs, boxes, missing)
    # a lacks a frame; b's bad boxes become b's first truth, never a's
    assert found.overlap.tolist() == [1, -1, 1, 1, 1]
    assert [part.tolist() for part in runs.split(found.overlap)] == [[1, -1], [1, 1, 1]]


INVALID = {
    "x_zero_in_the_file": [-1.0, 20, 40, 20],
    "y_zero_in_the_file": [10.0, -1, 40, 20],
    "no_width": [10.0, 20, 0, 20],
    "negative_height": [10.0, 20, 40, -2],
    "centre_outside": [-60.0, 20, 40, 20],
    "nan_x": [np.nan, 20, 40, 20],
    "nan": [np.nan] * 4,
}


@pytest.mark.parametrize("box", INVALID.values(), ids=INVALID)
def test_matlab_truth_that_is_not_valid_fails_in_success_and_is_correct_in_precision(box):
    truth = [BOX, BOX, box, BOX]
    for convention in (MATLAB, MATLAB_ROBUSTNESS):
        overlap, distance, norm_distance, counted = errors(convention, truth, TRUTH)
        assert overlap == [1, 1, -1, 1]
        assert distance == [0, 0, -1, 0]
        assert norm_distance == [0, 0, -1, 0]
        assert counted == [True] * 4


@pytest.mark.parametrize(
    ("case", "in_success", "in_precision"),
    [
        ("x_zero_in_the_file", "computed", "computed"),
        ("y_zero_in_the_file", "computed", "computed"),
        ("no_width", "fails", "computed"),
        ("negative_height", "fails", "computed"),
        ("centre_outside", "computed", "correct"),
        ("nan_x", "computed", "correct"),
        ("nan", "fails", "correct"),
    ],
)
def test_pysot_looks_at_sizes_in_success_and_at_centres_in_precision(
    case, in_success, in_precision
):
    truth = [BOX, BOX, INVALID[case], BOX]
    # Where the truth is a box at all, the prediction is the same box.
    predicted = np.array(truth)
    overlap, distance, _, _ = errors(PYSOT, truth, predicted)
    computed = -1 if case == "nan_x" else 1  # an overlap with NaN fails when it is computed
    assert overlap[2] == {"fails": -1, "computed": computed}[in_success]
    assert distance[2] == {"correct": -1, "computed": 0}[in_precision]


@pytest.mark.parametrize("case", INVALID)
def test_got10k_takes_any_truth_but_nan_which_is_left_out(case):
    truth = [BOX, BOX, INVALID[case], BOX]
    overlap, distance, _, counted = errors(GOT10K, truth, np.array(truth))
    assert counted == [True, True, "nan" not in case, True]
    if "nan" not in case:
        has_area = case not in ("no_width", "negative_height")
        assert (overlap[2] == 1) == has_area
        assert distance[2] == 0


@pytest.mark.parametrize("case", INVALID)
def test_pytracking_fails_truth_that_is_not_positive_and_forgives_nan_in_precision(case):
    truth = [BOX, BOX, INVALID[case], BOX]
    overlap, distance, norm_distance, counted = errors(PYTRACKING, truth, TRUTH)
    assert overlap == [1, 1, -1, 1]
    assert distance[2] == (-1 if "nan" in case else np.inf)
    assert norm_distance[2] == -1
    assert counted == [True] * 4


def test_matlab_truth_at_the_border_of_the_picture_is_valid():
    truth = TRUTH.copy()
    truth[1, 0] = 0
    truth[2, :2] = [-0.5, 0]
    assert errors(MATLAB, truth, truth)[0] == [1, 1, 1, 1]


@pytest.mark.parametrize(
    "box", [[np.nan] * 4, [7, 8, 0, 9], [7, 8, 9, 0], [7, 8, -3, 9], [np.nan, 8, 9, -1]]
)
def test_matlab_takes_the_box_before_a_bad_one(box):
    predicted = TRUTH.copy()
    predicted[1, :2] += [3, 4]
    predicted[2:] = box  # twice: the one before may have been replaced itself
    assert errors(MATLAB, TRUTH, predicted)[1] == [0, 5, 5, 5]
    fails = errors(MATLAB_ROBUSTNESS, TRUTH, predicted)[0]
    assert fails[2] <= 0 and fails[3] <= 0  # in TRE and SRE it stays


def test_matlab_bad_boxes_from_the_start_fall_back_to_the_first_truth():
    assert errors(MATLAB, TRUTH, np.full((4, 4), np.nan))[1] == [0, 0, 0, 0]


@pytest.mark.parametrize("convention", [MATLAB, GOT10K, PYSOT], ids=lambda c: c.name)
def test_a_box_with_some_nan_and_a_size_fails(convention):
    predicted = TRUTH.copy()
    predicted[2, 0] = np.nan
    overlap, distance, norm_distance, _ = errors(convention, TRUTH, predicted)
    assert overlap == [1, 1, -1, 1]
    assert distance == [0, 0, np.inf, 0]
    assert norm_distance == [0, 0, np.inf, 0]


def test_pytracking_replaces_boxes_without_a_size_and_refuses_worse():
    predicted = TRUTH.copy()
    predicted[1, :2] += [3, 4]
    predicted[2:, 2] = 0
    assert errors(PYTRACKING, TRUTH, predicted)[1] == [0, 5, 5, 5]
    for bad in (np.nan, -1):
        predicted[3, 3] = bad
        with pytest.raises(Refused, match="sequence s has NaN or negative sizes"):
            errors(PYTRACKING, TRUTH, predicted)


def test_results_that_are_too_short():
    truth = TRUTH.copy()
    truth[3] = np.nan
    short = TRUTH[:2]
    overlap, distance, _, counted = errors(MATLAB, truth, short)
    assert (overlap, distance, counted) == ([1, 1, -1, -1], [0, 0, np.inf, -1], [True] * 4)
    overlap, distance, _, counted = errors(PYTRACKING, TRUTH, short)
    assert (overlap[2:], counted) == ([0, 0], [True] * 4)
    assert distance[2] > 20  # to the box of zeros that is put there
    assert errors(GOT10K, TRUTH, short)[3] == [True, True, False, False]
    assert errors(MATLAB_ROBUSTNESS, TRUTH, short)[3] == [True, True, False, False]
    with pytest.raises(Refused, match="sequence s is too short"):
        errors(PYSOT, TRUTH, short)


@pytest.mark.parametrize(
    "convention", [MATLAB, MATLAB_ROBUSTNESS, GOT10K, PYTRACKING], ids=lambda c: c.name
)
def test_an_empty_result_has_the_first_frame(convention):
    overlap, _, _, counted = errors(convention, TRUTH, [])
    assert overlap[0] == 1 and counted[0]


@pytest.mark.parametrize("convention", [MATLAB, PYSOT, PYTRACKING], ids=lambda c: c.name)
def test_frames_flagged_as_absent_fail_in_all_three(convention):
    absent = np.array([False, False, True, False])
    overlap, distance, norm_distance, counted = errors(convention, TRUTH, TRUTH, absent=absent)
    assert overlap == [1, 1, -1, 1]
    assert distance == norm_distance == [0, 0, np.inf, 0]
    assert counted == [True] * 4


def test_got10k_does_not_know_absent_flags():
    absent = np.array([False, False, True, False])
    assert errors(GOT10K, TRUTH, TRUTH, absent=absent)[0] == [1, 1, 1, 1]


def test_got10k_divides_by_sizes_of_at_least_one():
    truth = [BOX, [10.0, 20, 0.5, 20]]
    assert errors(GOT10K, truth, [BOX, [12.0, 20, 0.5, 20]])[2][1] == 2


def test_got10k_own_protocol():
    cover = np.array([8, 8, 0, 4])
    truth = np.array([BOX, BOX, BOX, [-10.0, 0, 30, 20]])
    overlap, _, _, counted = errors(
        GOT10K_VAL, truth, [BOX, BOX, BOX, [0.0, 0, 30, 20]], cover=cover, picture_size=(100, 80)
    )
    assert counted == [False, True, False, True]
    # The box that leaves on the left is moved in, not cut: 30 wide, as the other.
    assert overlap[3] == 1
    outside = errors(
        GOT10K_VAL, [BOX, [90.0, 0, 30, 20]], [BOX, [80.0, 0, 40, 20]], cover=cover[:2],
        picture_size=(100, 80),
    )  # fmt: skip
    assert outside[0][1] == 0.5  # on the right it is cut: 10 x 20 of 20 x 20


@pytest.mark.parametrize("convention", ALL, ids=lambda c: c.name)
def test_overlap_of_equal_boxes_is_one_and_clipped_where_the_toolkit_clips(convention):
    boxes = np.random.default_rng(0).uniform(0.1, 300, (2000, 4))
    overlap = errors(convention, boxes, boxes)[0]
    np.testing.assert_allclose(overlap, 1, rtol=0, atol=1e-11)
    assert (max(overlap) == 1) == (convention in (PYSOT, GOT10K))
    whole = errors(convention, boxes.round() + 1, boxes.round() + 1)[0]
    assert set(whole) == {1}


@pytest.mark.parametrize("convention", ALL, ids=lambda c: c.name)
def test_thresholds_decide_ties_as_the_toolkits_do(convention):
    np.testing.assert_allclose(convention.success_thresholds, np.linspace(0, 1, 21))
    # MATLAB builds them from both ends.
    assert convention.success_thresholds[14] == (
        0.7 if convention is MATLAB else 0.7000000000000001
    )
    assert (convention.success_thresholds[13] == 0.65) == (convention is not MATLAB)


def test_matlab_keeps_a_bad_box_where_the_truth_has_nan():
    truth = [BOX, BOX, [np.nan] * 4, BOX]
    predicted = np.array([BOX, [13.0, 24, 40, 20], [np.nan] * 4, [np.nan] * 4])
    # The box before the last is bad itself and stays, so the last becomes that and fails.
    assert errors(MATLAB, truth, predicted)[1] == [0, 5, -1, np.inf]


def test_pytracking_keeps_a_box_without_a_size_where_the_truth_has_nan():
    truth = [BOX, BOX, [np.nan] * 4, BOX]
    predicted = np.array([BOX, BOX, [13.0, 24, 0, 20], [99.0, 99, 0, 20]])
    # The last becomes the one before it, at 13, 24 without a width: its centre is 17 left of it.
    assert errors(PYTRACKING, truth, predicted)[1][3] == np.hypot(17, 4)


def test_pytracking_refuses_short_results_on_lasot():
    with pytest.raises(Refused, match="stops on LaSOT"):
        errors(PYTRACKING, TRUTH, TRUTH[:2], absent=np.zeros(4, bool))


def test_a_bad_first_box_is_never_taken_from_the_sequence_before():
    runs = join_truth([Truth("a", TRUTH[:2]), Truth("b", TRUTH[:2] + 100)])
    bad = np.array([[110.0, 120, 0, 20], [110.0, 120, 0, 20]])
    boxes, missing = join_results([TRUTH[:2], bad], runs)
    # pytracking: b's second box becomes b's first, which has no width, and not a's last.
    assert PYTRACKING.errors(runs, boxes, missing).distance[3] < 100
    truth_nan = join_truth([Truth("a", TRUTH[:2]), Truth("b", np.array([[np.nan] * 4, BOX]))])
    boxes, missing = join_results([TRUTH[:2], np.full((2, 4), np.nan)], truth_nan)
    assert MATLAB.errors(truth_nan, boxes, missing).overlap.tolist() == [1, 1, -1, -1]


def test_pysot_takes_a_negative_size_for_a_centre_that_is_not_valid():
    truth = [BOX, [10.0, 20, 40, -2]]
    overlap, distance, norm_distance, _ = errors(PYSOT, truth, [BOX, [500.0, 20, 40, 20]])
    assert (overlap[1], norm_distance[1]) == (-1, -1)  # dy is divided by -2
    assert distance[1] > 400


def test_got10k_own_protocol_leaves_missing_frames_out():
    counted = errors(GOT10K_VAL, TRUTH, TRUTH[:3], cover=np.full(4, 8))[3]
    assert counted == [False, True, True, False]


def test_conventions_by_name():
    plain = join_truth([Truth("s", TRUTH)])
    covered = join_truth([Truth("s", TRUTH, cover=np.full(4, 8))])
    assert find_convention("got10k", plain) is GOT10K
    assert find_convention("got10k", covered) is GOT10K_VAL
    assert find_convention("matlab_otb", plain, "tre") is MATLAB_ROBUSTNESS
    assert find_convention("pysot", plain, "tre") is PYSOT
    with pytest.raises(InputError, match=r"convention=otb: expected one of matlab_otb, pysot"):
        find_convention("otb", plain)
