"""GOT-10k's training set (Huang et al., TPAMI 2021), as published."""

from pathlib import Path

from datasets.benchmark import check_rows, existing_root
from datasets.got10k import read_cover
from datasets.sequence import Dataset
from datasets.videos import Annotation, Video, check_split, video_dataset
from ops.box_files import read_boxes, read_flags
from ops.errors import InputError

TITLE = "GOT-10k's training set"
LAYOUT = "train/GOT-10k_Train_000001/groundtruth.txt with .../00000001.jpg, ..."
FILES = ("groundtruth.txt", "absence.label", "cover.label")


def got10k_train(
    root: str | Path | None, split: str = "train", index: str | Path | None = None
) -> Dataset:
    """The sequences of GOT-10k's training set, 9,335 where all are there.

    Frames with absence 1 or cover 0 are left out, as pytracking does. Boxes are as the files have
    them, which the toolkit takes as 0-based (see datasets/got10k.py).

    Args:
        root: holds the folder train, or is that folder: GOT-10k_Train_%06d, each with
            groundtruth.txt (rows x,y,w,h), absence.label, cover.label and %08d.jpg. list.txt, where
            it is there, says which of them are taken; one that is not there is not missed.
        split: "train".
        index: where the index of the annotation is kept (datasets/index.py), None for nowhere.

    Raises:
        InputError: another split, a missing folder, no sequence that can be used.
    """
    check_split(split, TITLE, "dataset=got10k_val and got10k_test are its other two")
    root = existing_root(root, TITLE, LAYOUT)
    root = root / "train" if (root / "train").is_dir() else root
    names = sorted(path.name for path in root.iterdir() if (path / FILES[0]).is_file())
    if (root / "list.txt").is_file():
        listed = set((root / "list.txt").read_text("utf-8", "replace").split())
        names = [name for name in names if name in listed]
    if not names:
        raise InputError(f"{root}: no sequences in it; expected {TITLE} as {LAYOUT}")
    videos = [Video(name, root / name / FILES[0], root / name, "{:08d}.jpg", 1) for name in names]
    return video_dataset("GOT-10k train", root, videos, _read, _files, index)


def _files(video: Video) -> list[Path]:
    return [video.folder / name for name in FILES]


def _read(video: Video) -> Annotation:
    boxes, absence, cover = _files(video)
    boxes, absent = read_boxes(boxes), read_flags(absence)
    check_rows(absence, len(absent), len(boxes), "groundtruth.txt")
    return Annotation(boxes, absent | (read_cover(cover, len(boxes), "groundtruth.txt") == 0))
