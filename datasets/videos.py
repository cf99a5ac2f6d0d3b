"""What the readers of LaSOT, TrackingNet and GOT-10k share in training: a target in each video."""

from collections.abc import Callable, Collection, Hashable
from collections.abc import Sequence as Series
from pathlib import Path
from typing import NamedTuple

import numpy as np

from datasets.index import in_threads, read_index
from datasets.picture_size import read_picture_size
from datasets.sequence import Dataset
from datasets.tracks import IndexedSequences, TrackBuilder, Tracks, literal
from ops.errors import InputError


class Video(NamedTuple):
    """One video of a dataset.

    Attributes:
        name: of its target.
        annotation: the file of its boxes, a row a picture.
        folder: of its pictures.
        pattern: a picture's file name, for str.format with its number: "{:08d}.jpg".
        first: number of the first picture.
    """

    name: str
    annotation: Path
    folder: Path
    pattern: str
    first: int


class Annotation(NamedTuple):
    """The boxes (N, 4) of a video, 0-based, and (N,) bool, where the target is not to be seen."""

    boxes: np.ndarray
    absent: np.ndarray


def check_split(split: str, dataset: str, others: str) -> None:
    """Raise InputError unless `split` is train; `others` says where the rest of the dataset is."""
    if split != "train":
        raise InputError(f"split={split}: expected train of {dataset}; {others}")


def video_dataset(
    name: str,
    root: Path,
    videos: Series[Video],
    read: Callable[[Video], Annotation],
    stamped: Callable[[Video], Collection[Path]],
    index: str | Path | None,
    options: Hashable = None,
    part: str | None = None,
) -> Dataset:
    """The training set made of these videos.

    Left out and counted: frames without the target, boxes that cannot be used, videos whose folder
    of pictures is missing, and those of which `read` raises InputError. Single pictures are not
    looked for.

    Args:
        name: of the dataset: "LaSOT train".
        root: the folder below which all lies.
        read: the annotation of a video.
        stamped: the files of a video's annotation, or the folder that holds them and no pictures.
        index: where the index of the annotation is kept (datasets/index.py), None for nowhere.
        options: what chose these videos.
        part: see datasets.sequence.Dataset.

    Raises:
        InputError: no video can be used.
    """
    there = [video for video in videos if video.folder.is_dir()]
    files = [path for video in there for path in stamped(video)]
    missing = [str(video.folder) for video in videos if not video.folder.is_dir()]

    def scan() -> Tracks:
        builder = TrackBuilder()
        if missing:
            builder.leave_out("video without its pictures", missing[0], len(missing))
        found = in_threads(lambda video: _try(read, video), there, name, "videos")
        for video, (annotation, size) in zip(there, found, strict=True):
            if isinstance(annotation, InputError):
                builder.leave_out("video with an unusable annotation", str(annotation))
                continue
            pictures = literal(f"{video.folder.relative_to(root).as_posix()}/") + video.pattern
            numbers = np.arange(video.first, video.first + len(annotation.boxes))
            unusable = {"target absent": annotation.absent}
            where = literal(str(video.annotation)) + ", line {row}"
            builder.add(video.name, pictures, numbers, annotation.boxes, size, unusable, where)
        return builder.build()

    tracks = read_index(index, name, root, files, options, scan)
    return Dataset(name, "train", IndexedSequences(tracks, root), part=part)


def _try(
    read: Callable[[Video], Annotation], video: Video
) -> tuple[Annotation | InputError, tuple[int, int]]:
    """A video's annotation, or why there is none, and its pictures' size, 0 where it is unknown."""
    try:
        annotation = read(video)
    except InputError as error:
        return error, (0, 0)
    try:
        size = read_picture_size(video.folder / video.pattern.format(video.first))
    except InputError:  # said when it is read for training, if it ever is
        size = (0, 0)
    return annotation, size
