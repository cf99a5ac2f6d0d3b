"""Scores of trackers over a benchmark: means, intervals, attributes and paired comparisons."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from benchmarks.conventions import Convention
from benchmarks.conventions import convention as find_convention
from benchmarks.metrics import METRICS, SequenceScore, sequence_score, thresholds
from benchmarks.statistics import Comparison, bootstrap_intervals, compare_paired
from ops.errors import InputError

RANKED_BY = "success_auc"


@dataclass(frozen=True)
class Scores:
    """Everything that a report says about trackers on a benchmark.

    Attributes:
        convention: how the frames were scored.
        trackers: in the order given.
        ranking: the same, best success AUC first.
        results, truth: the boxes that were scored, 0-based.
        attributes: names of the challenges by sequence.
        per_sequence: tracker -> sequence -> figures and curves.
        means: tracker -> metric -> mean over sequences with equal weight.
        intervals: tracker -> metric -> 95 % bootstrap interval over sequences (NaN for one).
        thresholds: curve -> (T,) where it is read.
        curves: tracker -> curve -> (T,) mean over sequences.
        by_attribute: attribute -> tracker -> metric -> mean over its sequences.
        paired: each tracker against the first of the ranking.
    """

    convention: Convention
    trackers: tuple[str, ...]
    ranking: tuple[str, ...]
    results: dict[str, dict[str, np.ndarray]]
    truth: dict[str, np.ndarray]
    attributes: dict[str, tuple[str, ...]]
    per_sequence: dict[str, dict[str, SequenceScore]]
    means: dict[str, dict[str, float]]
    intervals: dict[str, dict[str, tuple[float, float]]]
    thresholds: dict[str, np.ndarray]
    curves: dict[str, dict[str, np.ndarray]]
    by_attribute: dict[str, dict[str, dict[str, float]]]
    paired: tuple[Comparison, ...]

    def sequences_with(self, attribute: str) -> list[str]:
        """Names of the sequences that carry the attribute."""
        return [name for name in self.truth if attribute in self.attributes.get(name, ())]


def score(
    results: dict[str, dict[str, np.ndarray]],
    truth: dict[str, np.ndarray],
    attributes: dict[str, tuple[str, ...]],
    convention: str = "matlab_otb",
) -> Scores:
    """Score trackers on the sequences of `truth`.

    Args:
        results: tracker -> sequence -> boxes (M, 4), 0-based, M at most the length of the sequence;
            sequences that are not in `truth` are left aside.
        truth: sequence -> boxes (N, 4), 0-based, NaN where the target is absent.
        attributes: sequence -> names of its challenges; sequences may be missing.
        convention: a key of benchmarks.conventions.CONVENTIONS.

    Raises:
        InputError: no tracker, sequence or frame, or a result missing, too long or not (M, 4).
    """
    rules = find_convention(convention)
    if not results or not truth:
        raise InputError(f"nothing to score: {len(results)} trackers, {len(truth)} sequences")
    truth = {name: np.asarray(boxes, np.float64) for name, boxes in truth.items()}
    for name, boxes in truth.items():
        if len(boxes) == 0:
            raise InputError(f"sequence {name} has no frames to score")
    per_sequence = {
        tracker: {
            name: sequence_score(rules.errors(boxes, _checked(tracker, name, found, boxes)), rules)
            for name, boxes in truth.items()
        }
        for tracker, found in results.items()
    }
    # (S, trackers, metrics)
    values = np.stack([_metric_values(per_sequence[tracker], truth) for tracker in results], axis=1)
    means = _by_tracker(results, values.mean(0))
    ranking = tuple(sorted(results, key=lambda tracker: -means[tracker][RANKED_BY]))
    return Scores(
        convention=rules,
        trackers=tuple(results),
        ranking=ranking,
        results=results,
        truth=truth,
        attributes=attributes,
        per_sequence=per_sequence,
        means=means,
        intervals=_intervals(results, values),
        thresholds=thresholds(rules),
        curves={tracker: _mean_curves(per_sequence[tracker]) for tracker in results},
        by_attribute=_by_attribute(results, values, truth, attributes),
        paired=_paired(ranking, per_sequence, truth),
    )


def _checked(tracker, name, found, truth) -> np.ndarray:
    if name not in found:
        raise InputError(f"tracker {tracker} has no result for sequence {name}")
    boxes = np.asarray(found[name], np.float64)
    if boxes.ndim != 2 or boxes.shape[1] != 4 or len(boxes) > len(truth):
        raise InputError(
            f"tracker {tracker}, sequence {name}: expected at most {len(truth)} rows of 4 numbers, "
            f"found {' x '.join(map(str, boxes.shape))}"
        )
    return boxes


def _metric_values(scores: dict[str, SequenceScore], names: Iterable[str]) -> np.ndarray:
    """(S, metrics) in the order of `names` and METRICS."""
    return np.array([[scores[name].metrics[metric] for metric in METRICS] for name in names])


def _by_tracker(trackers: Iterable[str], table: np.ndarray) -> dict[str, dict[str, float]]:
    """(trackers, metrics) -> tracker -> metric -> number."""
    return {
        tracker: dict(zip(METRICS, row.tolist(), strict=True))
        for tracker, row in zip(trackers, table, strict=True)
    }


def _intervals(trackers, values) -> dict[str, dict[str, tuple[float, float]]]:
    bounds = bootstrap_intervals(values.reshape(len(values), -1)).reshape(*values.shape[1:], 2)
    return {
        tracker: {metric: tuple(pair) for metric, pair in zip(METRICS, row.tolist(), strict=True)}
        for tracker, row in zip(trackers, bounds, strict=True)
    }


def _mean_curves(scores: dict[str, SequenceScore]) -> dict[str, np.ndarray]:
    curves = [sequence.curves for sequence in scores.values()]
    return {kind: np.mean([curve[kind] for curve in curves], axis=0) for kind in curves[0]}


def _by_attribute(trackers, values, names, attributes):
    found = sorted({attribute for name in names for attribute in attributes.get(name, ())})
    carries = {a: np.array([a in attributes.get(name, ()) for name in names]) for a in found}
    return {a: _by_tracker(trackers, values[rows].mean(0)) for a, rows in carries.items()}


def _paired(ranking, per_sequence, names) -> tuple[Comparison, ...]:
    values = {
        tracker: np.array([per_sequence[tracker][name].metrics[RANKED_BY] for name in names])
        for tracker in ranking
    }
    return compare_paired(values, ranking[0], RANKED_BY)
