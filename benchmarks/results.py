"""Boxes of trackers as text files, DIRECTORY/TRACKER/SEQUENCE.txt, one line x,y,w,h a frame.

In memory boxes are 0-based (ops/boxes.py). `origin` is the coordinate that the file gives the left
edge of the first pixel: 0 for our own results, 1 for a benchmark that counts pixels from 1 as
MATLAB does. Coordinates are written with four decimals, so what is read back differs from what was
written by at most 0.00005 px; score what is on disk, and a resumed evaluation gives the same.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from benchmarks.files import write_atomically
from ops.box_files import read_boxes
from ops.errors import InputError


def result_path(directory: Path, tracker: str, sequence: str) -> Path:
    """Where the boxes of one tracker on one sequence stand."""
    return Path(directory) / tracker / f"{sequence}.txt"


def write_boxes(path: Path, boxes: np.ndarray, origin: float = 0.0) -> None:
    """Write boxes (N, 4) atomically; a box that is not known is a line of `nan`."""
    shifted = np.asarray(boxes, np.float64) + np.array([origin, origin, 0, 0])
    lines = (",".join(f"{value:.4f}" for value in box) for box in shifted.tolist())
    write_atomically(path, "".join(line + "\n" for line in lines))


def read_results(
    directory: Path, sequences: Iterable[str], origin: float = 0.0
) -> dict[str, dict[str, np.ndarray]]:
    """Read DIRECTORY/TRACKER/SEQUENCE.txt of every tracker there: boxes by tracker and sequence.

    Raises InputError if there is no tracker, or if one lacks a file for one of `sequences`.
    """
    directory, sequences = Path(directory), list(sequences)
    if not directory.is_dir():
        raise InputError(f"{directory}: no such folder; expected {directory}/TRACKER/SEQUENCE.txt")
    trackers = sorted(
        folder.name
        for folder in directory.iterdir()
        if folder.is_dir() and not folder.name.startswith(".")
    )
    if not trackers:
        raise InputError(f"{directory}: holds no folder of a tracker (TRACKER/SEQUENCE.txt)")
    for tracker in trackers:
        missing = [s for s in sequences if not result_path(directory, tracker, s).is_file()]
        if missing:
            raise InputError(
                f"{directory / tracker}: {len(missing)} of {len(sequences)} sequences have no "
                f"result, the first is {missing[0]}.txt"
            )
    return {
        tracker: {
            sequence: read_boxes(result_path(directory, tracker, sequence), origin)
            for sequence in sequences
        }
        for tracker in trackers
    }
