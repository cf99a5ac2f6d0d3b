"""What a report says about trackers on a benchmark, assembled from their own scores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.figures import METRICS, Figure, TrackerScore
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
        success_by_attribute: attribute -> tracker -> success curve (T,) over its sequences; {}
            where the whole one is not the plain mean over sequences.
        eao_by_tag: tracker -> tag -> EAO over its frames (VOT).
        by_run: tracker -> metric -> mean in which each run weighs the same (TRE, SRE), beside the
            pooled `means`.
        paired: each tracker against every better one, the first of the ranking before the others.
        refused: tracker -> why it is not scored: damaged results, or such as the convention's
            toolkit stops at.
        reliability: tracker -> the chance to track 30 frames without a failure (VOT's
            accuracy-robustness plot).
        notes: sentences that a reader must not miss.
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
    success_by_attribute: dict[str, dict[str, np.ndarray]]
    eao_by_tag: dict[str, dict[str, float]]
    by_run: dict[str, dict[str, float]]
    paired: tuple[Comparison, ...]
    refused: dict[str, str] = field(default_factory=dict)
    reliability: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def ranked_by(self) -> str:
        """The metric that decides the ranking."""
        return self.metrics[0]

    def sequences_with(self, attribute: str) -> list[str]:
        """Names of the sequences that carry the attribute."""
        return [name for name, truth in self.truth.items() if attribute in truth.attributes]


def assemble(
    scored: Mapping[str, TrackerScore],
    truths: Sequence[Truth],
    *,
    results: Mapping[str, Boxes],
    convention: str,
    summary: str,
    protocol: str,
    thresholds: dict[str, np.ndarray],
    refused: Mapping[str, str],
    by_run: Mapping[str, Mapping[str, Figure]] | None = None,
    reliability: Mapping[str, float] | None = None,
    notes: Sequence[str] = (),
) -> Scores:
    """What follows from the trackers' own scores: ranking, intervals, attributes, comparisons.

    Raises InputError where every tracker was refused.
    """
    if not scored:
        raise nothing_scored(refused)
    names = [truth.name for truth in truths]
    figures = {tracker: one.figures for tracker, one in scored.items()}
    metrics = tuple(metric for metric in METRICS if metric in next(iter(figures.values())))
    means = {
        tracker: {metric: float(found[metric].value()) for metric in metrics}
        for tracker, found in figures.items()
    }
    ranked = {tracker: means[tracker][metrics[0]] for tracker in scored}
    ranking = tuple(sorted(scored, key=lambda tracker: np.nan_to_num(-ranked[tracker], nan=np.inf)))
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
        success_by_attribute=_success_by_attribute(scored, truths),
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
        refused=dict(refused),
        reliability=dict(reliability or {}),
        notes=tuple(notes),
    )


def nothing_scored(refused: Mapping[str, str]) -> InputError:
    """The error where every tracker was refused."""
    tracker, reason = next(iter(refused.items()))
    more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
    return InputError(f"no tracker can be scored: {tracker}: {reason}{more}")


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
    return {
        attribute: {
            tracker: {metric: float(own[metric].value(has.astype(float))) for metric in metrics}
            for tracker, own in figures.items()
        }
        for attribute, has in _carriers(truths).items()
    }


def _success_by_attribute(scored, truths) -> dict[str, dict[str, np.ndarray]]:
    if any(one.success is None for one in scored.values()):
        return {}
    return {
        attribute: {tracker: _known_mean(one.success[has]) for tracker, one in scored.items()}
        for attribute, has in _carriers(truths).items()
    }


def _carriers(truths: Sequence[Truth]) -> dict[str, np.ndarray]:
    """attribute -> (S,) bool, which sequences carry it."""
    found = sorted({attribute for truth in truths for attribute in truth.attributes})
    return {a: np.array([a in truth.attributes for truth in truths]) for a in found}


def _known_mean(rows: np.ndarray) -> np.ndarray:
    """Mean (T,) of the rows (S, T) that are not NaN; NaN where all are."""
    known = rows[~np.isnan(rows[:, 0])]
    return known.mean(0) if len(known) else np.full(rows.shape[1], np.nan)


def _paired(scored, ranking, metric) -> tuple[Comparison, ...]:
    # EAO has no value of its own on one sequence: there accuracy says who won.
    shown = metric if metric in scored[ranking[0]].per_sequence else "accuracy"
    return compare_paired(
        {tracker: scored[tracker].figures[metric] for tracker in ranking},
        {tracker: scored[tracker].per_sequence[shown] for tracker in ranking},
        metric,
    )
