"""NfS, Need for Speed (Kiani Galoogahi et al., ICCV 2017), its 30 fps version."""

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
from ops.errors import InputError

LAYOUT = (
    "NAME/30/NAME.txt with NAME/30/NAME/00001.jpg, ..., "
    "or anno/nfs_NAME.txt with sequences/NAME/00001.jpg, ..."
)
SLOWER = 8  # 240 fps over 30 fps


def nfs(root: str | Path | None, sequences: list[str] | None = None) -> Dataset:
    """The 100 sequences of NfS at 30 fps, as many frames of each as pytracking's nfsdataset.py has.

    Boxes are as the files have them, which the toolkits read as 0-based; flags of the annotation
    (lost, occluded, generated) are not used, as in the got10k toolkit. Its own reader (NfS with
    fps=30) wants the pictures for a look at the boxes, and cuts a short sequence silently: ours.

    Args:
        root: in one of two layouts. The original: NAME/30/NAME.txt, rows of VATIC (track, left,
            top, right, bottom, frame, lost, occluded, generated, class) for each frame, or for each
            at 240 fps, of which every eighth is taken; NAME/30/NAME/%05d.jpg. pytracking's:
            anno/nfs_NAME.txt, rows x, y, w, h; sequences/NAME/%05d.jpg.
        sequences: names of those to take; None for all.

    Raises:
        InputError: an unknown sequence, a missing folder, a missing or short annotation.
    """
    root = existing_root(root, "NfS", LAYOUT)
    rows, part = choose(read_list("nfs"), sequences, "NfS")
    converted = (root / "anno").is_dir()
    annotation = "anno/nfs_{0}.txt" if converted else "{0}/30/{0}.txt"
    pictures = "sequences/{0}" if converted else "{0}/30/{0}"
    paths = [root / annotation.format(row["name"]) for row in rows]
    check_annotations(paths, "NfS", LAYOUT)
    read = []
    for row, path in zip(rows, paths, strict=True):
        boxes = _read_converted(path, row) if converted else _read_original(path, row)
        folder = root / pictures.format(row["name"])
        read.append(PictureSequence(row["name"], boxes, folder, "{:05d}.jpg"))
    return Dataset("NfS", "test", read, convention="matlab_otb", part=part)


def _read_converted(path: Path, row: Row) -> np.ndarray:
    return read_truth(path, int(row["frames"]), "NfS", origin=0.0)


def _read_original(path: Path, row: Row) -> np.ndarray:
    """Boxes (N, 4) of VATIC's rows, one for each frame of the list.

    One row more than frames is left out, as the got10k toolkit does.
    """
    lines = path.read_text("utf-8", "replace").rstrip().splitlines()
    corners = np.array([_corners(line, path, n) for n, line in enumerate(lines, 1)]).reshape(-1, 4)
    frames = int(row["frames"])
    if abs(len(corners) / frames - SLOWER) < 1:
        corners = corners[::SLOWER]
    if len(corners) != frames + 1:
        check_rows(path, len(corners), frames, "NfS")
    low, high = corners[:frames, :2], corners[:frames, 2:]
    return np.concatenate([low, high - low], 1)


def _corners(line: str, path: Path, number: int) -> list[float]:
    try:
        left, top, right, bottom = map(float, line.split()[1:5])
    except ValueError:
        expected = "track left top right bottom frame lost occluded generated class"
        raise InputError(f"{path}, line {number}: expected {expected}, found {line!r}") from None
    return [left, top, right, bottom]
