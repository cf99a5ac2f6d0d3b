"""What a figure of a benchmark is: a ratio of sums over sequences, of which all else follows.

    figure = mean over k of  sum_s numerators[s, k] / sum_s denominators[s, k]

A mean over sequences with equal weight has denominators 1 (S, 1); one that pools all frames has the
numbers of frames; EAO has a column for each length of its interval. Weights of sequences (draws of
the bootstrap, the sequences of an attribute) multiply both sums.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Metric:
    """A figure's name in reports: `label` in full, `head` over a narrow column.

    `rises` says whether larger is better; `share` whether it lies in [0, 1].
    """

    label: str
    head: str
    rises: bool = True
    share: bool = True


# Names as report.json gives them.
METRICS = {
    "success_auc": Metric("Success AUC", "success"),
    "precision_20": Metric("Precision 20 px", "prec@20"),
    "norm_precision_20": Metric("Norm. precision 0.20", "norm@.20"),
    "ao": Metric("AO", "AO"),
    "sr_50": Metric("SR 0.50", "SR.50"),
    "sr_75": Metric("SR 0.75", "SR.75"),
    "eao": Metric("EAO", "EAO"),
    "accuracy": Metric("Accuracy", "A"),
    "robustness": Metric("Robustness", "R", rises=False, share=False),
    "failures": Metric("Failures", "failures", rises=False, share=False),
}


@dataclass(frozen=True)
class Figure:
    """`numerators`, `denominators`: (S, K), one row a sequence."""

    numerators: np.ndarray
    denominators: np.ndarray

    def value(self, weights: np.ndarray | None = None) -> np.ndarray:
        """The figure with sequences weighted by `weights` (..., S): (...). NaN where none counts.

        Columns in which no sequence counts are left out of the mean.
        """
        if weights is None:
            weights = np.ones(len(self.numerators))
        with np.errstate(invalid="ignore", divide="ignore"):
            ratios = (weights @ self.numerators) / (weights @ self.denominators)
        counted = np.isfinite(ratios)
        totals = np.where(counted, ratios, 0).sum(-1)
        return np.where(counted.any(-1), totals / np.maximum(counted.sum(-1), 1), np.nan)


def mean_over_sequences(values: np.ndarray) -> Figure:
    """The plain mean of one value (S,) a sequence; a sequence with NaN does not count."""
    known = ~np.isnan(values)[:, None]
    return Figure(np.where(known, values[:, None], 0), known.astype(float))


def pooled(sums: np.ndarray, counts: np.ndarray) -> Figure:
    """The figure that pools what sequences count: sums (S,) over counts (S,)."""
    return Figure(sums[:, None].astype(float), counts[:, None].astype(float))


@dataclass(frozen=True)
class TrackerScore:
    """One tracker on S sequences, in one convention.

    Attributes:
        figures: metric -> Figure, names as in METRICS.
        per_sequence: metric -> (S,) values of single sequences, where a sequence has one.
        curves: kind -> (T,) as plotted, over the thresholds that `Scores.thresholds` gives.
        overlaps: S arrays (N_s,) of each frame's overlap, for pictures: 0 where it failed, NaN
            where the frame does not count.
        by_tag: tag -> metric -> value, for challenges that are annotated frame by frame (VOT).
        success: (S, T) success curves of single sequences, of which the curve is the plain mean;
            None where it is not.
    """

    figures: Mapping[str, Figure]
    per_sequence: Mapping[str, np.ndarray]
    curves: Mapping[str, np.ndarray]
    overlaps: list[np.ndarray]
    by_tag: Mapping[str, Mapping[str, float]]
    success: np.ndarray | None = None
