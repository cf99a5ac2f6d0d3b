"""How sure a mean over sequences is: bootstrap over sequences (Efron & Tibshirani 1993, ch. 13)."""

from dataclasses import dataclass

import numpy as np

RESAMPLES = 10_000


def bootstrap_means(values: np.ndarray, resamples: int = RESAMPLES, seed: int = 0) -> np.ndarray:
    """Means of `resamples` draws of S sequences with replacement: (S, K) values to (resamples, K).

    All K columns see the same draws, so that differences between them are paired.
    """
    count = len(values)
    generator = np.random.default_rng(seed)
    times_drawn = generator.multinomial(count, np.full(count, 1 / count), size=resamples)
    return times_drawn @ values / count


def bootstrap_intervals(
    values: np.ndarray, resamples: int = RESAMPLES, seed: int = 0
) -> np.ndarray:
    """Percentile 95 % intervals (K, 2) of the column means of values (S, K).

    NaN with fewer than two sequences, from which no spread can be told.
    """
    if len(values) < 2:
        return np.full((values.shape[1], 2), np.nan)
    return np.percentile(bootstrap_means(values, resamples, seed), [2.5, 97.5], axis=0).T


@dataclass(frozen=True)
class Comparison:
    """Tracker `tracker` beside `reference` on the same sequences, in one metric.

    Attributes:
        difference: mean over sequences of tracker minus reference.
        interval: 95 % bootstrap interval of it over sequences.
        won, lost: share of sequences where the tracker's figure is larger, smaller (rest: equal).
    """

    tracker: str
    reference: str
    metric: str
    difference: float
    interval: tuple[float, float]
    won: float
    lost: float


def compare_paired(
    values: dict[str, np.ndarray],
    reference: str,
    metric: str,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[Comparison, ...]:
    """Compare every other tracker of `values` with `reference`.

    `values` gives each tracker's figures (S,) of `metric` on the same S sequences in one order.
    """
    trackers = [tracker for tracker in values if tracker != reference]
    if not trackers:
        return ()
    differences = np.stack([values[tracker] - values[reference] for tracker in trackers], axis=1)
    intervals = bootstrap_intervals(differences, resamples, seed)
    return tuple(
        Comparison(
            tracker=tracker,
            reference=reference,
            metric=metric,
            difference=float(column.mean()),
            interval=tuple(interval.tolist()),
            won=float((column > 0).mean()),
            lost=float((column < 0).mean()),
        )
        for tracker, column, interval in zip(trackers, differences.T, intervals, strict=True)
    )
