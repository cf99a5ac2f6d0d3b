"""The training set of LaSOT in its original layout (Fan et al., CVPR 2019)."""

from collections.abc import Iterator
from pathlib import Path

from datasets.benchmark import existing_root, read_list
from datasets.lasot import LAYOUT, read_absent
from datasets.sequence import Dataset
from datasets.videos import Annotation, Video, check_split, video_dataset
from ops.box_files import read_boxes
from ops.errors import InputError

TITLE = "LaSOT's training set"


def lasot_train(
    root: str | Path | None, split: str = "train", index: str | Path | None = None
) -> Dataset:
    """The videos of LaSOT that are not among its 280 test videos (protocol II): 1,120 of them.

    Frames flagged as fully occluded or out of view are left out, as pytracking does.

    Args:
        root: holds CLASS/CLASS-N, or CLASS-N itself, each with groundtruth.txt (rows x,y,w,h,
            counted from 1), img/%08d.jpg and the flags full_occlusion.txt and out_of_view.txt (or
            one absent.txt). What is not there is not missed; the test videos may be there.
        split: "train".
        index: where the index of the annotation is kept (datasets/index.py), None for nowhere.

    Raises:
        InputError: another split, a missing folder, no video that can be used.
    """
    check_split(split, TITLE, "dataset=lasot is its test set")
    root = existing_root(root, TITLE, LAYOUT)
    tested = {row["name"] for row in read_list("lasot")}
    videos = [
        Video(folder.name, folder / "groundtruth.txt", folder / "img", "{:08d}.jpg", 1)
        for folder in _annotated_folders(root)
        if folder.name not in tested
    ]
    if not videos:
        raise InputError(f"{root}: no training videos in it; expected {TITLE} as {LAYOUT}")
    return video_dataset(
        "LaSOT train", root, videos, _read, lambda video: [video.annotation.parent], index
    )


def _annotated_folders(root: Path) -> Iterator[Path]:
    """CLASS-N of root/CLASS/CLASS-N and of root/CLASS-N, by name."""
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        if (folder / "groundtruth.txt").is_file():
            yield folder
        else:
            yield from sorted(path.parent for path in folder.glob("*/groundtruth.txt"))


def _read(video: Video) -> Annotation:
    boxes = read_boxes(video.annotation, origin=1.0)
    return Annotation(boxes, read_absent(video.annotation.parent, len(boxes)))
