"""What all parts of a report share: what it is made of, colours, numbers, best and second."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.figures import METRICS
from benchmarks.published import PublishedFigure
from benchmarks.report.disagreements import Disagreement
from benchmarks.scoring import Scores

PROTOCOLS = {
    "ope": "OPE",
    "tre": "TRE",
    "sre": "SRE",
    "baseline": "reset-based",
    "realtime": "real-time",
}
NOTHING = "–"


@dataclass(frozen=True)
class Content:
    """What a report is made of.

    Attributes:
        scores, benchmark, notes, frames, contact_sheet: as in write_report.
        made_by: its `provenance`.
        published: metric -> what the papers print of trackers, best first.
        disagreements: frames, largest spread first.
    """

    scores: Scores
    benchmark: str
    made_by: Mapping[str, Mapping]
    notes: tuple[str, ...]
    published: Mapping[str, Sequence[PublishedFigure]]
    disagreements: Sequence[Disagreement]
    frames: Callable[[str, int], np.ndarray] | None
    contact_sheet: np.ndarray | None

    @property
    def title(self) -> str:
        protocol = self.scores.protocol
        return f"{self.benchmark}, {PROTOCOLS.get(protocol, protocol)}"


def colors(scores: Scores) -> dict[str, int]:
    """Index of each tracker's colour: the first-listed has the first, the others by rank."""
    first = scores.trackers[0]
    order = [first, *(tracker for tracker in scores.ranking if tracker != first)]
    return {tracker: index for index, tracker in enumerate(order)}


def best_first(scores: Scores, metric: str) -> list[str]:
    """Trackers sorted by one figure, ties in the order of the ranking, NaN last."""
    sign = -1 if METRICS[metric].rises else 1
    values = {tracker: scores.means[tracker][metric] for tracker in scores.ranking}
    return sorted(values, key=lambda t: math.inf if math.isnan(values[t]) else sign * values[t])


def sequence_metric(scores: Scores) -> str:
    """The figure of single sequences: the ranked one, accuracy where sequences have none (EAO)."""
    found = next(iter(scores.per_sequence[scores.trackers[0]].values()))
    return scores.ranked_by if scores.ranked_by in found else "accuracy"


def number(value: float, metric: str) -> str:
    """A figure as text: three digits; failures are counted; a dash where there is none."""
    if math.isnan(value):
        return NOTHING
    if metric == "failures":
        return f"{value:.1f}".removesuffix(".0")
    return f"{value:.3f}"


def signed(value: float, metric: str) -> str:
    """A difference as text."""
    text = number(abs(value), metric)
    if text == NOTHING or float(text) == 0:
        return text
    return f"{'−' if value < 0 else '+'}{text}"


def spread(bounds: tuple[float, float], metric: str) -> str:
    """An interval as text, "" where there is none."""
    low, high = bounds
    return "" if math.isnan(low) else f"{number(low, metric)}–{number(high, metric)}"


def places(values: Sequence[float], metric: str) -> list[int | None]:
    """0 for the best, 1 for the second, None for the rest; equal as printed is equal.

    Of a single value none is best, and of two none is second.
    """
    printed = [number(value, metric) for value in values]
    known = {text: value for text, value in zip(printed, values, strict=True) if text != NOTHING}
    order = sorted(known, key=known.__getitem__, reverse=METRICS[metric].rises)
    leading = {text: place for place, text in enumerate(order[: min(2, len(values) - 1)])}
    return [leading.get(text) for text in printed]
