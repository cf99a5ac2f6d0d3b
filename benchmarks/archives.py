"""Archives for the servers that keep a benchmark's truth, checked before they are written.

GOT-10k takes what its toolkit writes (ExperimentGOT10k): NAME/NAME_001.txt, x,y,w,h a frame, and
NAME/NAME_time.txt, the seconds of each frame; one run, as of a tracker that draws nothing.
TrackingNet takes NAME.txt, x,y,w,h a frame (its devkit's metrics.py finds them by name).
Coordinates have three decimals, as in GOT-10k's toolkit.
"""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from benchmarks.results import check_all_there, read_boxes, result_path
from ops.errors import InputError
from ops.files import replacing

SERVERS = ("got10k", "trackingnet")
DECIMALS = 3
FIRST_BOX_TOLERANCE = 0.5  # pixels: a result rounded to whole pixels passes, a shift by one fails


def write_archive(
    server: str,
    results_directory: Path,
    tracker: str,
    sequences: Mapping[str, int],
    path: Path,
    times: Mapping[str, np.ndarray] | None = None,
    first_boxes: Mapping[str, np.ndarray] | None = None,
) -> None:
    """Write one tracker's results as a zip file to upload. Nothing is written unless all is right.

    Args:
        server: "got10k" or "trackingnet".
        results_directory: holds TRACKER/NAME.txt (benchmarks/results.py), 0-based as the servers'.
        tracker: which of them.
        sequences: the number of frames of every sequence that the server expects, by name.
        path: the zip file.
        times: (N,) seconds by sequence for GOT-10k's time files; None leaves them out, and the
            server then knows no speed. TrackingNet's archive has no place for them.
        first_boxes: (4,) by sequence, the boxes that the benchmark starts from, 0-based; a result
            that starts elsewhere is refused. None leaves this check out.

    Raises:
        InputError: naming tracker, sequence and line: a sequence without a result, another number
            of rows than frames, a box that is not finite or has no area, a wrong first box, times
            that do not fit.
    """
    if server not in SERVERS:
        raise InputError(f"server={server}: expected one of {', '.join(SERVERS)}")
    paths = {name: result_path(results_directory, tracker, name) for name in sorted(sequences)}
    check_all_there(Path(results_directory) / tracker, paths.values())
    entries: dict[str, str] = {}
    for name, result in paths.items():
        place = f"{tracker}, {name}"
        boxes = np.round(read_boxes(result), DECIMALS)
        _check_boxes(place, boxes, sequences[name])
        if first_boxes is not None:
            _check_first_box(place, boxes[0], first_boxes[name])
        rows = "".join(",".join(f"{v:.{DECIMALS}f}" for v in box) + "\n" for box in boxes.tolist())
        entries[f"{name}/{name}_001.txt" if server == "got10k" else f"{name}.txt"] = rows
        if times is not None and server == "got10k":
            seconds = _checked_times(place, times.get(name), sequences[name])
            entries[f"{name}/{name}_time.txt"] = "".join(f"{s:.8f}\n" for s in seconds.tolist())
    _write_zip(path, entries)


def _check_boxes(place: str, boxes: np.ndarray, frames: int) -> None:
    if len(boxes) != frames:
        line = min(len(boxes), frames) + 1
        raise InputError(f"{place}, line {line}: {len(boxes)} rows for {frames} frames")
    with np.errstate(invalid="ignore"):
        wrong = np.flatnonzero(~(np.isfinite(boxes).all(1) & (boxes[:, 2:] > 0).all(1)))
    if len(wrong):
        found = ",".join(f"{value:g}" for value in boxes[wrong[0]])
        raise InputError(
            f"{place}, line {wrong[0] + 1}: expected finite x,y,w,h with w and h above 0 after "
            f"rounding to {DECIMALS} decimals, found {found}"
        )


def _check_first_box(place: str, found: np.ndarray, given: np.ndarray) -> None:
    if not (np.abs(found - given) <= FIRST_BOX_TOLERANCE).all():
        found, given = (",".join(f"{value:g}" for value in box) for box in (found, given))
        raise InputError(f"{place}, line 1: expected the first box {given}, found {found}")


def _checked_times(place: str, seconds: np.ndarray | None, frames: int) -> np.ndarray:
    if seconds is None:
        raise InputError(f"{place}: no times, expected {frames} of them")
    seconds = np.asarray(seconds, float)
    if seconds.shape != (frames,):
        raise InputError(f"{place}: times of shape {seconds.shape} for {frames} frames")
    wrong = np.flatnonzero(~(np.isfinite(seconds) & (seconds >= 0)))
    if len(wrong):
        raise InputError(
            f"{place}, time {wrong[0] + 1}: expected seconds, found {seconds[wrong[0]]:g}"
        )
    return seconds


def _write_zip(path: Path, entries: Mapping[str, str]) -> None:
    """Text files by name, in this order: the same make the same bytes."""
    with replacing(path) as file, zipfile.ZipFile(file, "w") as archive:
        for name, text in entries.items():
            entry = zipfile.ZipInfo(name)  # dated 1980, whenever it is written
            entry.create_system = 3  # Unix, whatever this runs on
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, text, zipfile.ZIP_DEFLATED)
