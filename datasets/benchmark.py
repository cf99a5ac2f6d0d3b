"""What the readers of published benchmarks share: committed lists, pictures by number, parts.

A benchmark is its committed list, datasets/lists/NAME.csv, a row a sequence with at least its name
and its number of frames. What lies on disk must match it; a part is scored only where one is asked
for by name.
"""

import csv
from collections.abc import Sequence as Series
from pathlib import Path

import numpy as np

from datasets.pictures import list_pictures, read_picture, read_reduced_picture
from datasets.sequence import Sequence
from ops.box_files import read_boxes
from ops.errors import InputError

LISTS = Path(__file__).parent / "lists"
Row = dict[str, str]


def read_list(name: str) -> list[Row]:
    """The rows of datasets/lists/NAME.csv by column: name, frames and what the benchmark adds."""
    with open(LISTS / f"{name}.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def choose(
    rows: list[Row], sequences: Series[str] | None, benchmark: str
) -> tuple[list[Row], str | None]:
    """(rows of the sequences asked for in the list's order, which part that is; None for all).

    Raises InputError for something else than a list of names, or a name that is not in the list.
    """
    if sequences is None:
        return rows, None
    if not isinstance(sequences, list | tuple) or not sequences:
        raise InputError(f"dataset.sequences={sequences}: expected [NAME, ...], or null for all")
    sequences = [str(name) for name in sequences]
    unknown = sorted(set(sequences) - {row["name"] for row in rows})
    if unknown:
        names = [row["name"] for row in rows]
        near = [name for name in names if name.lower().startswith(tuple(map(str.lower, unknown)))]
        known = ", ".join(near or [*names[:6], "..."])
        raise InputError(
            f"dataset.sequences: {', '.join(unknown)} not in {benchmark} (it has {known})"
        )
    chosen = [row for row in rows if row["name"] in sequences]
    return chosen, f"{len(chosen)} of {len(rows)} sequences"


def existing_root(root: str | Path | None, benchmark: str, layout: str) -> Path:
    """The benchmark's folder. Raises InputError, saying what is expected, where it is missing."""
    if root is None:
        raise InputError(
            "no folder is given: data_root=DIR, or test_dataset.root=DIR for that one; "
            f"expected {benchmark} as {layout}"
        )
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"data_root={root}: no such folder; expected {benchmark} as {layout}")
    return root


def check_annotations(paths: Series[Path], benchmark: str, layout: str) -> None:
    """Raise InputError, with the expected layout, where annotations are missing."""
    missing = [path for path in paths if not path.is_file()]
    if missing:
        raise InputError(
            f"{missing[0]}: no such annotation, {len(missing)} of {len(paths)} are missing; "
            f"expected {benchmark} as {layout}"
        )


def check_rows(path: Path, found: int, expected: int, benchmark: str) -> None:
    """Raise InputError where a file has another number of rows than the list says."""
    if found != expected:
        raise InputError(f"{path}: {found} rows, {benchmark} has {expected} there")


def read_truth(path: Path, rows: int, benchmark: str, origin: float = 1.0) -> np.ndarray:
    """The annotation of one sequence: (rows, 4), 0-based.

    Raises InputError where the file is missing or has another number of rows than the list says.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such annotation, which {benchmark} needs")
    boxes = read_boxes(path, origin)
    check_rows(path, len(boxes), rows, benchmark)
    return boxes


def read_first_box(path: Path, pictures: Path, row: Row, benchmark: str) -> np.ndarray:
    """Boxes of a sequence whose truth stays with a server: (N, 4), 0-based, the first, then NaN.

    N is what the list says or, where it says nothing, how many pictures there are: pictures that
    are missing at the end go unnoticed then, while check_pictures finds a gap.

    Raises InputError for an annotation of more or less than one row, or where there is no picture.
    """
    boxes = read_boxes(path)
    check_rows(path, len(boxes), 1, benchmark)
    frames = int(row["frames"] or (len(list_pictures(pictures)) if pictures.is_dir() else 0))
    if not frames:
        raise InputError(f"{pictures}: no pictures in it, which {benchmark} needs")
    return np.concatenate([boxes, np.full((frames - 1, 4), np.nan)])


class PictureSequence(Sequence):
    """Pictures that are numbered from `first` on: folder / pattern.format(number).

    Args:
        name, boxes: see Sequence; the frames are as many as the boxes.
        folder: of the pictures; need not exist where none are read.
        pattern: a file name for str.format, "{:04d}.jpg".
        first: number of the first frame's picture.
        facts: further attributes of datasets.sequence.Sequence: attributes, absent, cover, ...
    """

    def __init__(
        self, name: str, boxes: np.ndarray, folder: Path, pattern: str, first: int = 1, **facts
    ):
        self.name, self.boxes = name, boxes
        self.folder, self.pattern, self.first = folder, pattern, first
        for key, value in facts.items():
            setattr(self, key, value)

    def picture(self, index: int) -> Path:
        """Where frame `index` lies."""
        return self.folder / self.pattern.format(self.first + index)

    def frame(self, index: int) -> np.ndarray:
        return read_picture(self.picture(index))

    def reduced_frame(self, index: int, most: float) -> tuple[np.ndarray, int]:
        return read_reduced_picture(self.picture(index), most)

    def check_pictures(self) -> None:
        names = {path.name for path in self.folder.iterdir()} if self.folder.is_dir() else set()
        wanted = [self.pattern.format(self.first + index) for index in range(len(self))]
        missing = [name for name in wanted if name not in names]
        if missing:
            raise InputError(
                f"{self.name}: {len(missing)} of {len(wanted)} pictures are missing, the first is "
                f"{self.folder / missing[0]}"
            )
