"""Boxes of trackers as text files, DIRECTORY/TRACKER/SEQUENCE.txt, one line x,y,w,h a frame.

Where a protocol runs several times over a sequence (TRE, SRE, VOT's), the runs are
DIRECTORY/TRACKER/PROTOCOL/SEQUENCE/SEQUENCE_001.txt, _002.txt, ...

In memory boxes are 0-based (ops/boxes.py). `origin` is the coordinate that the file gives the left
edge of the first pixel: 0 for our own results, 1 for a benchmark that counts pixels from 1 as
MATLAB does. Coordinates are written with four decimals, so what is read back differs from what was
written by at most 0.00005 px; score what is on disk, and a resumed evaluation gives the same.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from ops.box_files import read_boxes
from ops.errors import InputError
from ops.files import write_atomically


def result_path(directory: Path, tracker: str, sequence: str) -> Path:
    """Where the boxes of one tracker on one sequence stand."""
    return Path(directory) / tracker / f"{sequence}.txt"


def write_boxes(path: Path, boxes: np.ndarray, origin: float = 0.0) -> None:
    """Write boxes (N, 4) atomically; a box that is not known is a line of `nan`."""
    shifted = np.asarray(boxes, np.float64) + np.array([origin, origin, 0, 0])
    lines = (",".join(f"{value:.4f}" for value in box) for box in shifted.tolist())
    write_atomically(path, "".join(line + "\n" for line in lines))


def run_name(protocol: str, sequence: str, run: int) -> str:
    """Where one of several runs on a sequence stands below the tracker's folder, without suffix.

    Runs are counted from 1.
    """
    return f"{protocol}/{sequence}/{sequence}_{run:03d}"


def run_path(directory: Path, tracker: str, protocol: str, sequence: str, run: int) -> Path:
    """The file of one of several runs on a sequence."""
    return result_path(directory, tracker, run_name(protocol, sequence, run))


def tracker_names(directory: Path) -> list[str]:
    """The trackers that DIRECTORY holds results of, a folder each. Raises InputError for none."""
    directory = Path(directory)
    if not directory.is_dir():
        raise InputError(f"results={directory}: no such folder of TRACKER/SEQUENCE.txt")
    names = sorted(
        path.name for path in directory.iterdir() if path.is_dir() and path.name[0] not in "._"
    )
    of_vot = any(directory.glob("baseline/*/*_001.txt"))
    if of_vot or (not names and any(directory.glob("*.txt"))):
        raise InputError(
            f"results={directory}: looks like one tracker's own folder, expected the one above it"
        )
    if not names:
        raise InputError(f"results={directory}: holds no TRACKER/SEQUENCE.txt")
    return names


def read_tracker(
    directory: Path, tracker: str, sequences: Iterable[str], origin: float = 0.0
) -> dict[str, np.ndarray]:
    """One-pass results of a tracker by sequence: DIRECTORY/TRACKER/SEQUENCE.txt.

    What the got10k toolkit writes of one run, SEQUENCE/SEQUENCE_001.txt, is read as well.

    Raises InputError if a file is missing, empty or damaged, or if there are several runs.
    """
    paths = {name: result_path(directory, tracker, name) for name in sequences}
    for name, path in paths.items():
        runs = [] if path.is_file() else sorted(path.with_suffix("").glob(f"{name}_[0-9]*.txt"))
        if len(runs) > 1:
            raise InputError(
                f"{runs[0].parent}: {len(runs)} repetitions, which the got10k toolkit pools; "
                "expected one"
            )
        paths[name] = runs[0] if runs else path
    check_all_there(Path(directory) / tracker, paths.values())
    return {name: _read(path, origin) for name, path in paths.items()}


def read_runs(
    directory: Path, tracker: str, protocol: str, runs: Mapping[str, int], origin: float = 0.0
) -> dict[str, list[np.ndarray]]:
    """Runs of a tracker by sequence: DIRECTORY/TRACKER/PROTOCOL/SEQUENCE/SEQUENCE_001.txt, ...

    `runs` says how many each sequence has. Raises InputError as read_tracker does.
    """
    paths = {
        name: [run_path(directory, tracker, protocol, name, run + 1) for run in range(count)]
        for name, count in runs.items()
    }
    check_all_there(Path(directory) / tracker, [path for group in paths.values() for path in group])
    return {name: [_read(path, origin) for path in group] for name, group in paths.items()}


def check_all_there(folder: Path, paths: Iterable[Path]) -> None:
    """Raise InputError, with how many and the first, if some of a tracker's files are missing."""
    paths = list(paths)
    missing = [path for path in paths if not path.is_file()]
    if missing:
        raise InputError(
            f"{len(missing)} of {len(paths)} results are missing in {folder}, the first is "
            f"{missing[0].relative_to(folder)}"
        )


def _read(path: Path, origin: float) -> np.ndarray:
    """Boxes (M, 4) of one run; infinite numbers are taken as NaN."""
    boxes = read_boxes(path, origin)
    if not len(boxes):
        raise InputError(f"{path}: empty, expected a line x,y,w,h a frame")
    return np.where(np.isinf(boxes), np.nan, boxes)
