"""How sure a mean over sequences is: bootstrap over sequences (Efron & Tibshirani 1993, ch. 13),
and over seeds where a row was trained several times.
"""

from dataclasses import dataclass
from functools import cache
from itertools import combinations

import numpy as np

from benchmarks.figures import Figure

RESAMPLES = 10_000


@cache
def draws(sequences: int, resamples: int = RESAMPLES, seed: int = 0) -> np.ndarray:
    """How often each of S sequences is drawn, S draws with replacement each: (resamples, S).

    Every figure sees the same draws, so that differences between trackers are paired.
    """
    generator = np.random.default_rng(seed)
    drawn = generator.multinomial(
        sequences, np.full(sequences, 1 / sequences), size=resamples
    ).astype(float)
    drawn.flags.writeable = False
    return drawn


@dataclass(frozen=True)
class MeanOverSeeds(Figure):
    """The mean over the K columns, each a seed's training; rows of another `stream` draw others.

    K - 1 of the K seeds are drawn, with replacement, so that the variance of their mean comes out
    unbiased; of one seed alone there is none to see.
    """

    stream: int = 0

    def value(self, weights: np.ndarray | None = None) -> np.ndarray:
        seeds = self.numerators.shape[1]
        if weights is None or seeds == 1:
            return super().value(weights)
        with np.errstate(invalid="ignore"):
            means = (weights @ self.numerators) / (weights @ self.denominators)  # (..., K)
        generator = np.random.default_rng([seeds, self.stream])
        drawn = generator.multinomial(seeds - 1, np.full(seeds, 1 / seeds), means.shape[:-1])
        return (drawn * means).sum(-1) / (seeds - 1)


def mean_over_seeds(values: np.ndarray, stream: int = 0) -> MeanOverSeeds:
    """Of one value (K, S) a seed and sequence; a sequence with NaN does not count in that seed."""
    known = ~np.isnan(values.T)
    return MeanOverSeeds(np.where(known, values.T, 0), known.astype(float), stream)


def interval(values: np.ndarray) -> tuple[float, float]:
    """The percentile 95 % interval of resampled values; NaN among them (no sequence counted) is
    left aside."""
    known = values[~np.isnan(values)]
    return tuple(np.percentile(known, [2.5, 97.5]).tolist()) if len(known) else (np.nan, np.nan)


@dataclass(frozen=True)
class Comparison:
    """Tracker `tracker` beside `reference` on the same sequences, in one metric.

    Attributes:
        difference: mean over sequences of tracker minus reference.
        interval: 95 % bootstrap interval of it over sequences.
        won, lost: share of the sequences with a figure of both where the tracker's is larger,
            smaller (rest: equal).
    """

    tracker: str
    reference: str
    metric: str
    difference: float
    interval: tuple[float, float]
    won: float
    lost: float

    @property
    def turned(self) -> "Comparison":
        """The same, seen from the reference. (0 - x, for there is no negative zero then.)"""
        low, high = self.interval
        return Comparison(
            tracker=self.reference,
            reference=self.tracker,
            metric=self.metric,
            difference=0.0 - self.difference,
            interval=(0.0 - high, 0.0 - low),
            won=self.lost,
            lost=self.won,
        )


def compare_paired(
    figures: dict[str, Figure],
    per_sequence: dict[str, np.ndarray],
    metric: str,
) -> tuple[Comparison, ...]:
    """Compare each tracker with every one that is listed before it, in one metric.

    Those with the first-listed come first.

    Args:
        figures: tracker -> the figure on the same S sequences.
        per_sequence: tracker -> values (S,) of single sequences, which say who won.
    """
    sequences = len(next(iter(figures.values())).numerators)
    resampled = {
        tracker: figure.value(draws(sequences)) if sequences > 1 else np.array([np.nan])
        for tracker, figure in figures.items()
    }
    comparisons = []
    for reference, tracker in combinations(figures, 2):
        better = per_sequence[tracker] - per_sequence[reference]
        better = better[~np.isnan(better)]
        comparisons.append(
            Comparison(
                tracker=tracker,
                reference=reference,
                metric=metric,
                difference=float(figures[tracker].value() - figures[reference].value()),
                interval=interval(resampled[tracker] - resampled[reference]),
                won=float((better > 0).sum() / max(len(better), 1)),
                lost=float((better < 0).sum() / max(len(better), 1)),
            )
        )
    return tuple(comparisons)
