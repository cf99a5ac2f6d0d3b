"""YouTube-BoundingBoxes (Real et al., CVPR 2017): the published list of boxes, with frames."""

import csv
import gzip
import hashlib
import os
import zlib
from array import array
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np

from datasets.benchmark import existing_root
from datasets.index import in_threads, read_index
from datasets.picture_size import read_picture_size
from datasets.sequence import Dataset
from datasets.tracks import IndexedSequences, TrackBuilder, Tracks, literal
from datasets.videos import check_split
from ops.errors import InputError

TITLE = "YouTube-BB"
LISTS = ("yt_bb_detection_train.csv", "youtube_boundingboxes_detection_train.csv")
FRAMES = "yt_bb_detection_train/{class_id}/{youtube_id}_{timestamp_ms}_{class_id}_{object_id}.jpg"
FIELDS = {"youtube_id", "class_id", "object_id", "timestamp_ms"}
TICKS = 1000 / 30  # milliseconds of a frame, at the rate of most of these videos
CHUNK = 100  # segments whose pictures' sizes a thread reads at once


class Segment(NamedTuple):
    """Which target of which video, and its frames with a box.

    Attributes:
        name: YOUTUBE-ID+CLASS+OBJECT, unique.
        folder, file: of its pictures: below root, and a pattern for str.format with the time.
        times: (N,) milliseconds from the video's start, in order.
        sides: (N, 4) left, right, top, bottom as parts of the picture's width or height.
    """

    name: str
    folder: str
    file: str
    times: np.ndarray
    sides: np.ndarray


def youtube_bb(
    root: str | Path | None,
    split: str = "train",
    pictures: str = FRAMES,
    index: str | Path | None = None,
) -> Dataset:
    """The segments of YouTube-BB's detection training set, one target each, a frame a second.

    What is published has no frames. Expected are those of youtube-bb-utility, the tool that pysot's
    preparation names and from which its crops are made: a folder for each class, in it each
    annotated frame of each segment. Others are read by saying `pictures`; of M. Buckler's
    youtube-bb for instance, youtubebb2017/JPEGImages/ and in it
    {youtube_id}+{class_id}+{object_id}+{timestamp_ms}.jpg.

    Boxes of the list are relative to the picture, whose size is taken from one frame a segment.
    Left out and counted: rows whose target is not "present", boxes without area or with a negative
    side (as pysot does), and frames that are not there, as videos vanish from YouTube.

    Args:
        root: holds yt_bb_detection_train.csv, or youtube_boundingboxes_detection_train.csv, which
            it is called when unpacked; as .gz or not, with a row of column names or without; and
            the frames.
        split: "train".
        pictures: where a frame lies below root, a path with {youtube_id}, {class_id}, {object_id}
            and, in the name of the file, {timestamp_ms}.
        index: where the index of the annotation is kept (datasets/index.py), None for nowhere.

    Raises:
        InputError: another split, a missing folder or list, a list that cannot be read, `pictures`
            with other fields, no frame that can be used.
    """
    check_split(split, TITLE, "its validation part is not read")
    _check_pattern(pictures)
    layout = f"{LISTS[0]} with {pictures}"
    root = existing_root(root, TITLE, layout)
    names = [*LISTS, *(f"{name}.gz" for name in LISTS)]
    path = next((root / name for name in names if (root / name).is_file()), None)
    if path is None:
        raise InputError(f"{root}: no {LISTS[0]} in it; expected {TITLE} as {layout}")
    top = root / pictures.partition("{")[0].rpartition("/")[0]
    if not top.is_dir():
        raise InputError(f"{top}: no such folder of frames; expected {TITLE} as {layout}")
    options = (pictures, _last_changes(top))
    tracks = read_index(
        index, f"{TITLE} train", root, [path], options, lambda: _scan(root, path, pictures)
    )
    return Dataset(TITLE, "train", IndexedSequences(tracks, root))


def _check_pattern(pictures: str) -> None:
    """Raise InputError unless each frame has a path of its own."""
    folder, _, file = str(pictures).rpartition("/")
    try:
        str(pictures).format(**dict.fromkeys(FIELDS, ""))
        known = ":" not in str(pictures)  # no numbers with zeros: the list's are text
    except (AttributeError, KeyError, IndexError, ValueError):
        known = False
    if not known or "{timestamp_ms}" not in file or "{timestamp_ms}" in folder:
        raise InputError(
            f"dataset.pictures={pictures}: expected a path with {{youtube_id}}, {{class_id}}, "
            f"{{object_id}} and, in the name of the file, {{timestamp_ms}}, as {FRAMES}"
        )


def _last_changes(top: Path) -> str:
    """A digest of when files were last added to this folder and to those in it.

    So that frames which are downloaded later are found, without a look at millions of them.
    """
    with os.scandir(top) as entries:
        folders = sorted((item.name, item.stat().st_mtime_ns) for item in entries if item.is_dir())
    text = repr((top.stat().st_mtime_ns, folders))
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()


def _scan(root: Path, path: Path, pictures: str) -> Tracks:
    builder = TrackBuilder(ticks=TICKS)
    segments = _read_list(path, pictures, builder)
    missing = _find_missing(root, segments)
    chunks = [slice(start, start + CHUNK) for start in range(0, len(segments), CHUNK)]

    def read_sizes(chunk: slice) -> list[tuple[int, int] | None]:
        chosen = zip(segments[chunk], missing[chunk], strict=True)
        return [_read_size(root, segment, gone) for segment, gone in chosen]

    read = in_threads(read_sizes, chunks, TITLE, f"x {CHUNK} segments")
    sizes = (size for chunk in read for size in chunk)
    for segment, gone, size in zip(segments, missing, sizes, strict=True):
        width, height = size or (1, 1)
        left, right, top, bottom = segment.sides.T * [[width], [width], [height], [height]]
        boxes = np.stack([left, top, right - left, bottom - top], 1)
        unusable = {
            "frame missing": gone,
            "frame of unreadable size": np.full(len(boxes), size is None),
            "negative side": (segment.sides < 0).any(1),
        }
        place = literal(f"{segment.folder}/") + segment.file
        where = literal(f"{path.name}: {segment.name}") + " at {} ms"
        builder.add(segment.name, place, segment.times, boxes, size or (0, 0), unusable, where)
    return builder.build()


def _read_list(path: Path, pictures: str, builder: TrackBuilder) -> list[Segment]:
    """The segments of the list, those with a common folder of frames behind one another.

    Its rows may be in any order. Five million of them are held as arrays.
    """
    keys: dict[tuple[str, str, str], int] = {}
    owners, times, sides = array("i"), array("i"), array("d")
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8", errors="replace", newline="") as file:
            for line, row in enumerate(csv.reader(file), 1):
                try:
                    youtube_id, time, class_id, _, object_id, presence, *values = row
                    time, values = int(time), array("d", map(float, values))
                    if len(values) != 4:
                        raise ValueError
                except ValueError:
                    if row and not (line == 1 and row[0] == "youtube_id"):
                        builder.leave_out("malformed row", f"{path}, line {line}")
                    continue
                if presence != "present":
                    builder.leave_out("target absent", f"{path}, line {line}")
                    continue
                owners.append(keys.setdefault((youtube_id, class_id, object_id), len(keys)))
                times.append(time)
                sides.extend(values)
    except (OSError, EOFError, zlib.error, csv.Error, OverflowError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error
    owners, times = np.frombuffer(owners, np.int32), np.frombuffer(times, np.int32)
    sides = np.frombuffer(sides).reshape(-1, 4)
    order = np.lexsort((times, owners))
    starts = np.searchsorted(owners[order], np.arange(len(keys) + 1))
    segments = []
    for key, number in keys.items():
        rows = order[starts[number] : starts[number + 1]]
        segments.append(_segment(key, pictures, times[rows], sides[rows]))
    return sorted(segments, key=lambda segment: segment.folder)


def _segment(
    key: tuple[str, str, str], pictures: str, times: np.ndarray, sides: np.ndarray
) -> Segment:
    names = dict(zip(("youtube_id", "class_id", "object_id"), map(literal, key), strict=True))
    folder, _, file = pictures.rpartition("/")
    folder = folder.format(**dict(zip(names, key, strict=True)))
    return Segment("+".join(key), folder, file.format(**names, timestamp_ms="{}"), times, sides)


def _find_missing(root: Path, segments: list[Segment]) -> list[np.ndarray]:
    """(N,) bool of each segment's frames: those that are not there. Each folder is listed once."""
    missing = []
    for folder, group in groupby(segments, key=lambda segment: segment.folder):
        path = root / folder
        there = set(os.listdir(path)) if path.is_dir() else set()
        for segment in group:
            names = (segment.file.format(time) for time in segment.times.tolist())
            missing.append(np.array([name not in there for name in names], bool))
    return missing


def _read_size(root: Path, segment: Segment, missing: np.ndarray) -> tuple[int, int] | None:
    """(width, height) of the first of a segment's frames that says it."""
    for time in segment.times[~missing].tolist():
        try:
            return read_picture_size(root / segment.folder / segment.file.format(time))
        except InputError:  # said when it is read for training, if it ever is
            continue
    return None
