"""What all parts of a report share: what it is made of, colours, numbers, best and second."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.figures import METRICS, Metric
from benchmarks.published import PublishedFigure
from benchmarks.report.disagreements import Disagreement
from benchmarks.scores import Scores
from benchmarks.starts import SEGMENTS, SHIFTS

IN_WORDS = {
    "ope": "OPE",
    "tre": "TRE",
    "sre": "SRE",
    "baseline": "reset-based",
    "realtime": "real-time",
}
RUNS = {"tre": SEGMENTS, "sre": len(SHIFTS)}  # a sequence
MEASURES = METRICS | {"reliability": Metric("Reliability (S = 30)", "reliability (S = 30)")}
NOTHING = "–"
ROUGH, TOO_FEW = 10, 5  # sequences: below, an interval is rough, or decides nothing
OWN_COLOR = 4  # trackers, up to which the first-listed stands out, and not the best


@dataclass(frozen=True)
class Content:
    """What a report is made of.

    Attributes:
        scores, benchmark, part, frames, contact_sheet: as in write_report.
        made_by: its `provenance`.
        notes: what it was given, and what the scores bring along.
        published: metric -> what the papers print of trackers, best first.
        disagreements: frames, largest spread first.
    """

    scores: Scores
    benchmark: str
    part: str | None
    made_by: Mapping[str, Mapping]
    notes: tuple[str, ...]
    published: Mapping[str, Sequence[PublishedFigure]]
    disagreements: Sequence[Disagreement]
    frames: Callable[[str, int], np.ndarray] | None
    contact_sheet: np.ndarray | None

    @property
    def title(self) -> str:
        return f"{self.benchmark}, {protocol_name(self.scores)}"

    @property
    def setting(self) -> str:
        """What every table says: benchmark, protocol, convention, how many sequences or runs."""
        scores = self.scores
        extent = self.part or counted(len(scores.truth), "sequence")
        runs = RUNS.get(scores.protocol)
        if runs:
            extent += f", {runs} runs a sequence"
        return f"{self.title}, convention {scores.convention}, {extent}."

    @property
    def said(self) -> list[str]:
        """Sentences that stand at the top: the part, notes, trackers that are not scored."""
        part = [f"A part of {self.benchmark}: {self.part}."] if self.part else []
        return list(dict.fromkeys([*part, *self.notes, *refusals(self.scores)]))


def protocol_name(scores: Scores) -> str:
    """As headings call it."""
    return IN_WORDS.get(scores.protocol, scores.protocol)


def refusals(scores: Scores) -> list[str]:
    """Why trackers are missing, a sentence each."""
    return [
        f"{tracker} is not scored (convention {scores.convention}): {reason.removesuffix('.')}."
        for tracker, reason in scores.refused.items()
    ]


def counted(count: int, noun: str) -> str:
    """ "1 sequence", "2 sequences"."""
    return f"{count} {noun}{'s' * (count != 1)}"


def roughness(scores: Scores) -> str:
    """A sentence where intervals come from few sequences, else ""."""
    if not 1 < len(scores.truth) < ROUGH:
        return ""
    return f" Intervals of fewer than {ROUGH} sequences are rough."


def focus(scores: Scores) -> str:
    """The tracker that a report is about: the first-listed of a few, the best of many."""
    few = len(scores.trackers) <= OWN_COLOR
    return scores.trackers[0] if few else scores.ranking[0]


def colors(scores: Scores) -> dict[str, int]:
    """Index of each tracker's colour: the one in focus has the first, the others by rank."""
    first = focus(scores)
    order = [first, *(tracker for tracker in scores.ranking if tracker != first)]
    return {tracker: index for index, tracker in enumerate(order)}


def best_first(scores: Scores, metric: str) -> list[str]:
    """Trackers sorted by one figure, ties in the order of the ranking, NaN last."""
    sign = -1 if MEASURES[metric].rises else 1
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
    order = sorted(known, key=known.__getitem__, reverse=MEASURES[metric].rises)
    leading = {text: place for place, text in enumerate(order[: min(2, len(values) - 1)])}
    return [leading.get(text) for text in printed]
