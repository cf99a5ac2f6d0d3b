"""Scores of trackers over a benchmark: figures, intervals, attributes and paired comparisons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from benchmarks.conventions import Convention, find_convention
from benchmarks.figures import METRICS, Figure, TrackerScore
from benchmarks.frame_errors import FrameErrors, Refused
from benchmarks.metrics import mean_over_runs, thresholds, tracker_score
from benchmarks.runs import Runs, join_results, join_truth
from benchmarks.statistics import Comparison, compare_paired, draws, interval
from benchmarks.truth import Truth
from ops.errors import InputError

Boxes = Mapping[str, np.ndarray]  # by sequence


@dataclass(frozen=True)
class Scores:
    """Everything that a report says about trackers on a benchmark.

    Attributes:
        convention, summary: how the frames were scored, by name and in words.
        protocol: "ope", "tre", "sre", "baseline" or "realtime".
        metrics: of figures.METRICS, those that were measured; the first ranks.
        trackers: in the order given.
        ranking: the same, best first.
        truth: sequence -> its truth.
        results: tracker -> sequence -> boxes (N, 4), 0-based, of the first run, for pictures.
        means: tracker -> metric -> figure over all sequences.
        intervals: tracker -> metric -> 95 % bootstrap interval over sequences (NaN for one).
        per_sequence: tracker -> sequence -> metric -> value, where a sequence has one.
        overlaps: tracker -> sequence -> (N,) of the first run, 0 where a frame failed, NaN where it
            does not count.
        thresholds: curve -> (T,) where it is read; "eao_interval": first and last length of EAO.
        curves: tracker -> curve -> (T,).
        by_attribute: attribute -> tracker -> metric -> figure over its sequences.
        eao_by_tag: tracker -> tag -> EAO over its frames (VOT).
        by_run: tracker -> metric -> mean in which each run weighs the same (TRE, SRE), beside the
            pooled `means`.
        paired: each tracker against every better one, the first of the ranking before the others.
        refused: tracker -> why the convention's toolkit does not score it.
    """

    convention: str
    summary: str
    protocol: str
    metrics: tuple[str, ...]
    trackers: tuple[str, ...]
    ranking: tuple[str, ...]
    truth: dict[str, Truth]
    results: Mapping[str, Boxes]
    means: dict[str, dict[str, float]]
    intervals: dict[str, dict[str, tuple[float, float]]]
    per_sequence: dict[str, dict[str, dict[str, float]]]
    overlaps: dict[str, dict[str, np.ndarray]]
    thresholds: dict[str, np.ndarray]
    curves: dict[str, Mapping[str, np.ndarray]]
    by_attribute: dict[str, dict[str, dict[str, float]]]
    eao_by_tag: dict[str, dict[str, float]]
    by_run: dict[str, dict[str, float]]
    paired: tuple[Comparison, ...]
    refused: dict[str, str] = field(default_factory=dict)

    @property
    def ranked_by(self) -> str:
        """The metric that decides the ranking."""
        return self.metrics[0]

    def sequences_with(self, attribute: str) -> list[str]:
        """Names of the sequences that carry the attribute."""
        return [name for name, truth in self.truth.items() if attribute in truth.attributes]


def score(
    results: Mapping[str, Boxes], truths: Sequence[Truth], convention: str = "matlab_otb"
) -> Scores:
    """Score one-pass results of trackers on sequences.

    Args:
        results: tracker -> sequence -> boxes (M, 4), 0-based; sequences that are not in `truths`
            are left aside.
        truths: the sequences.
        convention: a key of benchmarks.conventions.CONVENTIONS. A tracker whose results its toolkit
            stops at is left out and named in `refused`.

    Raises:
        InputError: no tracker, sequence or frame, a result missing or not (M, 4), or all trackers
            refused.
    """
    check_something(results, truths)
    runs = join_truth(truths)
    rules = find_convention(convention, runs)
    scored, refused = {}, {}
    for tracker, found in results.items():
        try:
            errors = _errors([checked(tracker, t, found) for t in truths], runs, rules)
            scored[tracker] = tracker_score(errors, runs, rules)
        except Refused as reason:
            refused[tracker] = str(reason)
    return assemble(
        scored,
        truths,
        results=results,
        convention=rules.name,
        summary=rules.summary,
        protocol="ope",
        thresholds=thresholds(rules),
        refused=refused,
    )


def score_runs(
    results: Mapping[str, Mapping[str, Sequence[np.ndarray]]],
    truths: Sequence[Truth],
    starts: Mapping[str, Sequence[int]],
    convention: str,
    protocol: str,
) -> Scores:
    """Score several runs a sequence (TRE, SRE): frames pooled by sequence, and by_run beside them.

    Args:
        results: tracker -> sequence -> its runs' boxes (M, 4), 0-based.
        starts: sequence -> the frame at which each of its runs begins.

    Raises InputError and leaves out refused trackers as `score` does.
    """
    check_something(results, truths)
    parts = [_from(truth, start) for truth in truths for start in starts[truth.name]]
    sequence = np.repeat(np.arange(len(truths)), [len(starts[t.name]) for t in truths])
    runs = join_truth(parts)
    rules = find_convention(convention, runs, protocol)
    scored, by_run, refused, first = {}, {}, {}, {}
    for tracker, found in results.items():
        each = [
            checked(tracker, part, {part.name: boxes})
            for part, boxes in zip(
                parts, (boxes for t in truths for boxes in found[t.name]), strict=True
            )
        ]
        try:
            errors = _errors(each, runs, rules)
        except Refused as reason:
            refused[tracker] = str(reason)
            continue
        pooled = tracker_score(errors, runs, rules, sequence)
        begins = np.searchsorted(sequence, np.arange(len(truths)))
        scored[tracker] = replace(pooled, overlaps=[pooled.overlaps[run] for run in begins])
        by_run[tracker] = mean_over_runs(tracker_score(errors, runs, rules), sequence)
        first[tracker] = {t.name: found[t.name][0] for t in truths}
    return assemble(
        scored,
        truths,
        results=first,
        convention=rules.name,
        summary=rules.summary,
        protocol=protocol,
        thresholds=thresholds(rules),
        refused=refused,
        by_run=by_run,
    )


def assemble(
    scored: Mapping[str, TrackerScore],
    truths: Sequence[Truth],
    *,
    results: Mapping[str, Boxes],
    convention: str,
    summary: str,
    protocol: str,
    thresholds: dict[str, np.ndarray],
    refused: dict[str, str],
    by_run: Mapping[str, Mapping[str, Figure]] | None = None,
) -> Scores:
    """What follows from the trackers' own scores: ranking, intervals, attributes, comparisons.

    Raises InputError where every tracker was refused.
    """
    if not scored:
        reasons = "; ".join(f"{tracker}: {reason}" for tracker, reason in refused.items())
        raise InputError(f"convention={convention} refuses every tracker: {reasons}")
    names = [truth.name for truth in truths]
    figures = {tracker: one.figures for tracker, one in scored.items()}
    metrics = tuple(metric for metric in METRICS if metric in next(iter(figures.values())))
    means = {
        tracker: {metric: float(found[metric].value()) for metric in metrics}
        for tracker, found in figures.items()
    }
    ranking = tuple(sorted(scored, key=lambda tracker: -means[tracker][metrics[0]]))
    return Scores(
        convention=convention,
        summary=summary,
        protocol=protocol,
        metrics=metrics,
        trackers=tuple(scored),
        ranking=ranking,
        truth=dict(zip(names, truths, strict=True)),
        results=results,
        means=means,
        intervals=_intervals(figures, metrics, len(names)),
        per_sequence={tracker: _per_sequence(one, names) for tracker, one in scored.items()},
        overlaps={
            tracker: dict(zip(names, one.overlaps, strict=True)) for tracker, one in scored.items()
        },
        thresholds=thresholds,
        curves={tracker: one.curves for tracker, one in scored.items()},
        by_attribute=_by_attribute(figures, metrics, truths),
        eao_by_tag={
            tracker: {tag: found["eao"] for tag, found in one.by_tag.items()}
            for tracker, one in scored.items()
            if one.by_tag
        },
        by_run={
            tracker: {metric: float(figure.value()) for metric, figure in found.items()}
            for tracker, found in (by_run or {}).items()
        },
        paired=_paired(scored, ranking, metrics[0]),
        refused=refused,
    )


def check_something(results: Mapping, truths: Sequence[Truth]) -> None:
    """Raise InputError without a tracker, a sequence, or a frame in one."""
    if not results or not truths:
        raise InputError(f"nothing to score: {len(results)} trackers, {len(truths)} sequences")
    for truth in truths:
        if len(truth.boxes) == 0:
            raise InputError(f"sequence {truth.name} has no frames to score")


def checked(tracker: str, truth: Truth, found: Boxes) -> np.ndarray:
    """The tracker's boxes of a sequence. Raises InputError where they are missing, not (M, 4)."""
    if truth.name not in found:
        raise InputError(f"tracker {tracker} has no result for sequence {truth.name}")
    boxes = np.asarray(found[truth.name], np.float64)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise InputError(
            f"tracker {tracker}, sequence {truth.name}: expected {len(truth.boxes)} rows of 4 "
            f"numbers, found {' x '.join(map(str, boxes.shape))}"
        )
    return boxes


def _errors(each: Sequence[np.ndarray], runs: Runs, rules: Convention) -> FrameErrors:
    """The errors of one tracker's runs. Raises Refused where the toolkit stops."""
    for name, length, boxes in zip(runs.names, runs.lengths, each, strict=True):
        if len(boxes) > length and not rules.cuts:
            raise Refused(f"sequence {name} has {len(boxes)} rows for {length} frames")
    return rules.errors(runs, *join_results(each, runs))


def _from(truth: Truth, start: int) -> Truth:
    """The part of a sequence that a run sees."""
    absent = None if truth.absent is None else truth.absent[start:]
    size = truth.picture_size
    return Truth(truth.name, truth.boxes[start:], truth.attributes, absent, picture_size=size)


def _intervals(figures, metrics, sequences) -> dict[str, dict[str, tuple[float, float]]]:
    if sequences < 2:
        return {t: dict.fromkeys(metrics, (np.nan, np.nan)) for t in figures}
    return {
        tracker: {metric: interval(found[metric].value(draws(sequences))) for metric in metrics}
        for tracker, found in figures.items()
    }


def _per_sequence(one: TrackerScore, names: list[str]) -> dict[str, dict[str, float]]:
    rows = zip(*(values.tolist() for values in one.per_sequence.values()), strict=True)
    return {
        name: dict(zip(one.per_sequence, row, strict=True))
        for name, row in zip(names, rows, strict=True)
    }


def _by_attribute(figures, metrics, truths) -> dict[str, dict[str, dict[str, float]]]:
    found = sorted({attribute for truth in truths for attribute in truth.attributes})
    weights = {a: np.array([float(a in truth.attributes) for truth in truths]) for a in found}
    return {
        attribute: {
            tracker: {metric: float(own[metric].value(weights[attribute])) for metric in metrics}
            for tracker, own in figures.items()
        }
        for attribute in found
    }


def _paired(scored, ranking, metric) -> tuple[Comparison, ...]:
    # EAO has no value of its own on one sequence: there accuracy says who won.
    shown = metric if metric in scored[ranking[0]].per_sequence else "accuracy"
    return compare_paired(
        {tracker: scored[tracker].figures[metric] for tracker in ranking},
        {tracker: scored[tracker].per_sequence[shown] for tracker in ranking},
        metric,
    )
