"""The test split of LaSOT in its original layout (Fan et al., CVPR 2019)."""

from pathlib import Path

import numpy as np

from datasets.benchmark import (
    PictureSequence,
    Row,
    check_annotations,
    check_rows,
    choose,
    existing_root,
    read_list,
    read_truth,
)
from datasets.sequence import Dataset
from ops.box_files import read_flags

LAYOUT = "CLASS/CLASS-N/groundtruth.txt with CLASS/CLASS-N/img/00000001.jpg, ..."


def lasot(root: str | Path | None, sequences: list[str] | None = None) -> Dataset:
    """The 280 test videos of LaSOT (protocol II), with the frames that show no target flagged.

    Args:
        root: holds CLASS/CLASS-N, or CLASS-N itself, each with groundtruth.txt, img/%08d.jpg and
            the flags of absent frames: full_occlusion.txt and out_of_view.txt (absent is either of
            the two), or one absent.txt.
        sequences: names of those to take; None for all.

    Raises:
        InputError: an unknown sequence, a missing folder, missing or short annotations or flags.
    """
    root = existing_root(root, "LaSOT", LAYOUT)
    rows, part = choose(read_list("lasot"), sequences, "LaSOT")
    folders = [_folder(root, row["name"]) for row in rows]
    check_annotations([folder / "groundtruth.txt" for folder in folders], "LaSOT", LAYOUT)
    read = [_read_sequence(folder, row) for folder, row in zip(folders, rows, strict=True)]
    return Dataset("LaSOT", "test", read, convention="matlab_otb", part=part, origin=1.0)


def _folder(root: Path, name: str) -> Path:
    return root / name if (root / name).is_dir() else root / name.rpartition("-")[0] / name


def _read_sequence(folder: Path, row: Row) -> PictureSequence:
    frames = int(row["frames"])
    boxes = read_truth(folder / "groundtruth.txt", frames, "LaSOT")
    absent = read_absent(folder, frames)
    return PictureSequence(row["name"], boxes, folder / "img", "{:08d}.jpg", absent=absent)


def read_absent(folder: Path, frames: int) -> np.ndarray:
    """(frames,) bool: fully occluded or out of view."""
    paths = [folder / "full_occlusion.txt", folder / "out_of_view.txt"]
    if not paths[0].is_file() and (folder / "absent.txt").is_file():
        paths = [folder / "absent.txt"]
    absent = np.zeros(frames, bool)
    for path in paths:
        flags = read_flags(path)
        check_rows(path, len(flags), frames, "LaSOT")
        absent |= flags
    return absent
