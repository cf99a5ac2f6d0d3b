"""What the field's toolkits do differently: one row a convention, from boxes to errors of frames.

A convention turns ground truth and predicted boxes into `FrameErrors`, in which every special case
(first frame, missing truth, bad or missing predictions) is already decided. What follows from there
(benchmarks/metrics.py) is common to all toolkits: success counts overlap > t, precision counts
distance <= t, the mean over thresholds is averaged over sequences with equal weight.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ops.boxes import centers, overlap, valid
from ops.errors import InputError


@dataclass(frozen=True)
class FrameErrors:
    """What happened in each of N frames.

    Attributes:
        overlap: (N,) intersection over union in [0, 1]; -1 is below every threshold (a failure).
        distance: (N,) between the centres, in pixels; inf is a failure, -1 counts as correct.
        norm_distance: (N,) the same with dx over the true width and dy over the true height.
    """

    overlap: np.ndarray
    distance: np.ndarray
    norm_distance: np.ndarray


@dataclass(frozen=True)
class Convention:
    """How one toolkit scores.

    Attributes:
        name: as `convention=` and the reports give it.
        summary: its rules in words, for the reports.
        success_thresholds: of the overlap; the comparison is strict.
        errors: (truth (N, 4), predicted (M <= N, 4)) -> FrameErrors of N frames. Boxes are 0-based.
    """

    name: str
    summary: str
    success_thresholds: np.ndarray
    errors: Callable[[np.ndarray, np.ndarray], FrameErrors]


def compare(truth: np.ndarray, predicted: np.ndarray) -> FrameErrors:
    """Errors of boxes (N, 4) against truth (N, 4) as geometry has them; what has NaN in it fails.

    The toolkits divide each 1-based centre by the true size before they subtract. Normalised
    distances that tie with 0.20 (integer boxes) fall as theirs only in that order of operations.
    """
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        # x + w - x is not always w: clipped, or a perfect box may score above the threshold 1.
        frame_overlap = np.minimum(overlap(truth, predicted), 1)
        true_centers, predicted_centers = centers(truth) + 0.5, centers(predicted) + 0.5
        size = truth[:, 2:]
        offsets = predicted_centers - true_centers
        norm_offsets = predicted_centers / size - true_centers / size
        distance = np.sqrt((offsets**2).sum(1))
        norm_distance = np.sqrt((norm_offsets**2).sum(1))
    return FrameErrors(
        np.where(np.isnan(frame_overlap), -1, frame_overlap),
        np.where(np.isnan(distance), np.inf, distance),
        np.where(np.isnan(norm_distance), np.inf, norm_distance),
    )


def fill_bad_with_previous(boxes: np.ndarray, bad: np.ndarray) -> np.ndarray:
    """Replace each box that `bad` (N,) names by the last one before it that is not bad."""
    frames = np.arange(len(boxes))
    return boxes[np.maximum.accumulate(np.where(bad, 0, frames))]


def matlab_otb_errors(truth: np.ndarray, predicted: np.ndarray) -> FrameErrors:
    """Frames as the OTB benchmark's MATLAB toolkit takes them (Wu et al., CVPR 2013, TPAMI 2015).

    The first frame is the truth. A box whose numbers are all NaN, or with w <= 0 or h <= 0, becomes
    the box before it. Frames that the result lacks fail. Truth is not valid where any of x, y, w, h
    is NaN or <= 0 in the benchmark's 1-based files, so where x or y is <= -1 here: x = 0 is valid.
    Such a frame is a failure in success and correct in precision and normalised precision (the
    toolkit's overlap and error of -1), also where the result lacks it.
    """
    boxes = np.full_like(truth, np.nan)
    boxes[: len(predicted)] = predicted
    boxes[0] = truth[0]
    bad = np.isnan(boxes).all(1) | (boxes[:, 2] <= 0) | (boxes[:, 3] <= 0)
    bad[len(predicted) :] = False
    errors = compare(truth, fill_bad_with_previous(boxes, bad))
    true = valid(truth) & (truth[:, 0] + 1 > 0) & (truth[:, 1] + 1 > 0)
    return FrameErrors(
        np.where(true, errors.overlap, -1),
        np.where(true, errors.distance, -1),
        np.where(true, errors.norm_distance, -1),
    )


# MATLAB builds 0:0.05:1 from both ends. Overlaps of integer boxes tie with these numbers (0.7), and
# only this construction decides the ties as the published figures do.
MATLAB_THRESHOLDS = np.array([i * 0.05 if i <= 10 else 1 - (20 - i) * 0.05 for i in range(21)])

CONVENTIONS = {
    row.name: row
    for row in (
        Convention(
            name="matlab_otb",
            summary="Success: share of frames with overlap above the threshold, mean over 21 "
            "thresholds (a perfect tracker has 20/21). First frame replaced by the truth; frames "
            "without valid truth fail in success and count as correct in precision; a bad box "
            "becomes the previous one; missing frames fail. Mean over sequences, equal weight.",
            success_thresholds=MATLAB_THRESHOLDS,
            errors=matlab_otb_errors,
        ),
    )
}


def convention(name: str) -> Convention:
    """The convention of that name. Raises InputError for an unknown one."""
    if name not in CONVENTIONS:
        raise InputError(f"convention={name}: expected one of {', '.join(CONVENTIONS)}")
    return CONVENTIONS[name]
