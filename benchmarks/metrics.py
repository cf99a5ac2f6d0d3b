"""From the errors of frames to the curves and figures of a tracker, all conventions alike."""

from collections.abc import Sequence

import numpy as np

from benchmarks.conventions import Convention
from benchmarks.figures import Figure, TrackerScore, mean_over_sequences, pooled
from benchmarks.frame_errors import FrameErrors
from benchmarks.runs import Runs

PRECISION_THRESHOLDS = np.arange(51.0)  # pixels
NORM_PRECISION_THRESHOLDS = np.arange(51) / 100  # shares of the true width and height


def thresholds(convention: Convention) -> dict[str, np.ndarray]:
    """The thresholds of each curve that belongs to one of the convention's figures."""
    places = {"success": convention.success_thresholds}
    if "precision_20" in convention.metrics:
        places["precision"] = PRECISION_THRESHOLDS
    if "norm_precision_20" in convention.metrics:
        places["norm_precision"] = NORM_PRECISION_THRESHOLDS
    return places


def tracker_score(
    errors: FrameErrors,
    runs: Runs,
    convention: Convention,
    sequence: np.ndarray | None = None,
) -> TrackerScore:
    """Curves and figures of one tracker.

    success_auc is the mean of the success curve over its thresholds; precision_20 the share of
    frames with distance <= 20 px, norm_precision_20 with normalised distance <= 0.20 (LaSOT's);
    sr_50 and sr_75 the share with overlap > 0.50 and > 0.75; ao the mean overlap of the frames, in
    which one that the convention fails has 0 or no part.

    Args:
        sequence: (R,) which sequence each run belongs to (TRE, SRE); None where each is its own.
            The frames of all runs of a sequence are pooled, as the OTB benchmark does.
    """
    place = np.arange(len(runs.starts)) if sequence is None else sequence
    place = place[runs.run[errors.counted]]
    count = len(runs.starts) if sequence is None else sequence.max() + 1
    frames = np.bincount(place, minlength=count)
    overlap = errors.overlap[errors.counted]
    averaged = slice(None) if convention.averages_failures else overlap >= 0
    # (S, T) frames of each sequence that pass each threshold
    passing = {
        "success": _passing_from_below(overlap, convention.success_thresholds, place, count),
        "precision": _passing_from_above(
            errors.distance[errors.counted], PRECISION_THRESHOLDS, place, count
        ),
        "norm_precision": _passing_from_above(
            errors.norm_distance[errors.counted], NORM_PRECISION_THRESHOLDS, place, count
        ),
    }
    every = {
        "success_auc": passing["success"].mean(1),
        "precision_20": passing["precision"][:, 20],
        "norm_precision_20": passing["norm_precision"][:, 20],
        "ao": np.bincount(place, np.maximum(overlap, 0), count),
        "sr_50": np.bincount(place, overlap > 0.50, count),
        "sr_75": np.bincount(place, overlap > 0.75, count),
    }
    sums = {metric: every[metric] for metric in convention.metrics}
    counts = dict.fromkeys(sums, frames)
    counts["ao"] = np.bincount(place[averaged], minlength=count)
    passing = {kind: passing[kind] for kind in thresholds(convention)}
    with np.errstate(invalid="ignore"):
        per_sequence = {metric: sums[metric] / counts[metric] for metric in sums}
        shares = {kind: table / frames[:, None] for kind, table in passing.items()}
    if convention.pooled:
        figures = {metric: pooled(sums[metric], counts[metric]) for metric in sums}
        curves = {kind: table.sum(0) / max(frames.sum(), 1) for kind, table in passing.items()}
    else:
        figures = {metric: mean_over_sequences(values) for metric, values in per_sequence.items()}
        counting = frames > 0
        curves = {kind: table[counting].mean(0) for kind, table in shares.items()}
    shown = np.where(errors.counted, np.maximum(errors.overlap, 0), np.nan)
    success = None if convention.pooled or sequence is not None else shares["success"]
    return TrackerScore(figures, per_sequence, curves, runs.split(shown), {}, success)


def mean_over_runs(score: TrackerScore, sequence: np.ndarray) -> dict[str, Figure]:
    """Figures in which each run weighs the same within its sequence (TRE, SRE), beside the pooled.

    `score` is of single runs; `sequence` (R,) says which sequence each belongs to.
    """
    runs = np.bincount(sequence)
    return {
        metric: mean_over_sequences(np.bincount(sequence, values) / runs)
        for metric, values in score.per_sequence.items()
    }


def _passing_from_below(
    values: np.ndarray, places: Sequence[float], run: np.ndarray, count: int
) -> np.ndarray:
    """How many values (F,) of each run lie above each threshold: (count, T)."""
    passed = np.searchsorted(places, values, side="left")  # thresholds below the value
    table = _table(passed, run, count, len(places))
    return table[:, ::-1].cumsum(1)[:, -2::-1]


def _passing_from_above(
    values: np.ndarray, places: Sequence[float], run: np.ndarray, count: int
) -> np.ndarray:
    """How many values (F,) of each run are at most each threshold: (count, T)."""
    missed = np.searchsorted(places, values, side="left")  # thresholds below the value
    return _table(missed, run, count, len(places)).cumsum(1)[:, :-1]


def _table(place: np.ndarray, run: np.ndarray, count: int, width: int) -> np.ndarray:
    cells = np.bincount(run * (width + 1) + place, minlength=count * (width + 1))
    return cells.reshape(count, width + 1)
