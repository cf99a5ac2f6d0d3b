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
    try:
        text = Path(path).read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    lines = text.rstrip().splitlines()
    boxes = np.array([_box(line, path, number) for number, line in enumerate(lines, 1)])
    return boxes.reshape(-1, 4) - np.array([origin, origin, 0, 0])


def _box(line: str, path: Path, number: int) -> list[float]:
    fields = SEPARATOR.split(line.strip())
    try:
        box = [float(field) for field in fields]
    except ValueError:
        box = []
    if len(box) != 4:
        raise InputError(f"{path}, line {number}: expected four numbers x,y,w,h, found {line!r}")
    return box
