"""Frames of a sequence with the truth and the predictions drawn in, as JPEG in the page."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from benchmarks.report.palette import PICTURE_RGB, TRUTH_RGB
from benchmarks.scoring import RANKED_BY, Scores
from ops.boxes import valid

FRAMES = 6
WIDTH = 440  # of a picture, in pixels: twice what a wide page shows
QUALITY = 82


@dataclass(frozen=True)
class Frame:
    """A picture: place in the sequence, JPEG as a data URI, overlap of the first tracker.

    The overlap is None where there is no target.
    """

    index: int
    picture: str
    overlap: float | None


def chosen_sequences(scores: Scores) -> dict[str, str]:
    """Best, middle and worst sequence of the first-listed tracker (fewer if there are fewer)."""
    found = scores.per_sequence[scores.trackers[0]]
    names = sorted(found, key=lambda name: -found[name].metrics[RANKED_BY])
    ranks = {len(names) // 2: "Middle", len(names) - 1: "Worst", 0: "Best"}
    return {ranks[place]: names[place] for place in sorted(ranks)}


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
    overlaps = scores.per_sequence[scores.trackers[0]][name].overlaps
    return [
        Frame(
            int(index),
            jpeg_uri(_drawn(frames(name, int(index)), index, scores, name, trackers)),
            float(overlaps[index]) if valid(scores.truth[name][index]) else None,
        )
        for index in indices
    ]


def _drawn(image, index, scores, name, trackers) -> np.ndarray:
    scale = WIDTH / image.shape[1]
    small = cv2.resize(
        image, (WIDTH, max(1, round(image.shape[0] * scale))), interpolation=cv2.INTER_AREA
    )
    _draw(small, scores.truth[name][index] * scale, TRUTH_RGB, 4)
    for tracker, color in reversed(list(zip(trackers, PICTURE_RGB, strict=False))):
        boxes = scores.results[tracker][name]
        if index < len(boxes):
            _draw(small, np.asarray(boxes[index], np.float64) * scale, color, 3)
    return small


def _draw(image: np.ndarray, box: np.ndarray, color: tuple[int, int, int], thickness: int) -> None:
    if not valid(box):
        return
    # Far outside, or the integers of the drawing overflow.
    corners = np.clip(np.concatenate([box[:2], box[:2] + box[2:]]), -4 * WIDTH, 8 * WIDTH)
    x1, y1, x2, y2 = corners.round().astype(int).tolist()
    # A dark edge sets the line apart from bright footage.
    cv2.rectangle(image, (x1, y1), (x2, y2), (0, 0, 0), thickness + 2, cv2.LINE_AA)
    cv2.rectangle(image, (x1, y1), (x2, y2), color, thickness, cv2.LINE_AA)


def jpeg_uri(image: np.ndarray, quality: int = QUALITY) -> str:
    """(H, W, 3) uint8 RGB as a data URI."""
    _, data = cv2.imencode(
        ".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()
