"""VOT's measures against plain loops over frames and hand cases."""

import math

import numpy as np
import pytest

from benchmarks.truth import Truth
from benchmarks.vot.expected_overlap import Fragments, expected_overlap_sums
from benchmarks.vot.overlap import as_regions, overlaps
from benchmarks.vot.supervised import score_supervised
from benchmarks.vot.trajectories import (
    FAILED,
    SKIPPED,
    STARTED,
    TRACKED,
    Trajectory,
)
from ops.errors import InputError

SIZE = (60, 50)


def make_truth(name, length, rng):
    corners = np.array([[0, 0], [12, 2], [10, 12], [-2, 10.0]])
    polygons = rng.uniform(5, 45, (length, 1, 2)) + corners
    tags = {tag: rng.random(length) < 0.3 for tag in ("camera_motion", "occlusion")}
    return Truth(
        name,
        np.zeros((length, 4)),
        polygons=polygons.reshape(length, 8),
        tags=tags,
        picture_size=SIZE,
    )


def make_run(truth, failures, rng):
    """A run with noisy boxes that fails in the frames `failures` and starts again 5 later."""
    length = len(truth)
    states, regions = np.full(length, TRACKED, np.int8), np.full((length, 8), np.nan)
    states[0] = STARTED
    for frame in failures:
        states[frame] = FAILED
        states[frame + 1 : frame + 5] = SKIPPED
        states[frame + 5 : frame + 6] = STARTED
    regions[:, :2] = truth.polygons[:, :2] + rng.normal(-1, 2, (length, 2))
    regions[:, 2:4] = rng.uniform(8, 14, (length, 2))
    regions[states != TRACKED] = np.nan
    return Trajectory(states, regions)


def frame_overlaps(run, truth, bounds, painting):
    """One overlap a frame, None where there is none."""
    found = overlaps(run.regions, truth.polygons, bounds, painting)
    return [v if s == TRACKED else None for v, s in zip(found, run.states, strict=True)]


def counted(run, values):
    """Overlaps of frames from the tenth after a start on."""
    starts = [i for i, state in enumerate(run.states) if state == STARTED]
    return {
        i: v
        for i, v in enumerate(values)
        if v is not None and not any(start <= i < start + 10 for start in starts)
    }


def plain_pysot(runs, truths, low, high, chosen):
    """Accuracy, robustness, failures, EAO; `chosen` (sequences of bool) weighs the fragments."""
    frames, failures, fragments = [], 0, []
    longest = max(len(truth) for truth in truths)
    for repeated, truth, marks in zip(runs, truths, chosen, strict=True):
        by_frame = {}
        for run in repeated:
            values = frame_overlaps(run, truth, SIZE, "pysot")
            for i, value in counted(run, values).items():
                by_frame.setdefault(i, []).append(value)
            values = frame_overlaps(run, truth, (SIZE[0] - 1, SIZE[1] - 1), "pysot")
            values = [0 if value is None else value for value in values]
            lost = [i for i, state in enumerate(run.states) if state == FAILED]
            failures += len(lost) / len(repeated)
            begin = 0
            for end in [i + 5 for i in lost if i + 5 <= len(truth)]:
                part = values[begin : end + 1]
                weight = sum(marks[begin : end + 1]) / (end - begin + 1)
                zeros = [0] * (longest - len(part))
                fragments.append((part + zeros, weight / len(repeated)))
                begin = end
            if begin < len(truth):
                weight = sum(marks[begin:]) / (len(truth) - begin)
                fragments.append((values[begin:], weight / len(repeated)))
        frames += [np.mean(values) for values in by_frame.values()]
    total = sum(len(truth) for truth in truths)
    eao = curve_mean(fragments, range(low - 1, high))
    return np.mean(frames), 100 * failures / total, failures, eao


def plain_toolkit(runs, truths, low, high):
    accuracy, weighted, failures, fragments = 0, 0, 0, []
    longest = 0
    for repeated, truth in zip(runs, truths, strict=True):
        for run in repeated:
            values = frame_overlaps(run, truth, SIZE, "vot_toolkit")
            known = counted(run, values).values()
            accuracy += (np.mean(list(known)) if known else 0) * len(truth) / len(repeated)
            lost = [i for i, state in enumerate(run.states) if state == FAILED]
            failures += len(lost) / len(repeated)
            weighted += len(lost) * len(truth) / len(repeated)
            values = [0 if value is None else value for value in values]
            starts = [i for i, state in enumerate(run.states) if state == STARTED]
            for start, end in zip(starts, [*lost, None], strict=False):
                fragments.append((values[start:end], end is not None))
                longest = max(longest, len(values[start:end]))
    zeros = [0] * longest
    fragments = [((part + zeros)[:longest] if lost else part, 1) for part, lost in fragments]
    total = sum(len(truth) for truth in truths)
    eao = curve_mean(fragments, range(low, high + 1))
    return accuracy / total, weighted / total, failures, eao


def curve_mean(fragments, columns):
    """Mean over `columns` i of the weighted mean of mean(part[1 .. i]) over those that reach i."""
    curve = []
    for i in columns:
        alive = [(sum(part[1 : i + 1]) / i, weight) for part, weight in fragments if len(part) > i]
        weight = sum(weight for _, weight in alive)
        if weight > 0:
            curve.append(sum(value * weight for value, weight in alive) / weight)
    return np.mean(curve)


def make_benchmark(repetitions=1):
    rng = np.random.default_rng(5)
    # A failure two frames before the end has no start after it, one five before the end just not.
    failures = {40: [], 70: [12, 30], 55: [20, 53], 33: [28], 26: [5]}
    truths = [make_truth(f"sequence{n}", n, rng) for n in failures]
    runs = [
        [make_run(truth, failures[len(truth)], rng) for _ in range(repetitions)] for truth in truths
    ]
    runs[1] = runs[1][:2]  # fewer where they would be alike
    return runs, truths


def names_and_values(score):
    return {name: float(figure.value()) for name, figure in score.figures.items()}


@pytest.mark.parametrize("repetitions", [1, 3])
def test_pysot_equals_plain_loops(repetitions):
    runs, truths = make_benchmark(repetitions)
    score = score_supervised(runs, truths, "pysot", (15, 60))
    always = [[True] * len(truth) for truth in truths]
    accuracy, robustness, failures, eao = plain_pysot(runs, truths, 15, 60, always)
    assert round(failures) == 6
    assert names_and_values(score) == pytest.approx(
        {"eao": eao, "accuracy": accuracy, "robustness": robustness, "failures": failures}
    )
    marks = {
        "all": always,
        "camera_motion": [truth.tags["camera_motion"] for truth in truths],
        "occlusion": [truth.tags["occlusion"] for truth in truths],
        "empty": [~(truth.tags["camera_motion"] | truth.tags["occlusion"]) for truth in truths],
    }
    assert list(score.by_tag) == list(marks)
    for tag, chosen in marks.items():
        expected = plain_pysot(runs, truths, 15, 60, chosen)[-1]
        assert score.by_tag[tag]["eao"] == pytest.approx(expected), tag
    assert score.per_sequence["failures"].tolist() == [0, 2, 2, 1, 1]
    np.testing.assert_allclose(score.per_sequence["robustness"][1], 200 / 70)
    single = plain_pysot(runs[1:2], truths[1:2], 15, 60, always[1:2])
    np.testing.assert_allclose(score.per_sequence["accuracy"][1], single[0])


@pytest.mark.parametrize("repetitions", [1, 3])
def test_vot_toolkit_equals_plain_loops(repetitions):
    runs, truths = make_benchmark(repetitions)
    score = score_supervised(runs, truths, "vot_toolkit", (15, 60))
    accuracy, robustness, failures, eao = plain_toolkit(runs, truths, 15, 60)
    assert names_and_values(score) == pytest.approx(
        {"eao": eao, "accuracy": accuracy, "robustness": robustness, "failures": failures}
    )
    assert score.by_tag == {}
    single = plain_toolkit(runs[2:3], truths[2:3], 15, 60)
    np.testing.assert_allclose(score.per_sequence["accuracy"][2], single[0])


@pytest.mark.parametrize("toolkit", ["pysot", "vot_toolkit"])
def test_drawing_a_sequence_twice_weighs_it_twice(toolkit):
    runs, truths = make_benchmark()
    score = score_supervised(runs, truths, toolkit, (10, 30))
    weights, rows = np.array([1, 2, 0, 1, 1]), [0, 1, 1, 3, 4]
    drawn = score_supervised([runs[i] for i in rows], [truths[i] for i in rows], toolkit, (10, 30))
    for name in ("eao", "accuracy", "robustness", "failures"):
        np.testing.assert_allclose(
            score.figures[name].value(weights), drawn.figures[name].value(), err_msg=name
        )
    assert score.figures["eao"].numerators.shape == (5, 21)


def tracked(boxes, codes):
    """A run of boxes (N, 4) with codes {frame: state}."""
    states, regions = np.full(len(boxes), TRACKED, np.int8), as_regions(np.array(boxes, float))
    for frame, state in codes.items():
        states[frame], regions[frame] = state, np.nan
    return Trajectory(states, regions)


def still(length):
    square = np.tile([10, 10, 19, 10, 19, 19, 10, 19.0], (length, 1))
    return Truth("still", np.zeros((length, 4)), polygons=square, picture_size=SIZE)


def test_by_hand():
    # Perfect but for frames 11 and 12, of which the first is half as high and the second not known.
    boxes = [[10, 10, 9, 9]] * 14
    boxes[11], boxes[12] = [10, 10, 9, 4], [math.nan] * 4
    run = tracked(boxes, {0: STARTED})
    score = score_supervised([[run]], [still(14)], "pysot", (12, 14))
    assert float(score.figures["accuracy"].value()) == (1 + 0.5 + 0 + 1) / 4
    curve = [10.5 / 11, 10.5 / 12, 11.5 / 13]
    np.testing.assert_allclose(score.curves["expected_overlap"], [np.nan, *[1] * 10, *curve])
    np.testing.assert_allclose(score.figures["eao"].value(), np.mean(curve))
    np.testing.assert_array_equal(score.overlaps[0], [np.nan, *[1] * 10, 0.5, 0, 1])
    # A box of 10 x 10 is as large in vot-toolkit, which leaves out what is not known.
    boxes = [[10, 10, 10, 10]] * 14
    boxes[11], boxes[12] = [10, 10, 10, 5], [math.nan] * 4
    run = tracked(boxes, {0: STARTED})
    score = score_supervised([[run]], [still(14)], "vot_toolkit", (11, 13))
    assert float(score.figures["accuracy"].value()) == 2.5 / 3
    np.testing.assert_allclose(score.figures["eao"].value(), np.mean(curve))


def test_a_failure_in_the_last_four_frames():
    run = tracked([[10, 10, 9, 9]] * 20, {0: STARTED, 16: FAILED, 17: 0, 18: 0, 19: 0})
    runs, truths = [[run]], [still(20)]
    late = score_supervised(runs, truths, "pysot", (17, 20))
    np.testing.assert_allclose(late.figures["eao"].value(), np.mean(15 / np.arange(16, 20)))
    # To the length of another sequence, a failure goes on with zeros, a late one ends in pysot.
    other = tracked([[40, 40, 9, 9]] * 30, {0: STARTED, 1: FAILED, 2: 0, 3: 0, 4: 0, 5: 0, 6: 1})
    both = [[run], [other]], [still(20), still(30)]
    curve = score_supervised(*both, "pysot", (17, 20)).curves["expected_overlap"]
    # The other's fragments: one lost at once, one of overlap 0 that lasts 24 frames.
    np.testing.assert_allclose(curve[19], 15 / 19 / 3)
    assert curve[20] == 0
    curve = score_supervised(*both, "vot_toolkit", (17, 20)).curves["expected_overlap"]
    assert curve[20] > 0.2
    assert names_and_values(late)["failures"] == 1
    np.testing.assert_array_equal(late.overlaps[0][16:], [0, np.nan, np.nan, np.nan])


def test_overlap_of_a_start_does_not_count():
    fragments = Fragments(*np.array([[0, 3], [3, 5], [3, 2]]), np.array([True, False]))
    overlap, weights = np.array([0.9, 0.6, 0.2, 0.9, 0.5]), np.array([[1.0, 2.0]])
    sums, counted = expected_overlap_sums(overlap, fragments, weights, 6)
    np.testing.assert_allclose(sums, [[0, 1.6, 0.4, 0.8 / 3, 0.2, 0.8 / 5]])
    np.testing.assert_array_equal(counted, [[0, 3, 1, 1, 1, 1]])


def test_bounded_and_legacy():
    box = tracked([[10, 10, 80, 9]] * 12, {0: STARTED})
    truth = still(12)

    def accuracy(**options):
        score = score_supervised([[box]], [truth], "pysot", (5, 12), **options)
        return float(score.figures["accuracy"].value())

    assert accuracy() == pytest.approx(10 / 51)  # columns 10 to 60
    assert accuracy(bounded=False) == pytest.approx(10 / 81)
    assert accuracy(bounded=False, legacy=True) == pytest.approx(9 / 80)


def test_says_what_is_missing():
    run, truth = tracked([[10, 10, 9, 9]] * 12, {0: STARTED}), still(12)
    boxes = Truth("boxes", np.zeros((12, 4)), picture_size=SIZE)
    with pytest.raises(InputError, match="sequence boxes: .* polygons"):
        score_supervised([[run]], [boxes], "pysot", (5, 12))
    unsized = Truth("unsized", np.zeros((12, 4)), polygons=truth.polygons)
    with pytest.raises(InputError, match="sequence unsized: the size of its pictures"):
        score_supervised([[run]], [unsized], "pysot", (5, 12))
    assert score_supervised([[run]], [unsized], "pysot", (5, 12), bounded=False)
    with pytest.raises(InputError, match="toolkit=otb: expected one of pysot, vot_toolkit"):
        score_supervised([[run]], [truth], "otb", (5, 12))
