import numpy as np

from benchmarks.conventions import FrameErrors, convention, matlab_otb_errors
from benchmarks.metrics import METRICS, sequence_score, thresholds

MATLAB = convention("matlab_otb")


def scored(overlap, distance=None, norm_distance=None):
    overlap = np.array(overlap, float)
    zeros = np.zeros(len(overlap))
    distance = zeros if distance is None else np.array(distance, float)
    norm_distance = zeros if norm_distance is None else np.array(norm_distance, float)
    return sequence_score(FrameErrors(overlap, distance, norm_distance), MATLAB)


def test_a_perfect_tracker():
    boxes = np.random.default_rng(0).uniform(5, 100, (300, 4))
    metrics = sequence_score(matlab_otb_errors(boxes, boxes), MATLAB).metrics
    assert set(metrics) == set(METRICS)
    np.testing.assert_allclose(metrics["success_auc"], 20 / 21)
    np.testing.assert_allclose([v for m, v in metrics.items() if m != "success_auc"], 1)


def test_figures_by_hand():
    score = scored([1, 0.62, 0.5, -1], [0, 20, 20.001, np.inf], [0, 0.2, 0.2001, -1])
    # 1 passes 20 thresholds, 0.62 those up to 0.60 (13), 0.5 those up to 0.45 (10)
    np.testing.assert_allclose(score.metrics["success_auc"], (20 + 13 + 10) / 4 / 21)
    assert score.metrics["precision_20"] == 0.5
    assert score.metrics["norm_precision_20"] == 0.75
    np.testing.assert_allclose(score.metrics["ao"], (1 + 0.62 + 0.5) / 4)
    assert score.metrics["sr_50"] == 0.5
    assert score.metrics["sr_75"] == 0.25
    assert score.overlaps.tolist() == [1, 0.62, 0.5, 0]


def test_an_overlap_of_seven_tenths_does_not_pass_the_threshold_0_7():
    truth = np.array([[0, 0, 10, 10], [0, 0, 10, 10]])
    predicted = np.array([[0, 0, 10, 10], [0, 0, 10, 7]])
    errors = matlab_otb_errors(truth.astype(float), predicted.astype(float))
    curve = sequence_score(errors, MATLAB).curves["success"]
    assert curve[13] == 1.0
    assert curve[14] == 0.5


def test_curves_agree_with_a_plain_loop():
    generator = np.random.default_rng(3)
    overlap = generator.uniform(-1, 1, 50)
    distance = generator.uniform(-1, 60, 50)
    norm_distance = generator.uniform(-1, 0.6, 50)
    score = scored(overlap, distance, norm_distance)
    places = thresholds(MATLAB)
    for values, kind, passes in (
        (overlap, "success", lambda value, t: value > t),
        (distance, "precision", lambda value, t: value <= t),
        (norm_distance, "norm_precision", lambda value, t: value <= t),
    ):
        expected = [sum(passes(v, t) for v in values) / 50 for t in places[kind]]
        np.testing.assert_allclose(score.curves[kind], expected)
