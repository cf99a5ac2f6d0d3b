"""Text files of boxes, as the field writes them: one line x,y,w,h a frame."""

import re
from pathlib import Path

import numpy as np

from ops.errors import InputError

SEPARATOR = re.compile(r"\s*[,;]\s*|\s+")


def read_boxes(path: Path, origin: float = 0.0) -> np.ndarray:
    """Read boxes (N, 4) float64, separated by commas, semicolons, tabs or spaces; NaN is allowed.

    Raises InputError, naming file and line, where a line is not four numbers.
    """
    boxes = read_rows(path, (4,), "four numbers x,y,w,h")
    return boxes - np.array([origin, origin, 0, 0])


def read_rows(path: Path, columns: tuple[int, ...], expected: str) -> np.ndarray:
    """Read a table of numbers (N, C) float64, separated as in read_boxes; blank lines may end it.

    Args:
        columns: the numbers of columns that it may have; all lines have the same.
        expected: what a line holds, in words, for the error.

    Raises InputError, naming file and line, where a line is something else.
    """
    lines = _read_text(path).rstrip().splitlines()
    if not lines:
        return np.zeros((0, columns[0]))
    separator = next((mark for mark in ",;" if mark in lines[0]), None)
    try:
        table = np.loadtxt(lines, delimiter=separator, comments=None, ndmin=2)
        if len(table) == len(lines) and table.shape[1] in columns:
            return table
    except ValueError:
        pass  # separators are mixed, or a line is wrong: line by line says which
    rows: list[list[float]] = []
    for number, line in enumerate(lines, 1):
        row = _row(line)
        if len(row) not in ({len(rows[0])} if rows else columns):
            raise InputError(f"{path}, line {number}: expected {expected}, found {line!r}")
        rows.append(row)
    return np.array(rows)


def read_flags(path: Path) -> np.ndarray:
    """Read 0 or 1 for each frame, separated by commas, spaces or line ends: (N,) bool.

    Raises InputError, naming the file, where it holds something else.
    """
    fields = _read_text(path).replace(",", " ").split()
    wrong = set(fields) - {"0", "1"}
    if wrong:
        raise InputError(f"{path}: expected 0 or 1 for each frame, found {min(wrong)!r}")
    return np.array([field == "1" for field in fields], bool)


def _read_text(path: Path) -> str:
    try:
        return Path(path).read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


def _row(line: str) -> list[float]:
    """The numbers of a line; none where a field is not a number."""
    try:
        return [float(field) for field in SEPARATOR.split(line.strip())]
    except ValueError:
        return []
