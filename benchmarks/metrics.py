"""From the errors of frames to curves and figures of a sequence, all conventions alike."""

from dataclasses import dataclass

import numpy as np

from benchmarks.conventions import Convention, FrameErrors

# Names as reports and papers give them. All are better when larger and lie in [0, 1].
METRICS = {
    "success_auc": "Success AUC",
    "precision_20": "Precision 20 px",
    "norm_precision_20": "Norm. precision 0.20",
    "ao": "AO",
    "sr_50": "SR 0.50",
    "sr_75": "SR 0.75",
}

PRECISION_THRESHOLDS = np.arange(51.0)  # pixels
NORM_PRECISION_THRESHOLDS = np.arange(51) / 100  # shares of the true width and height


@dataclass(frozen=True)
class SequenceScore:
    """One tracker on one sequence.

    Attributes:
        metrics: the figures by name, see METRICS.
        curves: "success" (21,), "precision" (51,), "norm_precision" (51,): shares of frames.
        overlaps: (N,) of each frame, 0 where it failed.
    """

    metrics: dict[str, float]
    curves: dict[str, np.ndarray]
    overlaps: np.ndarray


def thresholds(convention: Convention) -> dict[str, np.ndarray]:
    """The thresholds of each curve."""
    return {
        "success": convention.success_thresholds,
        "precision": PRECISION_THRESHOLDS,
        "norm_precision": NORM_PRECISION_THRESHOLDS,
    }


def sequence_score(errors: FrameErrors, convention: Convention) -> SequenceScore:
    """Curves and figures of one sequence.

    success_auc is the mean of the success curve over its thresholds; precision_20 the share of
    frames with distance <= 20 px, norm_precision_20 with normalised distance <= 0.20 (LaSOT's);
    sr_50 and sr_75 the share with overlap > 0.50 and > 0.75; ao the mean overlap of the frames. The
    last three take frames as success does: one that the convention fails has overlap 0. (GOT-10k's
    own AO and SR leave out frames and pool those of all sequences: another convention.)
    """
    success = (errors.overlap[:, None] > convention.success_thresholds).mean(0)
    precision = (errors.distance[:, None] <= PRECISION_THRESHOLDS).mean(0)
    norm_precision = (errors.norm_distance[:, None] <= NORM_PRECISION_THRESHOLDS).mean(0)
    overlaps = np.maximum(errors.overlap, 0)
    figures = {
        "success_auc": success.mean(),
        "precision_20": precision[20],
        "norm_precision_20": norm_precision[20],
        "ao": overlaps.mean(),
        "sr_50": (errors.overlap > 0.50).mean(),
        "sr_75": (errors.overlap > 0.75).mean(),
    }
    curves = {"success": success, "precision": precision, "norm_precision": norm_precision}
    return SequenceScore({name: float(v) for name, v in figures.items()}, curves, overlaps)
