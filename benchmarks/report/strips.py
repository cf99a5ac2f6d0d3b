"""Frames of a sequence with the truth and the predictions drawn in, as JPEG in the page."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from benchmarks.report.palette import PICTURE_RGB, TRUTH_RGB
from benchmarks.report.view import focus, sequence_metric
from benchmarks.scores import Scores
from benchmarks.truth import Truth
from ops.boxes import valid

FRAMES = 6
WIDTH = 440  # of a picture, in pixels: twice what a wide page shows
QUALITY = 82


@dataclass(frozen=True)
class Frame:
    """A picture: place in the sequence, JPEG as a data URI, overlap of the tracker in focus.

    The overlap is None where there is no target, NaN where the frame does not count.
    """

    index: int
    picture: str
    overlap: float | None


def chosen_sequences(scores: Scores) -> dict[str, str]:
    """Best, middle and worst sequence of the tracker in focus (fewer if there are fewer)."""
    found, metric = scores.per_sequence[focus(scores)], sequence_metric(scores)
    known = [name for name in found if found[name][metric] == found[name][metric]]
    names = sorted(known, key=lambda name: -found[name][metric])
    ranks = {len(names) // 2: "Middle", len(names) - 1: "Worst", 0: "Best"}
    return {ranks[place]: names[place] for place in sorted(ranks) if names}


def strip(
    scores: Scores,
    name: str,
    trackers: Sequence[str],
    frames: Callable[[str, int], np.ndarray],
) -> list[Frame]:
    """Frames spread evenly over the sequence, with the boxes of `trackers`, the first on top.

    The trackers have the colours of PICTURE_RGB in this order.

    Raises ops.errors.InputError if `frames` does for a picture.
    """
    length = len(scores.truth[name])
    indices = np.unique(np.linspace(0, length - 1, min(FRAMES, length)).round().astype(int))
    overlaps = scores.overlaps[focus(scores)][name]
    return [
        Frame(
            int(index),
            picture(scores, name, int(index), trackers, frames),
            float(overlaps[index]) if valid(scores.truth[name].boxes[index]) else None,
        )
        for index in indices
    ]


def picture(
    scores: Scores,
    name: str,
    index: int,
    trackers: Sequence[str],
    frames: Callable[[str, int], np.ndarray],
) -> str:
    """One frame as a data URI, with the truth and the boxes of `trackers`, the first on top.

    Raises ops.errors.InputError if `frames` does.
    """
    image, truth = frames(name, index), scores.truth[name]
    scale = WIDTH / image.shape[1]
    small = cv2.resize(
        image, (WIDTH, max(1, round(image.shape[0] * scale))), interpolation=cv2.INTER_AREA
    )
    _draw(small, _outline(truth, index) * scale, TRUTH_RGB, 4)
    for tracker, color in reversed(list(zip(trackers, PICTURE_RGB, strict=False))):
        boxes = scores.results.get(tracker, {}).get(name, ())
        if index < len(boxes):
            _draw(small, _corners(np.asarray(boxes[index], np.float64)) * scale, color, 3)
    return jpeg_uri(small)


def _outline(truth: Truth, index: int) -> np.ndarray:
    """(4, 2) of the annotated polygon where there is one, else of the box."""
    if truth.polygons is not None and np.isfinite(truth.polygons[index]).all():
        return np.reshape(truth.polygons[index], (4, 2))
    return _corners(truth.boxes[index])


def _corners(box: np.ndarray) -> np.ndarray:
    """(4, 2) of a box (4,), in order around it; NaN for one that is not valid."""
    if not valid(box):
        return np.full((4, 2), np.nan)
    x, y, w, h = box
    return np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]])


def _draw(image: np.ndarray, outline: np.ndarray, color: tuple, thickness: int) -> None:
    """Draw an outline (4, 2); nothing where it is NaN."""
    if np.isnan(outline).any():
        return
    # Far outside, or the integers of the drawing overflow.
    points = [np.clip(outline, -4 * WIDTH, 8 * WIDTH).round().astype(np.int32)]
    # A dark edge sets the line apart from bright footage.
    cv2.polylines(image, points, True, (0, 0, 0), thickness + 2, cv2.LINE_AA)
    cv2.polylines(image, points, True, color, thickness, cv2.LINE_AA)


def jpeg_uri(image: np.ndarray, quality: int = QUALITY) -> str:
    """(H, W, 3) uint8 RGB as a data URI."""
    _, data = cv2.imencode(
        ".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()
