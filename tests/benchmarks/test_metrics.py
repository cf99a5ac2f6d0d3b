from itertools import pairwise

import numpy as np

from benchmarks.conventions import CONVENTIONS, GOT10K_VAL
from benchmarks.frame_errors import FrameErrors
from benchmarks.metrics import mean_over_runs, thresholds, tracker_score
from benchmarks.runs import join_truth
from benchmarks.truth import Truth

MATLAB, PYTRACKING = CONVENTIONS["matlab_otb"], CONVENTIONS["pytracking"]


def runs_of(*lengths):
    return join_truth([Truth(f"s{i}", np.ones((n, 4))) for i, n in enumerate(lengths)])


def scored(overlap, distance=None, norm_distance=None, lengths=None, convention=MATLAB, **keys):
    overlap = np.array(overlap, float)
    zeros = np.zeros(len(overlap))
    errors = FrameErrors(
        overlap,
        zeros if distance is None else np.array(distance, float),
        zeros if norm_distance is None else np.array(norm_distance, float),
        np.array(keys.pop("counted", np.ones(len(overlap), bool))),
    )
    return tracker_score(errors, runs_of(*(lengths or [len(overlap)])), convention, **keys)


def figures(score):
    return {metric: float(figure.value()) for metric, figure in score.figures.items()}


def test_a_perfect_tracker():
    found = figures(scored(np.ones(300)))
    np.testing.assert_allclose(found.pop("success_auc"), 20 / 21)
    assert set(found) == {"precision_20", "norm_precision_20", "ao", "sr_50", "sr_75"}
    np.testing.assert_allclose(list(found.values()), 1)


def test_figures_by_hand():
    score = scored([1, 0.62, 0.5, -1], [0, 20, 20.001, np.inf], [0, 0.2, 0.2001, -1])
    found = figures(score)
    # 1 passes 20 thresholds, 0.62 those up to 0.60 (13), 0.5 those up to 0.45 (10)
    np.testing.assert_allclose(found["success_auc"], (20 + 13 + 10) / 4 / 21)
    assert found["precision_20"] == 0.5
    assert found["norm_precision_20"] == 0.75
    np.testing.assert_allclose(found["ao"], (1 + 0.62 + 0.5) / 4)
    assert found["sr_50"] == 0.5
    assert found["sr_75"] == 0.25
    assert score.overlaps[0].tolist() == [1, 0.62, 0.5, 0]


def test_pytracking_leaves_failures_out_of_the_mean_overlap():
    found = figures(scored([1, 0.5, -1, 0], convention=PYTRACKING))
    np.testing.assert_allclose(found["ao"], 0.5)
    assert found["sr_50"] == 0.25


def test_success_is_strict():
    found = figures(scored([0.5, 0.75, 0.75 + 1e-9, 0.9]))
    assert (found["sr_50"], found["sr_75"]) == (0.75, 0.5)
    curve = scored([0.7]).curves["success"]
    assert [curve[13], curve[14]] == [1, 0]


def test_a_sequence_of_which_nothing_counts_is_in_no_mean():
    score = scored([1, 0.6, 0.9], counted=[True, False, False], lengths=[1, 2])
    assert figures(score)["ao"] == 1
    assert score.curves["success"][0] == 1
    last = scored([1, 0.6], counted=[True, False], lengths=[1, 1], sequence=np.array([0, 1]))
    assert figures(last)["ao"] == 1


def test_got10k_own_protocol_has_its_own_figures():
    score = scored([1, 0.6], convention=GOT10K_VAL)
    assert list(score.figures) == ["ao", "sr_50", "sr_75"]
    assert list(score.curves) == list(thresholds(GOT10K_VAL)) == ["success"]


def test_curves_of_sequences_agree_with_plain_loops():
    generator = np.random.default_rng(3)
    lengths = [50, 1, 30]
    values = {
        "success": generator.uniform(-1, 1, 81),
        "precision": generator.uniform(-1, 60, 81),
        "norm_precision": generator.uniform(-1, 0.6, 81),
    }
    values["precision"][5] = np.inf
    values["success"][7:10] = MATLAB.success_thresholds[[3, 14, 20]]  # ties
    values["precision"][8] = 20
    score = scored(*values.values(), lengths=lengths)
    bounds = np.cumsum([0, *lengths])
    for kind, passes in (
        ("success", lambda value, t: value > t),
        ("precision", lambda value, t: value <= t),
        ("norm_precision", lambda value, t: value <= t),
    ):
        shares = [
            [
                sum(passes(v, t) for v in values[kind][a:b]) / (b - a)
                for t in thresholds(MATLAB)[kind]
            ]
            for a, b in pairwise(bounds)
        ]
        np.testing.assert_allclose(score.curves[kind], np.mean(shares, axis=0))
    assert [len(part) for part in score.overlaps] == lengths


def test_frames_that_do_not_count_are_in_no_denominator():
    score = scored([1, 0, 0, 1], counted=[True, False, True, True], lengths=[2, 2])
    np.testing.assert_allclose(score.per_sequence["sr_50"], [1, 0.5])
    np.testing.assert_array_equal(score.overlaps[0], [1, np.nan])


def test_got10k_pools_the_frames_of_all_sequences():
    score = scored([1, 0.6, 0.6, 0.2], lengths=[1, 3], convention=GOT10K_VAL)
    found = figures(score)
    np.testing.assert_allclose(found["ao"], 2.4 / 4)  # and not (1 + 1.4 / 3) / 2
    assert found["sr_50"] == 0.75
    assert found["sr_75"] == 0.25
    np.testing.assert_allclose(score.per_sequence["ao"], [1, 1.4 / 3])


def test_runs_of_a_sequence_are_pooled_and_averaged_beside():
    # s0 has runs of 1 and 3 frames, s1 one of 2.
    overlap = [1, 0, 0, 1, 1, 0]
    sequence = np.array([0, 0, 1])
    pooled = scored(overlap, lengths=[1, 3, 2], sequence=sequence)
    np.testing.assert_allclose(pooled.per_sequence["sr_50"], [2 / 4, 1 / 2])
    single = scored(overlap, lengths=[1, 3, 2])
    by_run = mean_over_runs(single, sequence)
    np.testing.assert_allclose(by_run["sr_50"].value(), ((1 + 1 / 3) / 2 + 1 / 2) / 2)
