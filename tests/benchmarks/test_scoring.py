import numpy as np
import pytest

from benchmarks.scoring import score, score_runs
from benchmarks.truth import Truth
from ops.errors import InputError

SHORT = Truth("short", np.array([[10.0, 10, 20, 20]] * 2), ("blur",))
LONG = Truth("long", np.array([[10.0, 10, 20, 20]] * 10), ("blur", "occlusion"))
TRUTH = [SHORT, LONG]
LOST = [500.0, 500, 20, 20]


def lost_after(count, length):
    return np.array([[10.0, 10, 20, 20]] * count + [LOST] * (length - count))


RESULTS = {
    "weak": {"short": lost_after(1, 2), "long": lost_after(1, 10)},
    "good": {"short": lost_after(2, 2), "long": lost_after(5, 10), "other": np.zeros((1, 4))},
}


def test_means_weigh_sequences_not_frames():
    scores = score(RESULTS, TRUTH)
    assert scores.trackers == ("weak", "good")
    assert scores.ranking == ("good", "weak")
    np.testing.assert_allclose(scores.means["good"]["success_auc"], (1 + 0.5) / 2 * 20 / 21)
    np.testing.assert_allclose(scores.means["weak"]["precision_20"], (0.5 + 0.1) / 2)
    np.testing.assert_allclose(scores.curves["good"]["success"][:20], 0.75)
    assert scores.curves["good"]["success"][20] == 0
    assert list(scores.per_sequence["good"]) == ["short", "long"]


def test_attributes_pick_their_sequences():
    scores = score(RESULTS, TRUTH)
    assert scores.sequences_with("occlusion") == ["long"]
    assert list(scores.by_attribute) == ["blur", "occlusion"]
    np.testing.assert_allclose(scores.by_attribute["occlusion"]["good"]["ao"], 0.5)
    np.testing.assert_allclose(scores.by_attribute["blur"]["good"]["ao"], 0.75)
    plain = [Truth(truth.name, truth.boxes) for truth in TRUTH]
    assert score(RESULTS, plain).by_attribute == {}


def test_intervals_and_pairs():
    scores = score(RESULTS, TRUTH)
    low, high = scores.intervals["good"]["ao"]
    np.testing.assert_allclose([low, high], [0.5, 1.0])  # of two sequences: the ends themselves
    (pair,) = scores.paired
    assert (pair.tracker, pair.reference, pair.won, pair.lost) == ("weak", "good", 0, 1)
    np.testing.assert_allclose(pair.difference, (-0.5 - 0.4) / 2 * 20 / 21)


def test_one_sequence_of_one_frame():
    scores = score({"t": {"s": np.array([LOST])}}, [Truth("s", SHORT.boxes[:1])])
    np.testing.assert_allclose(scores.means["t"]["success_auc"], 20 / 21)
    assert np.isnan(scores.intervals["t"]["success_auc"]).all()
    assert scores.paired == ()


def test_a_short_result_fails_where_it_lacks_frames():
    scores = score({"t": {"long": LONG.boxes[:4]}}, [LONG])
    np.testing.assert_allclose(scores.means["t"]["ao"], 0.4)
    np.testing.assert_allclose(scores.means["t"]["precision_20"], 0.4)


def test_a_tracker_that_a_toolkit_stops_at_is_named_and_the_others_scored():
    results = {"short": {"long": LONG.boxes[:4]}, "whole": {"long": LONG.boxes}}
    scores = score(results, [LONG], "pysot")
    assert scores.trackers == ("whole",)
    assert scores.refused == {"short": "sequence long is too short, at which pysot stops"}
    with pytest.raises(InputError, match="no tracker can be scored: short: sequence long is"):
        score({"short": results["short"]}, [LONG], "pysot")


def test_rows_beyond_the_truth_are_cut_where_the_toolkit_does_so():
    long = {"t": {"long": np.concatenate([LONG.boxes, [LOST]])}}
    for convention in ("got10k", "pytracking"):
        scores = score(long, [LONG], convention)
        assert scores.means["t"]["ao"] == 1
        assert scores.notes[0].startswith("t: 1 of 1 results are too long (long has 11 of 10 rows)")
    monkey = Truth("monkey-17", LONG.boxes)  # which pysot's toolkit cuts
    found = {"t": {"monkey-17": long["t"]["long"]}}
    assert score(found, [monkey], "pysot").means["t"]["ao"] == 1
    for convention in ("matlab_otb", "pysot"):
        with pytest.raises(InputError, match="t: sequence long has 11 rows for 10 frames"):
            score(long, [LONG], convention)


def test_runs_are_pooled_by_sequence_from_where_they_start():
    found = {"long": [LONG.boxes, np.array([LOST] * 2)], "short": [SHORT.boxes]}
    scores = score_runs({"t": found}, TRUTH, {"long": [0, 8], "short": [0]}, "matlab_otb", "tre")
    assert scores.protocol == "tre"
    # 12 frames of which the last fails: the run's first is the truth.
    np.testing.assert_allclose(scores.per_sequence["t"]["long"]["ao"], 11 / 12)
    np.testing.assert_allclose(scores.means["t"]["ao"], (11 / 12 + 1) / 2)
    np.testing.assert_allclose(scores.by_run["t"]["ao"], ((1 + 0.5) / 2 + 1) / 2)
    assert [len(scores.overlaps["t"][name]) for name in ("short", "long")] == [2, 10]


@pytest.mark.parametrize(("boxes", "found"), [(np.zeros((2, 8)), "2 x 8"), ([1.0], "1")])
def test_a_result_of_the_wrong_size_is_named(boxes, found):
    with pytest.raises(InputError, match=f"tracker t, sequence short: .* 2 rows .* found {found}$"):
        score({"t": {"short": boxes}}, [SHORT])


def test_missing_things_are_named():
    with pytest.raises(InputError, match="tracker t has no result for sequence long"):
        score({"t": {"short": SHORT.boxes}}, TRUTH)
    with pytest.raises(InputError, match="nothing to score: 0 trackers, 2 sequences"):
        score({}, TRUTH)
    with pytest.raises(InputError, match="sequence s has no frames"):
        score({"t": {}}, [Truth("s", np.empty((0, 4)))])
    with pytest.raises(InputError, match="expected one of matlab_otb"):
        score(RESULTS, TRUTH, convention="matlab")


def test_short_and_damaged_results_are_named():
    results = {"short": {"short": SHORT.boxes, "long": LONG.boxes[:4]}}
    scores = score(results, TRUTH, damaged={"torn": "long.txt, line 3: expected four numbers"})
    (note,) = scores.notes
    assert note.startswith("short: 1 of 2 results are too short (long has 4 of 10 rows)")
    assert scores.refused == {"torn": "long.txt, line 3: expected four numbers"}
    with pytest.raises(InputError, match="no tracker can be scored: torn: long.txt"):
        score({}, TRUTH, damaged=scores.refused)


def test_a_tracker_without_a_figure_comes_last():
    cover = np.array([8, 8])
    truth = [Truth("s", SHORT.boxes, cover=cover)]
    results = {
        "weak": {"s": np.array([LOST, [15.0, 10, 20, 20]])},
        "none": {"s": SHORT.boxes[:1]},  # GOT-10k leaves the first frame out
        "good": {"s": SHORT.boxes},
    }
    scores = score(results, truth, "got10k")
    assert scores.ranking == ("good", "weak", "none")
    assert scores.ranked_by == "ao"


def test_runs_keep_the_flags_of_absent_frames():
    absent = np.array([False] * 9 + [True])
    flagged = [Truth("long", LONG.boxes, absent=absent)]
    scores = score_runs(
        {"t": {"long": [LONG.boxes, LONG.boxes[8:]]}},
        flagged,
        {"long": [0, 8]},
        "matlab_otb",
        "tre",
    )
    np.testing.assert_allclose(scores.means["t"]["ao"], 10 / 12)


def test_runs_of_other_lengths_are_cut_and_named():
    starts = {"long": [0, 8]}
    found = {"t": {"long": [np.concatenate([LONG.boxes, [LOST]]), LONG.boxes[8:9]]}}
    scores = score_runs(found, [LONG], starts, "matlab_otb", "tre")
    assert scores.means["t"]["ao"] == 1
    short, long = scores.notes
    assert short.startswith("t: 1 of 2 results are too short (long, run 2 has 1 of 2 rows)")
    assert long.startswith("t: 1 of 2 results are too long (long, run 1 has 11 of 10 rows)")
    with pytest.raises(InputError, match="sequence long, run 1 has 11 rows for 10 frames"):
        score_runs(found, [LONG], starts, "pysot", "tre")


def test_pictures_of_several_runs_show_the_first():
    found = {"t": {"long": [LONG.boxes, LONG.boxes[8:] + 1]}}
    scores = score_runs(found, [LONG], {"long": [0, 8]}, "matlab_otb", "tre")
    np.testing.assert_array_equal(scores.results["t"]["long"], LONG.boxes)
