"""The targets of a large dataset as a few arrays, of which sequences are made on access.

A million targets as Python objects would be gigabytes in every worker that reads clips. As arrays
they are some tens of megabytes, which forked workers share.
"""

import hashlib
import os
from collections.abc import Iterable, Mapping
from collections.abc import Sequence as Series
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from datasets.pictures import read_picture, read_reduced_picture
from datasets.sequence import Sequence
from ops.boxes import valid
from ops.errors import InputError


@dataclass(frozen=True)
class LeftOut:
    """Annotations that cannot be used: why, how many, and where the first of them is."""

    reason: str
    count: int
    place: str

    def __str__(self) -> str:
        return f"{self.reason}: {self.count:,}, the first {self.place}"


@dataclass(frozen=True)
class Tracks:
    """T targets with R usable boxes in all, by columns; a TrackBuilder makes them.

    Attributes:
        names: (T,) bytes, UTF-8; unique, each usable as a file name.
        pictures: (T,) bytes, where a target's pictures lie below the root, for str.format with the
            picture's number: "Data/VID/train/X/{:06d}.JPEG"; one picture where it has no field.
        starts: (T + 1,) int64; rows starts[t] to starts[t + 1] are target t's, in order of time.
        numbers: (R,) int32, number of each row's picture.
        boxes: (R, 4) float32, x, y, w, h in 0-based continuous pixels, all of them valid.
        sizes: (T, 2) int32, width and height of a target's pictures, 0 where they are unknown.
        ticks: by how much `numbers` grow from one frame of the footage to the next: 1 where they
            count frames, 1000 / 30 where they are milliseconds of footage at 30 frames/s.
        still: whether all are still pictures, of one row each (see datasets.sequence.Sequence).
        left_out: what the annotation had beside them.
    """

    names: np.ndarray
    pictures: np.ndarray
    starts: np.ndarray
    numbers: np.ndarray
    boxes: np.ndarray
    sizes: np.ndarray
    ticks: float = 1.0
    still: bool = False
    left_out: tuple[LeftOut, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    def digest(self) -> str:
        """A hash of names, pictures, numbers and boxes: whether two runs train on the same data."""
        digest = hashlib.blake2b(repr((len(self), self.ticks, self.still)).encode(), digest_size=16)
        for array in (self.names, self.pictures, self.starts, self.numbers, self.boxes):
            digest.update(str(array.dtype).encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


def literal(path: str) -> str:
    """A pattern for str.format that gives `path` itself, whatever braces it has."""
    return path.replace("{", "{{").replace("}", "}}")


class TrackBuilder:
    """Collects targets one by one, leaves out what cannot be used, and counts it by reason.

    Rows are left out that are not finite, have no area (w or h <= 0) or lie outside of the picture
    altogether, where its size is known; a box that reaches over an edge stays as it is. A target
    without rows, or with a name that is taken, is left out too.
    """

    def __init__(self, ticks: float = 1.0, still: bool = False):
        """See Tracks for `ticks` and `still`."""
        self.ticks, self.still = ticks, still
        self._names: list[str] = []
        self._pictures: list[str] = []
        self._wheres: list[str | None] = []
        self._sizes: list[tuple[int, int]] = []
        self._lengths: list[int] = []
        self._numbers: list[np.ndarray] = []
        self._boxes: list[np.ndarray] = []
        self._unusable: list[tuple[int, str, np.ndarray]] = []  # first row, reason, (N,) bool
        self._rows = 0
        self._left_out: dict[str, LeftOut] = {}

    def add(
        self,
        name: str,
        pictures: str,
        numbers: Iterable[int],
        boxes: Iterable,
        size: tuple[int, int] = (0, 0),
        unusable: Mapping[str, np.ndarray] | None = None,
        where: str | None = None,
    ) -> None:
        """Collect one target.

        Args:
            name, pictures: see Tracks; `literal` makes a pattern of a plain path.
            numbers: (N,) of its pictures, in order of time; (0,) for a still.
            boxes: (N, 4) as Tracks has them; NaN and boxes without area are allowed.
            size: (width, height) of its pictures, 0 where it is not known.
            unusable: reason -> (N,) bool, rows that the annotation itself marks as of no use
                ("target absent"); they are counted under that reason alone.
            where: a pattern for str.format with a row's picture number and, as `row`, its count
                from 1, which tells where the row is annotated: "X/{:06d}.xml",
                "X/groundtruth.txt, line {row}". None tells the name and the picture.
        """
        boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
        self._names.append(name)
        self._pictures.append(pictures)
        self._wheres.append(where)
        self._sizes.append(size)
        self._lengths.append(len(boxes))
        self._numbers.append(np.asarray(numbers, np.int32))
        self._boxes.append(boxes)
        for reason, rows in (unusable or {}).items():
            self._unusable.append((self._rows, reason, np.asarray(rows, bool)))
        self._rows += len(boxes)

    def leave_out(self, reason: str, place: str, count: int = 1) -> None:
        """Count annotations that are not even worth an `add`: "malformed file", "crowd"."""
        before = self._left_out.get(reason)
        if before is not None:
            count, place = before.count + count, before.place
        if count:
            self._left_out[reason] = LeftOut(reason, count, place)

    def build(self) -> Tracks:
        """What was collected and can be used."""
        boxes = np.concatenate([np.empty((0, 4), np.float32), *self._boxes])
        numbers = np.concatenate([np.empty(0, np.int32), *self._numbers])
        lengths = np.array(self._lengths, np.int64)
        sizes = np.array(self._sizes, np.int32).reshape(-1, 2)
        owners = np.repeat(np.arange(len(lengths)), lengths)
        usable = np.ones(len(boxes), bool)
        for first, reason, rows in self._unusable:
            mask = usable[first : first + len(rows)]  # a view
            self._count_rows(reason, first + np.flatnonzero(rows & mask), owners, numbers)
            mask &= ~rows
        for reason, wrong in _wrong_boxes(boxes, sizes, owners):
            self._count_rows(reason, np.flatnonzero(wrong & usable), owners, numbers)
            usable &= ~wrong
        lengths = np.bincount(owners[usable], minlength=len(lengths))
        chosen = self._choose(lengths)
        usable &= chosen[owners]
        return Tracks(
            names=_encode(self._names, chosen),
            pictures=_encode(self._pictures, chosen),
            starts=np.concatenate([[0], np.cumsum(lengths[chosen])]).astype(np.int64),
            numbers=numbers[usable],
            boxes=boxes[usable],
            sizes=sizes[chosen],
            ticks=self.ticks,
            still=self.still,
            left_out=tuple(self._left_out.values()),
        )

    def _choose(self, lengths: np.ndarray) -> np.ndarray:
        """(T,) bool: targets with usable rows and a name of their own; the others are counted."""
        chosen, taken = lengths > 0, set()
        for target, name in enumerate(self._names):
            if not chosen[target]:
                self.leave_out("target without a usable box", name)
            elif name in taken:
                self.leave_out("target of a name that is taken", name)
                chosen[target] = False
            taken.add(name)
        return chosen

    def _count_rows(self, reason, rows: np.ndarray, owners: np.ndarray, numbers: np.ndarray):
        if not len(rows):
            return
        target, row = owners[rows[0]], rows[0]
        where, number = self._wheres[target], int(numbers[row])
        if where is None:
            place = f"{self._names[target]}, {self._pictures[target].format(number)}"
        else:
            place = where.format(number, row=row - np.searchsorted(owners, target) + 1)
        self.leave_out(reason, place, len(rows))


def _wrong_boxes(boxes: np.ndarray, sizes: np.ndarray, owners: np.ndarray):
    """Yield (reason, (R,) bool) for boxes (R, 4) in pictures of sizes (T, 2)."""
    finite = np.isfinite(boxes).all(1)
    yield "not finite", ~finite
    yield "without area", finite & ~valid(boxes)
    size = sizes[owners]
    low, high = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    yield "outside the picture", (((low >= size) | (high <= 0)) & (size > 0)).any(1)


def _encode(texts: list[str], chosen: np.ndarray) -> np.ndarray:
    """(T,) bytes, of which file names that are no UTF-8 come back as they were."""
    return np.array([os.fsencode(texts[t]) for t in np.flatnonzero(chosen)], np.bytes_)


class IndexedSequence(Sequence):
    """One target of Tracks, as a sequence of the frames in which it has a box."""

    def __init__(self, tracks: Tracks, root: Path, index: int):
        rows = slice(tracks.starts[index], tracks.starts[index + 1])
        self.name = os.fsdecode(tracks.names[index])
        self.root, self.pattern = root, os.fsdecode(tracks.pictures[index])
        self.still, self._ticks = tracks.still, tracks.ticks
        self._boxes, self._numbers = tracks.boxes[rows], tracks.numbers[rows]  # views
        width, height = tracks.sizes[index].tolist()
        self.picture_size = (width, height) if width > 0 and height > 0 else None

    def __len__(self) -> int:
        return len(self._numbers)

    @cached_property
    def boxes(self) -> np.ndarray:
        return self._boxes.astype(np.float64)

    @cached_property
    def numbers(self) -> np.ndarray | None:
        if self.still:
            return None
        times = self._numbers if self._ticks == 1 else np.rint(self._numbers / self._ticks)
        return times.astype(np.int64)

    def picture(self, index: int) -> Path:
        """Where frame `index` lies."""
        return self.root / self.pattern.format(int(self._numbers[index]))

    def frame(self, index: int) -> np.ndarray:
        return read_picture(self.picture(index))

    def reduced_frame(self, index: int, most: float) -> tuple[np.ndarray, int]:
        return read_reduced_picture(self.picture(index), most)

    def check_pictures(self) -> None:
        paths = [self.picture(index) for index in range(len(self))]
        missing = [path for path in paths if not path.is_file()]
        if missing:
            raise InputError(
                f"{self.name}: {len(missing)} of {len(paths)} pictures are missing, the first is "
                f"{missing[0]}"
            )


class IndexedSequences(Series):
    """The sequences of Tracks, each made when it is asked for."""

    def __init__(self, tracks: Tracks, root: Path):
        """`root` is the folder below which the tracks' pictures lie."""
        self.tracks, self.root = tracks, Path(root)

    def __len__(self) -> int:
        return len(self.tracks)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return IndexedSequence(self.tracks, self.root, range(len(self))[index])

    @property
    def lengths(self) -> np.ndarray:
        """(T,) number of frames of each, without making any of them."""
        return np.diff(self.tracks.starts)

    def digest(self) -> str:
        """See Tracks.digest."""
        return self.tracks.digest()
