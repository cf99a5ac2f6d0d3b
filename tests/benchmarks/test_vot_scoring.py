"""Scores of VOT from made-up trajectories."""

import numpy as np
import pytest

from benchmarks.truth import Truth
from benchmarks.vot.overlap import as_regions
from benchmarks.vot.scoring import score_vot
from benchmarks.vot.supervised import score_supervised
from benchmarks.vot.trajectories import FAILED, SKIPPED, STARTED, TRACKED, Trajectory
from ops.errors import InputError

LENGTH = 60
BOX = np.array([30.0, 20, 31, 17])


def truth(name, length=LENGTH):
    corners = np.array([30, 20, 61.4, 22, 60, 37, 29, 36.3])
    return Truth(
        name,
        np.tile(BOX, (length, 1)),
        polygons=np.tile(corners, (length, 1)),
        picture_size=(64, 48),
    )


def run(length=LENGTH, shift=0.0, failure=None):
    states = np.full(length, TRACKED, np.int8)
    states[0] = STARTED
    if failure is not None:
        states[failure : failure + 6] = [FAILED, *[SKIPPED] * 4, STARTED]
    boxes = np.where((states == TRACKED)[:, None], BOX + np.array([shift, 0, 0, 0]), np.nan)
    return Trajectory(states, as_regions(boxes))


TRUTHS = [truth("a"), truth("b", 40)]
RESULTS = {
    "good": {"a": [run()], "b": [run(40)]},
    "weak": {"a": [run(shift=9, failure=30)], "b": [run(40, shift=9)]},
}


@pytest.mark.parametrize("convention", ["pysot", "vot_toolkit"])
@pytest.mark.parametrize("bounded", [True, False])
@pytest.mark.parametrize("legacy", [True, False])
def test_scores_are_those_of_the_measures(convention, bounded, legacy):
    scores = score_vot(RESULTS, TRUTHS, convention, "baseline", (10, 30), bounded, legacy)
    assert scores.metrics == ("eao", "accuracy", "robustness", "failures")
    assert scores.ranking == ("good", "weak")
    for tracker, found in RESULTS.items():
        runs = [found["a"], found["b"]]
        own = score_supervised(runs, TRUTHS, convention, (10, 30), bounded, legacy)
        for metric, figure in own.figures.items():
            assert scores.means[tracker][metric] == figure.value()
    assert scores.means["weak"]["failures"] == 1
    assert scores.thresholds["eao_interval"].tolist() == [10, 30]
    assert len(scores.thresholds["expected_overlap"]) == LENGTH
    assert scores.notes == ()


def test_flags_change_what_is_painted():
    overlaps = {
        (bounded, legacy): score_vot(
            RESULTS, TRUTHS, "pysot", "baseline", (10, 30), bounded, legacy
        ).means["weak"]["accuracy"]
        for bounded in (True, False)
        for legacy in (True, False)
    }
    assert len(set(overlaps.values())) >= 3


def test_reliability_by_hand():
    # One failure in 100 frames; vot-toolkit: weighted mean 60/100 failures in 50 frames.
    scores = score_vot(RESULTS, TRUTHS, "pysot", "baseline", (10, 30))
    np.testing.assert_allclose(scores.reliability["weak"], np.exp(-30 / 100))
    scores = score_vot(RESULTS, TRUTHS, "vot_toolkit", "baseline", (10, 30))
    np.testing.assert_allclose(scores.reliability["weak"], np.exp(-30 * 0.6 / 50))
    assert scores.reliability["good"] == 1


def test_boxes_for_pictures_are_around_the_regions():
    corners = np.array([3.0, 5, 13, 4, 14, 20, 2, 22])
    states = np.array([STARTED, TRACKED, TRACKED], np.int8)
    regions = np.full((3, 8), np.nan)
    regions[1] = corners
    regions[2, :4] = BOX
    found = {"t": {"a": [Trajectory(states, regions)]}}
    scores = score_vot(found, [truth("a", 3)], "pysot", "baseline", (1, 2))
    np.testing.assert_array_equal(scores.results["t"]["a"], [[np.nan] * 4, [2, 4, 12, 18], BOX])


def test_what_must_be_said():
    uneven = {"t": {"a": [run(), run()], "b": [run(40)]}}
    scores = score_vot(uneven, TRUTHS, "pysot", "baseline", (100, 356), notes=["Known before."])
    assert scores.notes[0] == "Known before."
    assert scores.notes[1].startswith("t: 1 to 2 repetitions")
    assert "100 to 356, and the longest sequence here has 60" in scores.notes[2]
    for convention, high, told in (("pysot", 60, 0), ("pysot", 61, 1), ("vot_toolkit", 60, 1)):
        notes = score_vot(RESULTS, TRUTHS, convention, "baseline", (10, high)).notes
        assert len(notes) == told, (convention, high)
    with pytest.raises(InputError, match="expected pysot or vot_toolkit"):
        score_vot(RESULTS, TRUTHS, "got10k", "baseline", (10, 30))


def test_nothing_left_after_the_burn_in():
    short = {"t": {"a": [run(8)]}}
    for convention, accuracy in (("pysot", np.nan), ("vot_toolkit", 0)):
        scores = score_vot(short, [truth("a", 8)], convention, "baseline", (2, 5))
        np.testing.assert_equal(scores.means["t"]["accuracy"], accuracy)
