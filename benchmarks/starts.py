"""Where the runs of OTB's robustness evaluations start (Wu et al., CVPR 2013)."""

import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import yaml

from ops.boxes import valid
from ops.errors import InputError

SEGMENTS, SHORTEST = 20, 20  # of TRE: runs, and the frames that a run has at least


@cache
def occluded_frames() -> dict[str, list[list[int]]]:
    """Sequence -> [first, last], counted from 1, of frames on which OTB starts no segment."""
    return yaml.safe_load(Path(__file__).with_name("otb_occluded.yaml").read_text("utf-8"))


def segment_starts(boxes: np.ndarray, occluded: Sequence[Sequence[int]] = ()) -> list[int]:
    """Frames on which the 20 segments of TRE start.

    As splitSeqTRE of tracker_benchmark_v1.0: of the frames that may start a segment, those after
    i / 19 of them, and the last. A frame may if 20 frames are left from it on, it is not occluded,
    and its box has an area and begins within the picture, left and top.

    Args:
        boxes: (N, 4) the truth.
        occluded: see `occluded_frames`.

    Raises InputError where no frame may.
    """
    # 0-based coordinates below 0 are OTB's below 1; its own are whole numbers.
    usable = valid(boxes) & (boxes[:, :2] > -1).all(1)
    for first, last in occluded:
        usable[first - 1 : last] = False
    frames = np.flatnonzero(usable[: max(len(boxes) - SHORTEST + 1, 0)])
    if not len(frames):
        raise InputError(
            f"evaluation.protocol=tre finds no frame to start on, with {SHORTEST - 1} more after it"
        )
    places = [i * len(frames) // (SEGMENTS - 1) for i in range(SEGMENTS - 1)]
    return frames[[*places, len(frames) - 1]].tolist()


def sequence_starts(name: str, boxes: np.ndarray) -> list[int]:
    """`segment_starts` of a sequence by its name, on which OTB's occluded frames depend."""
    try:
        return segment_starts(boxes, occluded_frames().get(name, []))
    except InputError as error:
        raise InputError(f"{name}: {error}") from None


SHIFTS = (
    *("left", "right", "up", "down", "topLeft", "topRight", "bottomLeft", "bottomRight"),
    *("scale_8", "scale_9", "scale_11", "scale_12"),
)


def shifted_box(box: np.ndarray, shift: str, picture_size: tuple[int, int]) -> np.ndarray:
    """A start of SRE: `box` (4,) moved or scaled by a tenth.

    As shiftInitBB of tracker_benchmark_v1.0, which counts pixels from 1: sides are shifted by a
    tenth of the target, rounded up; corners are pulled out by a tenth (the box grows); scales keep
    the centre; halves are rounded away from zero. A box that begins outside the picture is moved
    in, one that ends outside is cut (decision: to a pixel at least).

    Args:
        shift: one of SHIFTS.
        picture_size: (width, height).
    """
    x, y, w, h = (float(value) for value in box)
    x, y = x + 1, y + 1
    right, bottom = x + w - 1, y + h - 1
    if shift.startswith("scale_"):
        ratio = int(shift.removeprefix("scale_")) / 10
        scaled = x + w / 2 - ratio * w / 2, y + h / 2 - ratio * h / 2, ratio * w, ratio * h
        x, y, w, h = map(_round, scaled)
    elif shift in ("left", "right"):
        x += math.ceil(0.1 * w) * (1 if shift == "right" else -1)
    elif shift in ("up", "down"):
        y += math.ceil(0.1 * h) * (1 if shift == "down" else -1)
    else:
        if "Left" in shift:
            x = _round(x - 0.1 * w)
        else:
            right = _round(right + 0.1 * w)
        if "top" in shift:
            y = _round(y - 0.1 * h)
        else:
            bottom = _round(bottom + 0.1 * h)
        w, h = right - x + 1, bottom - y + 1
    x, y = max(x, 1), max(y, 1)
    w, h = max(min(w, picture_size[0] - x + 1), 1), max(min(h, picture_size[1] - y + 1), 1)
    return np.array([x - 1, y - 1, w, h], float)


def _round(value: float) -> int:
    """As MATLAB does."""
    return int(math.copysign(math.floor(abs(value) + 0.5), value))
