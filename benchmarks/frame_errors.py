"""From boxes to the errors of frames, as each of the field's toolkits sees them.

Every special case (first frame, truth that is not valid, bad or missing predictions) is decided
here; benchmarks/conventions.py says which function belongs to which convention. The coordinates are
those of MATLAB's files, which count pixels from 1: validity is a matter of their sign.
"""

from dataclasses import dataclass

import numpy as np

from benchmarks.runs import Runs
from ops.boxes import overlap

ONE = np.array([1.0, 1.0, 0.0, 0.0])  # from 0-based boxes to MATLAB's


@dataclass(frozen=True)
class FrameErrors:
    """What happened in each of F frames.

    Attributes:
        overlap: (F,) intersection over union in [0, 1]; -1 is below every threshold (a failure).
        distance: (F,) between the centres, in pixels; inf is a failure, -1 counts as correct.
        norm_distance: (F,) the same with dx over the true width and dy over the true height.
        counted: (F,) bool, frames that are in the numerators and denominators of the figures.
    """

    overlap: np.ndarray
    distance: np.ndarray
    norm_distance: np.ndarray
    counted: np.ndarray


class Refused(Exception):
    """The toolkit stops with an error at such results; the message says at which and why."""


def matlab_otb_errors(runs: Runs, predicted: np.ndarray, missing: np.ndarray) -> FrameErrors:
    """Frames as the OTB benchmark's MATLAB toolkit takes them (Wu et al., CVPR 2013, TPAMI 2015).

    The first frame is the truth. A box whose numbers are all NaN, or with w <= 0 or h <= 0, becomes
    the box before it, unless the truth there has NaN. Frames that the result lacks fail. Truth is
    not valid where any of x, y, w, h is NaN or <= 0 in the benchmark's 1-based files, so where x or
    y is <= -1 here: x = 0 is valid. Such a frame is a failure in success and correct in precision
    and normalised precision (the toolkit's overlap and error of -1), also where the result lacks
    it. A frame flagged as absent (LaSOT) fails in all three.
    """
    boxes = np.where(runs.first[:, None], runs.boxes, predicted)
    bad = np.isnan(boxes).all(1) | (boxes[:, 2] <= 0) | (boxes[:, 3] <= 0)
    bad &= ~np.isnan(runs.boxes).any(1)
    boxes = with_previous(boxes, bad & ~missing & ~runs.first)
    return _as_matlab(runs, boxes, np.ones(len(boxes), bool))


def matlab_robustness_errors(runs: Runs, predicted: np.ndarray, missing: np.ndarray) -> FrameErrors:
    """Frames of TRE and SRE runs as the OTB benchmark's published figures take them.

    As matlab_otb_errors, but a bad box stays (the toolkit replaces it in results of type rect
    alone, and those published are affine), and a result that is too short cuts its run.
    """
    boxes = np.where(runs.first[:, None], runs.boxes, predicted)
    return _as_matlab(runs, boxes, ~missing | runs.first)


def _as_matlab(runs: Runs, boxes: np.ndarray, counted: np.ndarray) -> FrameErrors:
    truth = runs.boxes + ONE
    errors = compare(truth, boxes + ONE, inclusive=True)
    true = (truth > 0).all(1)
    return _failing_where_absent(
        FrameErrors(
            np.where(true, errors.overlap, -1),
            np.where(true, errors.distance, -1),
            np.where(true, errors.norm_distance, -1),
            counted,
        ),
        runs,
    )


def pysot_errors(runs: Runs, predicted: np.ndarray, missing: np.ndarray) -> FrameErrors:
    """Frames as pysot's toolkit takes them (STVIR/pysot).

    The first frame is the tracker's own. Truth with w <= 0 or h <= 0 or NaN fails in success; its
    centre, 1-based as the files are, is not valid with x <= 0 or y <= 0 or NaN and then correct in
    precision. A box with NaN fails. A frame flagged as absent (LaSOT) fails in all three.

    Raises Refused where a result is too short.
    """
    if missing.any():
        raise Refused(f"{_run_of(missing, runs)} is too short, at which pysot stops")
    truth = runs.boxes + ONE
    errors = compare(truth, predicted + ONE)
    has_size = (truth[:, 2:] > 0).all(1)
    centers = file_centers(truth)
    with np.errstate(invalid="ignore", divide="ignore"):
        norm_centers = centers / truth[:, 2:]
    return _failing_where_absent(
        FrameErrors(
            np.where(has_size, errors.overlap, -1),
            np.where((centers > 0).all(1), errors.distance, -1),
            np.where((norm_centers > 0).all(1), errors.norm_distance, -1),
            np.ones(len(truth), bool),
        ),
        runs,
    )


def got10k_errors(runs: Runs, predicted: np.ndarray, missing: np.ndarray) -> FrameErrors:
    """Frames as the got10k toolkit takes them on benchmarks other than its own (Huang et al.).

    The first frame is the truth. Any truth counts but one with NaN, whose frame is left out. A box
    with NaN fails. A result that is too short cuts its sequence.
    """
    boxes = np.where(runs.first[:, None], runs.boxes, predicted)
    errors = compare(runs.boxes, boxes)
    with np.errstate(invalid="ignore"):  # its normalised distance takes sizes of at least 1
        scale = np.maximum(runs.boxes[:, 2:], 1)
        offsets = (file_centers(boxes) - file_centers(runs.boxes)) / scale
    norm_distance = _failing_nan(np.sqrt((offsets**2).sum(1)), np.inf)
    counted = ~np.isnan(runs.boxes).any(1) & (~missing | runs.first)
    return FrameErrors(errors.overlap, errors.distance, norm_distance, counted)


def got10k_val_errors(runs: Runs, predicted: np.ndarray, missing: np.ndarray) -> FrameErrors:
    """Frames as GOT-10k's own protocol takes them (Huang et al., TPAMI 2019, sec. 4).

    The first frame is left out, as is one whose target cannot be seen (cover 0). Boxes are bounded
    by the picture as the toolkit does it: one that leaves on the left or top is moved, not cut.
    """
    truth, boxes = (_bounded(boxes, runs.bounds) for boxes in (runs.boxes, predicted))
    errors = compare(truth, boxes)
    distances = compare(runs.boxes, predicted)
    counted = ~runs.first & (runs.cover > 0) & ~missing
    return FrameErrors(errors.overlap, distances.distance, distances.norm_distance, counted)


def pytracking_errors(runs: Runs, predicted: np.ndarray, missing: np.ndarray) -> FrameErrors:
    """Frames as pytracking takes them (visionml/pytracking, calc_seq_err_robust; the version that
    looks at x and y of the truth as well, and divides by all frames).

    The first frame is the truth. A box with w = 0 or h = 0 becomes the one before it; frames that
    the result lacks fail. Truth with any of x, y, w, h <= 0 in 1-based files fails in success and
    precision and is correct in normalised precision; on a benchmark that has NaN in its truth
    (UAV123, whose own rule there it is) it is correct in precision as well. A frame flagged as
    absent (LaSOT) fails in all three.

    Raises Refused where a box has NaN or a negative side, and for a short result on LaSOT.
    """
    if runs.absent is not None and missing.any():
        raise Refused(f"{_run_of(missing, runs)} is too short, at which pytracking stops on LaSOT")
    with np.errstate(invalid="ignore"):
        invalid = ~missing & (np.isnan(predicted).any(1) | (predicted[:, 2:] < 0).any(1))
    if invalid.any():
        raise Refused(
            f"{_run_of(invalid, runs)} has NaN or negative sizes, which pytracking refuses"
        )
    truth = runs.boxes + ONE
    unknown = np.isnan(truth).any(1)
    boxes = predicted + ONE
    bad = (boxes[:, 2:] == 0).any(1) & ~unknown
    boxes = with_previous(boxes, bad & ~missing & ~runs.first)
    missing = missing & ~runs.first
    errors = compare(truth, np.where(runs.first[:, None], truth, boxes), inclusive=True)
    true = (truth > 0).all(1)
    return _failing_where_absent(
        FrameErrors(
            np.where(true, np.where(missing, 0, errors.overlap), -1),
            np.where(true, errors.distance, -1 if unknown.any() else np.inf),
            np.where(true, errors.norm_distance, -1),
            np.ones(len(truth), bool),
        ),
        runs,
    )


def compare(truth: np.ndarray, predicted: np.ndarray, inclusive: bool = False) -> FrameErrors:
    """Errors of boxes (F, 4) against truth (F, 4) as geometry has them; what has NaN in it fails.

    Where overlaps and distances tie with a threshold (integer boxes), they fall as the toolkits'
    own only in their order of operations. `inclusive` is MATLAB's and pytracking's overlap: the
    right edge is x + w - 1, a side 1 more than the difference of edges, and rounding may lift the
    overlap of equal boxes above 1, past the last threshold; the others clip it. All divide each
    centre by the true size before they subtract.
    """
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        if inclusive:
            frame_overlap = _inclusive_overlap(truth, predicted)
        else:
            frame_overlap = np.minimum(overlap(truth, predicted), 1)
        true_centers, found_centers = file_centers(truth), file_centers(predicted)
        offsets = found_centers - true_centers
        norm_offsets = found_centers / truth[:, 2:] - true_centers / truth[:, 2:]
    return FrameErrors(
        _failing_nan(frame_overlap, -1),
        _failing_nan(np.sqrt((offsets**2).sum(1)), np.inf),
        _failing_nan(np.sqrt((norm_offsets**2).sum(1)), np.inf),
        np.ones(len(truth), bool),
    )


def _inclusive_overlap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    low = np.maximum(a[:, :2], b[:, :2])
    high = np.minimum(a[:, :2] + a[:, 2:] - 1, b[:, :2] + b[:, 2:] - 1)
    sides = np.maximum(high - low + 1, 0)
    shared = sides[:, 0] * sides[:, 1]
    return shared / (a[:, 2] * a[:, 3] + b[:, 2] * b[:, 3] - shared)


def file_centers(boxes: np.ndarray) -> np.ndarray:
    """Centres (F, 2) of boxes that count pixels from 1, in the toolkits' order of operations."""
    return boxes[:, :2] + (boxes[:, 2:] - 1) / 2


def with_previous(boxes: np.ndarray, bad: np.ndarray) -> np.ndarray:
    """Replace each box that `bad` (F,) names by the last one before it that is not bad."""
    frames = np.arange(len(boxes))
    return boxes[np.maximum.accumulate(np.where(bad, 0, frames))]


def _failing_nan(values: np.ndarray, failure: float) -> np.ndarray:
    return np.where(np.isnan(values), failure, values)


def _failing_where_absent(errors: FrameErrors, runs: Runs) -> FrameErrors:
    if runs.absent is None:
        return errors
    return FrameErrors(
        np.where(runs.absent, -1, errors.overlap),
        np.where(runs.absent, np.inf, errors.distance),
        np.where(runs.absent, np.inf, errors.norm_distance),
        errors.counted,
    )


def _bounded(boxes: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Boxes in pictures of `bounds` (F, 2) pixels; unchanged where those are not known."""
    known = ~np.isnan(bounds)
    low = np.where(known, np.clip(boxes[:, :2], 0, np.where(known, bounds, 0)), boxes[:, :2])
    room = np.where(known, bounds - low, np.inf)
    return np.concatenate([low, np.where(known, np.clip(boxes[:, 2:], 0, room), boxes[:, 2:])], 1)


def _run_of(frames: np.ndarray, runs: Runs) -> str:
    return f"sequence {runs.names[runs.run[np.argmax(frames)]]}"
