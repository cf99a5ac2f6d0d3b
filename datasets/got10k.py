"""GOT-10k's validation and test sets (Huang et al., TPAMI 2021), as published."""

import re
from pathlib import Path

import numpy as np

from datasets.benchmark import (
    PictureSequence,
    Row,
    check_annotations,
    check_rows,
    choose,
    existing_root,
    read_first_box,
    read_list,
)
from datasets.pictures import list_pictures
from datasets.sequence import Dataset
from ops.box_files import read_boxes, read_rows
from ops.errors import InputError

FULL_COVER = 8  # cover.label counts eighths


def got10k(root: str | Path | None, subset: str, sequences: list[str] | None = None) -> Dataset:
    """The 180 sequences of GOT-10k's val or test set.

    Boxes are as the files have them, which the toolkit takes as 0-based. In val a frame counts
    where its cover is above 0, which is all that the toolkit asks: absence.label is not read. The
    truth of test stays with the server: the first box of each, then NaN. The committed lists have
    no numbers of frames. In val annotation, cover and pictures, where there are any, must agree; in
    test a sequence is as long as its pictures go (read_first_box says what is found out). The
    toolkit's own reader (got10k.datasets.GOT10k) wants all pictures for a look at the boxes and
    only warns of a missing sequence, so this is ours; a test compares them.

    Args:
        root: holds the folder val or test, or is that folder: NAME/groundtruth.txt (rows x,y,w,h,
            in test the first alone), NAME/%08d.jpg and, in val, NAME/cover.label (0 to 8 for each
            frame) and NAME/meta_info.ini, which says the size of the pictures.
        subset: "val" or "test", which is also the split.
        sequences: names of those to take; None for all.

    Raises:
        InputError: an unknown subset or sequence, a missing folder or file, files that disagree.
    """
    if subset not in ("val", "test"):
        raise InputError(f"dataset.subset={subset}: expected val or test")
    benchmark = f"GOT-10k {subset}"
    layout = f"{subset}/NAME/groundtruth.txt with {subset}/NAME/00000001.jpg, ..."
    root = existing_root(root, benchmark, layout)
    root = root / subset if (root / subset).is_dir() else root
    rows, part = choose(read_list(f"got10k_{subset}"), sequences, benchmark)
    check_annotations([root / row["name"] / "groundtruth.txt" for row in rows], benchmark, layout)
    if subset == "val":
        read = [_read_annotated(root / row["name"], row, benchmark) for row in rows]
        return Dataset(benchmark, "val", read, convention="got10k", part=part)
    read = [_read_first(root / row["name"], row, benchmark) for row in rows]
    return Dataset(benchmark, "test", read, part=part, server="got10k")


def _read_annotated(folder: Path, row: Row, benchmark: str) -> PictureSequence:
    path = folder / "groundtruth.txt"
    boxes = read_boxes(path)
    check_rows(path, len(boxes), int(row["frames"] or len(boxes)), benchmark)
    pictures = len(list_pictures(folder))
    if pictures not in (0, len(boxes)):  # scoring needs none
        raise InputError(f"{path}: {len(boxes)} rows for {pictures} pictures in {folder}")
    cover = read_cover(folder / "cover.label", len(boxes), benchmark)
    size = _read_picture_size(folder / "meta_info.ini")
    return PictureSequence(row["name"], boxes, folder, "{:08d}.jpg", cover=cover, picture_size=size)


def _read_first(folder: Path, row: Row, benchmark: str) -> PictureSequence:
    boxes = read_first_box(folder / "groundtruth.txt", folder, row, benchmark)
    return PictureSequence(row["name"], boxes, folder, "{:08d}.jpg")


def read_cover(path: Path, frames: int, benchmark: str) -> np.ndarray:
    """(frames,) visible share of the target in eighths."""
    cover = read_rows(path, (1,), f"a whole number from 0 to {FULL_COVER}")[:, 0]
    check_rows(path, len(cover), frames, benchmark)
    wrong = np.flatnonzero(~np.isin(cover, np.arange(FULL_COVER + 1)))
    if len(wrong):
        raise InputError(
            f"{path}, line {wrong[0] + 1}: expected a whole number from 0 to {FULL_COVER}, "
            f"found {cover[wrong[0]]:g}"
        )
    return cover.astype(int)


def _read_picture_size(path: Path) -> tuple[int, int]:
    """(width, height) of a line "resolution: (1920, 1080)"."""
    if not path.is_file():
        raise InputError(f"{path}: no such file, which says the size of the pictures")
    text = path.read_text("utf-8", "replace")
    found = re.search(r"^resolution:\s*\((\d+),\s*(\d+)\)", text, re.MULTILINE)
    if not found:
        raise InputError(f"{path}: expected a line resolution: (WIDTH, HEIGHT)")
    return int(found[1]), int(found[2])
