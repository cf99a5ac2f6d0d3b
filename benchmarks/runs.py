"""Frames of many sequences end to end, so that a tracker is scored without a loop over them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.truth import Truth


@dataclass(frozen=True)
class Runs:
    """Truth of S runs, F frames in all, end to end.

    Attributes:
        names: of the S runs.
        boxes: (F, 4), 0-based (ops/boxes.py).
        starts: (S,) where each run begins; lengths: (S,).
        run: (F,) which run a frame belongs to.
        first: (F,) bool, the first frame of each run.
        absent: (F,) bool, flagged as showing no target; None where the benchmark has no such flags.
        cover: (F,) visible eighths of the target (GOT-10k), or None.
        bounds: (F, 2) width and height of the pictures, NaN where not known.
    """

    names: tuple[str, ...]
    boxes: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    run: np.ndarray
    first: np.ndarray
    absent: np.ndarray | None
    cover: np.ndarray | None
    bounds: np.ndarray

    def split(self, values: np.ndarray) -> list[np.ndarray]:
        """(F, ...) -> S arrays."""
        return np.split(values, self.starts[1:])


def join_truth(truths: Sequence[Truth]) -> Runs:
    """The truth of S runs, none of them empty."""
    lengths = np.array([len(truth.boxes) for truth in truths])
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    first = np.zeros(lengths.sum(), bool)
    first[starts] = True
    absent = cover = None
    if any(truth.absent is not None for truth in truths):
        absent = np.concatenate([_given(t.absent, len(t.boxes), False) for t in truths])
    if all(truth.cover is not None for truth in truths):
        cover = np.concatenate([truth.cover for truth in truths])
    sizes = np.array([truth.picture_size or (np.nan, np.nan) for truth in truths], float)
    return Runs(
        names=tuple(truth.name for truth in truths),
        boxes=np.concatenate([np.asarray(truth.boxes, float) for truth in truths]),
        starts=starts,
        lengths=lengths,
        run=np.repeat(np.arange(len(truths)), lengths),
        first=first,
        absent=absent,
        cover=cover,
        bounds=np.repeat(sizes, lengths, axis=0),
    )


def join_results(found: Sequence[np.ndarray], runs: Runs) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (F, 4) of S results, NaN where they are too short, and where that is: (F,) bool.

    Rows beyond a run's end are left out.
    """
    boxes = np.full(runs.boxes.shape, np.nan)
    missing = np.ones(len(boxes), bool)
    for start, length, rows in zip(runs.starts, runs.lengths, found, strict=True):
        count = min(length, len(rows))
        boxes[start : start + count] = rows[:count]
        missing[start : start + count] = False
    return boxes, missing


def _given(values: np.ndarray | None, length: int, default: bool) -> np.ndarray:
    return np.full(length, default) if values is None else values
