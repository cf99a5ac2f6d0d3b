"""TrackingNet's training set (Mueller et al., ECCV 2018), as published."""

from pathlib import Path

import numpy as np

from datasets.benchmark import existing_root
from datasets.sequence import Dataset
from datasets.videos import Annotation, Video, check_split, video_dataset
from ops.box_files import read_boxes
from ops.errors import InputError

TITLE = "TrackingNet's training set"
LAYOUT = "TRAIN_0/anno/NAME.txt with TRAIN_0/frames/NAME/0.jpg, ... to TRAIN_11"
PARTS = 12


def trackingnet_train(
    root: str | Path | None,
    split: str = "train",
    parts: list[int] | None = None,
    index: str | Path | None = None,
) -> Dataset:
    """The videos of TrackingNet's training parts, 30,132 in all twelve.

    Args:
        root: holds TRAIN_0 to TRAIN_11, each with anno/NAME.txt (rows x,y,w,h, 0-based) and
            frames/NAME/%d.jpg from 0 on.
        split: "train".
        parts: numbers of those to take, [0, 1, 2, 3]; None for all twelve.
        index: where the index of the annotation is kept (datasets/index.py), None for nowhere.

    Raises:
        InputError: another split, a missing folder or part, `parts` that are none, no video that
            can be used.
    """
    check_split(split, TITLE, "dataset=trackingnet is its test set")
    root = existing_root(root, TITLE, LAYOUT)
    chosen = _check_parts(parts)
    missing = [part for part in chosen if not (root / f"TRAIN_{part}" / "anno").is_dir()]
    if missing:
        there = [part for part in range(PARTS) if (root / f"TRAIN_{part}" / "anno").is_dir()]
        hint = f"dataset.parts={there} takes what is there" if there else "none of them is there"
        raise InputError(
            f"{root}: no folder TRAIN_{missing[0]}/anno; expected {TITLE} as {LAYOUT}; {hint}"
        )
    videos = [
        Video(path.stem, path, root / f"TRAIN_{part}" / "frames" / path.stem, "{}.jpg", 0)
        for part in chosen
        for path in sorted((root / f"TRAIN_{part}" / "anno").glob("*.txt"))
    ]
    if not videos:
        raise InputError(f"{root}: no annotation in it; expected {TITLE} as {LAYOUT}")
    taken = None
    if len(chosen) < PARTS:
        taken = f"{', '.join(f'TRAIN_{part}' for part in chosen)} of {PARTS} parts"
    return video_dataset(
        "TrackingNet train", root, videos, _read, _files, index, tuple(chosen), taken
    )


def _check_parts(parts: list[int] | None) -> list[int]:
    """The numbers of the parts to take, sorted. Raises InputError for something else than some."""
    if parts is None:
        return list(range(PARTS))
    whole = isinstance(parts, list | tuple) and all(type(part) is int for part in parts)
    if not whole or not parts or not set(parts) <= set(range(PARTS)):
        raise InputError(
            f"dataset.parts={parts}: expected some of 0 to {PARTS - 1}, as [0,1,2,3], "
            "or null for all"
        )
    return sorted(set(parts))


def _files(video: Video) -> list[Path]:
    return [video.annotation]


def _read(video: Video) -> Annotation:
    boxes = read_boxes(video.annotation)
    return Annotation(boxes, np.zeros(len(boxes), bool))
