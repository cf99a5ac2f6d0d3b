"""TrackingNet's test set (Mueller et al., ECCV 2018), whose truth stays with its server."""

from pathlib import Path

from datasets.benchmark import (
    PictureSequence,
    check_annotations,
    choose,
    existing_root,
    read_first_box,
    read_list,
)
from datasets.sequence import Dataset

LAYOUT = "TEST/anno/NAME.txt with TEST/frames/NAME/0.jpg, ..."


def trackingnet(root: str | Path | None, sequences: list[str] | None = None) -> Dataset:
    """The 511 test sequences of TrackingNet: the first box of each, then NaN.

    Boxes are as the files have them, 0-based. The committed list is that of the package
    TrackingNet, which says no numbers of frames: a sequence is as long as its pictures go
    (read_first_box says what is found out). The got10k toolkit's reader misses the folder frames/,
    so this is ours.

    Args:
        root: holds the folder TEST, or is that folder: anno/NAME.txt, one row x,y,w,h, and
            frames/NAME/%d.jpg from 0 on.
        sequences: names of those to take; None for all.

    Raises:
        InputError: an unknown sequence, a missing folder, a missing annotation, no pictures.
    """
    root = existing_root(root, "TrackingNet", LAYOUT)
    root = root / "TEST" if (root / "TEST").is_dir() else root
    rows, part = choose(read_list("trackingnet_test"), sequences, "TrackingNet")
    paths = [root / "anno" / f"{row['name']}.txt" for row in rows]
    check_annotations(paths, "TrackingNet", LAYOUT)
    read = []
    for row, path in zip(rows, paths, strict=True):
        folder = root / "frames" / row["name"]
        boxes = read_first_box(path, folder, row, "TrackingNet")
        read.append(PictureSequence(row["name"], boxes, folder, "{}.jpg", first=0))
    return Dataset("TrackingNet", "test", read, part=part, server="trackingnet")
