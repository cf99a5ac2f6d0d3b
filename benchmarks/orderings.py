"""Whether rows come in the paper's order: paired differences beside published figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from benchmarks.ablation import RANKING, Measured
from benchmarks.published import PublishedTable
from benchmarks.statistics import Comparison, compare_paired, mean_over_seeds


@dataclass(frozen=True)
class Ordering:
    """Two rows that the paper puts in an order, and what was measured of them.

    Attributes:
        better, worse: in the paper.
        published: benchmark -> difference of the paper's figures; None where only its text says
            which is better.
        measured: `better` minus `worse`, on the same sequences.
    """

    better: str
    worse: str
    published: dict[str, float | None]
    measured: Comparison

    @property
    def verdict(self) -> str:
        """One of VERDICTS. For single pairs: the intervals know nothing of how many there are."""
        low, high = self.measured.interval
        sure = low > 0 or high < 0
        if self.measured.difference > 0:
            return "reproduced" if sure else "same sign"
        if self.measured.difference == 0:
            return "no difference"
        return "contradicted" if sure else "opposite sign"


VERDICTS = {  # of the paper's sign the first two, not of it the others
    "reproduced": "the interval excludes 0",
    "same sign": "the interval includes 0",
    "no difference": "to the last digit",
    "opposite sign": "the interval includes 0",
    "contradicted": "the interval excludes 0",
}


def compare(rows: Sequence[Measured]) -> dict[tuple[str, str], Comparison]:
    """(row, other) -> row minus other, for all rows of one scope, both ways round: paired by
    sequence, and each row's seeds drawn for themselves.

    Rows whose score is not a plain mean over sequences are left out.
    """
    values = {one.row: one.per_sequence for one in rows if one.per_sequence is not None}
    if len(values) < 2 or len(rows[0].sequences) < 2:
        return {}
    figures = {
        row: mean_over_seeds(of_row, stream) for stream, (row, of_row) in enumerate(values.items())
    }
    means = {row: of_row.mean(0) for row, of_row in values.items()}
    found = {}
    for one in compare_paired(figures, means, rows[0].metric):
        found[one.tracker, one.reference] = one
        found[one.reference, one.tracker] = one.turned
    return found


def scopes(rows: Sequence[Measured]) -> list[list[Measured]]:
    """Rows that were tracked on the same sequences, together."""
    found: dict[tuple, list[Measured]] = {}
    for one in rows:
        found.setdefault(one.scope, []).append(one)
    return list(found.values())


def ranks(scores: Mapping[str, float]) -> dict[str, int]:
    """Name -> place, 1 for the highest; equal scores share the better place."""
    return {
        name: 1 + sum(other > score for other in scores.values()) for name, score in scores.items()
    }


def published_ranks(published: PublishedTable, metric: str) -> dict[str, dict[str, int]]:
    """benchmark -> row -> the paper's place, of rows that have a figure or that its text places.

    By `metric` where the paper has it, else by one that ranks.
    """
    found = {}
    for benchmark in dict.fromkeys(b for figures in published.rows.values() for b in figures):
        if benchmark in published.order:
            order = published.order[benchmark]
            found[benchmark] = {row: place for place, row in enumerate(order, start=1)}
        else:
            scores = published_scores(published, benchmark, metric)
            if len(scores) > 1:
                found[benchmark] = ranks(scores)
    return found


def published_scores(published: PublishedTable, benchmark: str, metric: str) -> dict[str, float]:
    """row -> the figure of a benchmark by which the paper ranks: `metric`, if it is there."""
    figures = {row: found.get(benchmark, {}) for row, found in published.rows.items()}
    for name in (metric, *RANKING):
        scores = {row: found[name] for row, found in figures.items() if name in found}
        if scores:
            return scores
    return {}


def orderings(
    rows: Sequence[Measured], published: PublishedTable
) -> tuple[list[Ordering], list[tuple[str, str]]]:
    """The paper's orderings among the measured rows of one scope.

    What was measured on a benchmark of the paper is held against that one, else against all: an
    order is the paper's where one of its benchmarks has it and none has the opposite.

    Returns:
        orderings, and pairs of rows on which the paper's own benchmarks disagree.
    """
    compared = compare(rows)
    if not compared:
        return [], []
    metric, benchmark = rows[0].metric, rows[0].benchmark
    placed = published_ranks(published, metric)
    placed = {benchmark: placed[benchmark]} if benchmark in placed else placed
    found, disagreeing = [], []
    for one, other in combinations(published.rows, 2):
        both = [b for b, places in placed.items() if one in places and other in places]
        above = {
            placed[b][one] < placed[b][other] for b in both if placed[b][one] != placed[b][other]
        }
        if (one, other) not in compared or not above:
            continue
        if len(above) == 2:
            disagreeing.append((one, other))
            continue
        better, worse = (one, other) if above == {True} else (other, one)
        gaps = {b: _gap(published_scores(published, b, metric), better, worse) for b in both}
        found.append(Ordering(better, worse, gaps, compared[better, worse]))
    return found, disagreeing


def _gap(scores: dict[str, float], better: str, worse: str) -> float | None:
    known = better in scores and worse in scores
    return scores[better] - scores[worse] if known else None
