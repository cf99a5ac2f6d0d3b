"""One run of a tracker on one sequence as VOT writes it, and the folders such files stand in.

A line of a file is one frame: `0` for a frame that was skipped after a failure, `1` where the
tracker was started from the ground truth, `2` where it failed, otherwise what it found:
x,y,width,height or the four corners of a polygon. Numbers stay as they are in the file: VOT's
overlap rounds them to pixels, so they are in the coordinates of the ground truth's files.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.results import run_path
from benchmarks.vot.overlap import is_box
from ops.errors import InputError
from ops.files import write_atomically

SKIPPED, STARTED, FAILED, TRACKED = 0, 1, 2, 3  # the first three as the files have them
RESTART = 5  # frames from a failure to the next start
EXPERIMENTS = ("baseline", "realtime")
LINE = "0, 1, 2, x,y,width,height or four corners x1,y1,...,x4,y4"


@dataclass(frozen=True)
class Trajectory:
    """A run of N frames.

    Attributes:
        states: (N,) int8, SKIPPED, STARTED, FAILED or TRACKED. Starts and failures take turns, a
            start first.
        regions: (N, 8) as in benchmarks/vot/overlap.py; NaN unless tracked, and where a tracker
            wrote NaN.
    """

    states: np.ndarray
    regions: np.ndarray

    def __len__(self) -> int:
        return len(self.states)


def read_trajectory(path: Path, length: int) -> Trajectory:
    """Read one run on a sequence of `length` frames.

    pysot cuts result and ground truth to the shorter of both, vot-toolkit fails over them; here a
    file of another length is an error, since its figures would not be those of the benchmark.

    Raises InputError, naming file and line, where a line is none of VOT's, where a failure has no
    start before it or a start no failure, and where there are not `length` lines.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    lines = text.rstrip().splitlines()
    if len(lines) != length:
        raise InputError(f"{path}: {len(lines)} lines; the sequence has {length} frames")
    sizes = np.array([line.count(",") + 1 for line in lines])
    try:
        values = np.array([float(number) for number in ",".join(lines).split(",")])
    except ValueError:
        raise _bad_line(path, lines) from None
    code = sizes == 1
    if not np.isin(sizes, (1, 4, 8)).all():
        raise _bad_line(path, lines)
    values[np.isinf(values)] = np.nan
    rows = np.full((length, 8), np.nan)
    rows[np.arange(8) < sizes[:, None]] = values
    if not np.isin(rows[code, 0], (SKIPPED, STARTED, FAILED)).all():
        raise _bad_line(path, lines)
    states = np.full(length, TRACKED, np.int8)
    states[code] = rows[code, 0]
    rows[code] = np.nan
    _check_order(path, states)
    return Trajectory(states, rows)


def _bad_line(path: Path, lines: list[str]) -> InputError:
    """The error of the first line that is none of VOT's."""
    number, line = next((n, line) for n, line in enumerate(lines, 1) if not _is_frame(line))
    return InputError(f"{path}, line {number}: expected {LINE}, found {line[:80]!r}")


def _is_frame(line: str) -> bool:
    try:
        values = [float(field) for field in line.split(",")]
    except ValueError:
        return False
    return len(values) in (4, 8) or (len(values) == 1 and values[0] in (SKIPPED, STARTED, FAILED))


def _check_order(path: Path, states: np.ndarray) -> None:
    """A tracker is started before anything else, and again after each failure, only then."""
    told = np.flatnonzero(states != SKIPPED)
    if not len(told):
        raise InputError(f"{path}: only 0, skipped frames; expected 1, a start, first of all")
    if states[told[0]] != STARTED:
        raise InputError(f"{path}, line {told[0] + 1}: expected 1, a start, before anything else")
    after = told[1:][(states[told[:-1]] == FAILED) & (states[told[1:]] != STARTED)]
    if len(after):
        raise InputError(f"{path}, line {after[0] + 1}: expected 1, a start, after the failure (2)")
    failures, starts = np.flatnonzero(states == FAILED), np.flatnonzero(states == STARTED)
    early = starts[np.isin(starts, (failures[:, None] + np.arange(1, RESTART)).ravel())]
    if len(early):
        raise InputError(
            f"{path}, line {early[0] + 1}: a start less than {RESTART} lines after a failure"
        )
    marks = np.flatnonzero((states == STARTED) | (states == FAILED))
    twice = marks[1:][(states[marks[1:]] == STARTED) & (states[marks[:-1]] == STARTED)]
    if len(twice):
        raise InputError(f"{path}, line {twice[0] + 1}: a start (1) without a failure (2) before")


def write_trajectory(path: Path, trajectory: Trajectory) -> None:
    """Write one run atomically, four decimals; a region that is not known is a line of `nan`."""
    sizes = np.where(is_box(trajectory.regions), 4, 8)
    lines = (
        ",".join(f"{value:.4f}" for value in region[:size]) if state == TRACKED else str(state)
        for state, region, size in zip(
            trajectory.states.tolist(), trajectory.regions.tolist(), sizes, strict=True
        )
    )
    write_atomically(path, "".join(line + "\n" for line in lines))


def find_results(directory: Path, tracker: str, experiment: str, sequence: str) -> list[Path]:
    """The files of all repetitions of a tracker on a sequence, in order.

    Raises InputError for an unknown experiment, or if the first or one between others is missing.
    """
    if experiment not in EXPERIMENTS:
        raise InputError(f"experiment={experiment}: expected one of {', '.join(EXPERIMENTS)}")
    first = run_path(directory, tracker, experiment, sequence, 1)
    name = re.compile(re.escape(sequence) + r"_(\d{3})\.txt")
    numbers = {
        int(match[1])
        for path in (first.parent.iterdir() if first.parent.is_dir() else ())
        if (match := name.fullmatch(path.name))
    }
    paths = [
        run_path(directory, tracker, experiment, sequence, number)
        for number in range(1, max(numbers, default=1) + 1)
    ]
    for number, path in enumerate(paths, 1):
        if number not in numbers:
            raise InputError(f"{path}: no such file; expected the result of repetition {number}")
    return paths
