"""A folder of one's own sequences: NAME/img/* with NAME/groundtruth_rect.txt."""

import logging
from pathlib import Path

import numpy as np

from datasets.pictures import list_pictures, read_picture, read_reduced_picture
from datasets.sequence import Dataset, Sequence
from ops.box_files import read_boxes
from ops.boxes import valid
from ops.errors import InputError, check_number

ANNOTATION = "groundtruth_rect.txt"
LAYOUT = f"NAME/img/*.jpg with NAME/{ANNOTATION}"
log = logging.getLogger("lodestar")


class FolderSequence(Sequence):
    """Pictures on disk, in the order of their names, with a box each."""

    def __init__(self, name: str, pictures: list[Path], boxes: np.ndarray):
        self.name, self.pictures, self.boxes = name, pictures, boxes

    def frame(self, index: int) -> np.ndarray:
        return read_picture(self.pictures[index])

    def reduced_frame(self, index: int, most: float) -> tuple[np.ndarray, int]:
        return read_reduced_picture(self.pictures[index], most)


def folder(
    root: str | Path | None,
    split: str = "test",
    sequences: list[str] | None = None,
    max_frames: int | None = None,
    one_based: bool = False,
) -> Dataset:
    """Every sequence below a folder.

    Args:
        root: holds a folder for each sequence: NAME/img/* and NAME/groundtruth_rect.txt, a row
            "x,y,w,h" a frame, separated by commas, tabs or spaces; NaN for an absent target.
        split: what the caller uses it as.
        sequences: names of those to take; None for all.
        max_frames: how many frames of each to take; None for all.
        one_based: whether the files count pixels from 1, as MATLAB does; results then do, too.

    Raises:
        InputError: a missing or empty folder, an unknown sequence, an annotation that does not
            match its frames.
    """
    if root is None:
        raise InputError(
            "no folder is given: data_root=DIR for dataset=folder, "
            "val_dataset.root=DIR or test_dataset.root=DIR for these"
        )
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"{root}: no such folder of sequences, expected {LAYOUT}")
    names = sorted(path.name for path in root.iterdir() if (path / "img").is_dir())
    if not names:
        raise InputError(f"{root}: no sequences in it, expected {LAYOUT}")
    if sequences is not None and not isinstance(sequences, list | tuple):
        raise InputError(f"dataset.sequences={sequences}: expected a list, [{sequences}]")
    if max_frames is not None:
        check_number("dataset.max_frames", max_frames, 1)
    unknown = sorted(set(sequences or []) - set(names))
    if unknown:
        known = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
        raise InputError(f"dataset.sequences: {', '.join(unknown)} not in {root} (it has {known})")
    chosen = names if sequences is None else [name for name in names if name in sequences]
    if not chosen:
        raise InputError("dataset.sequences=[]: expected some names, or null for all")
    read = [_read_sequence(root / name, max_frames, one_based) for name in chosen]
    frames = sum(map(len, read))
    absent = frames - sum(int(valid(sequence.boxes).sum()) for sequence in read)
    found = f"{len(read):,} sequences, {frames:,} frames, {absent:,} of them without a box"
    log.info("%s: %s", root, found)
    part = []
    if sequences is not None:
        part.append(f"{len(chosen)} of {len(names)} sequences")
    if max_frames is not None:
        part.append(f"at most {max_frames} frames of each")
    name, origin = root.resolve().name, float(one_based)
    return Dataset(name, split, read, part=", ".join(part) or None, origin=origin)


def _read_sequence(path: Path, max_frames: int | None, one_based: bool) -> FolderSequence:
    if not (path / ANNOTATION).is_file():
        raise InputError(f"{path}: no {ANNOTATION} in it, expected {LAYOUT}")
    pictures = list_pictures(path / "img")
    boxes = read_boxes(path / ANNOTATION, origin=float(one_based))
    if not pictures:
        raise InputError(f"{path / 'img'}: no pictures in it")
    if len(boxes) != len(pictures):
        raise InputError(
            f"{path / ANNOTATION}: {len(boxes)} rows for {len(pictures)} pictures in {path / 'img'}"
        )
    return FolderSequence(path.name, pictures[:max_frames], boxes[:max_frames])
