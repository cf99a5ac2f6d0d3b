"""The evaluation loop: many protocols at once, their requests grouped into batches."""

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from benchmarks.protocols import Answer, Pass, Rules, Start, Track, ope
from benchmarks.vot.trajectories import Trajectory
from datasets.sequence import Sequence
from ops.boxes import can_start, valid
from ops.crop import Frames
from ops.errors import InputError, check_number
from trackers.base import Tracker, join, select


@dataclass(frozen=True)
class Finished:
    """A run that came to its end.

    Attributes:
        run: what was run.
        result: what its protocol returned: boxes (N, 4), or VOT's Trajectory.
        seconds: of the tracker, for each of its requests; 0 where they were not timed.
    """

    run: Pass
    result: np.ndarray | Trajectory
    seconds: np.ndarray


@dataclass
class Slot:
    """A run on its way."""

    run: Pass
    request: Start | Track
    row: int = -1  # of the memory, once it was started
    seconds: list[float] = field(default_factory=list)


class Evaluation:
    """Drives B runs at a time through a tracker, refilling slots as runs end.

    Each round every slot has one request; all `Track`s make one batch and all `Start`s another (one
    for each repetition). What a run gets does not depend on the runs beside it, beyond float
    rounding.

    Args:
        tracker: in eval mode, on `device`.
        batch_size: B, the most targets at a time.
        on_round: called after each round with the number of frames tracked in it.
        timed: whether the tracker's own calls are timed, synchronised and apart from the reading of
            pictures; the targets of a batch share its time equally.
    """

    def __init__(
        self,
        tracker: Tracker,
        batch_size: int = 8,
        device: torch.device | str = "cpu",
        on_round: Callable[[int], Any] = lambda frames: None,
        timed: bool = False,
    ):
        check_number("evaluation.batch_size", batch_size, 1)
        self.tracker, self.batch_size, self.device = tracker, batch_size, torch.device(device)
        self.on_round, self.timed = on_round, timed
        self.pictures: dict[tuple[str, int], Future] = {}  # being read, by sequence and frame

    def run(self, sequences: Iterable[Sequence]) -> Iterator[tuple[Sequence, np.ndarray]]:
        """One-pass evaluation: yields (sequence, boxes (N, 4)) as each ends."""
        runs = (run for sequence in sequences for run in ope(sequence, Rules()))
        for finished in self.drive(runs):
            yield finished.run.sequence, finished.result

    def drive(self, runs: Iterable[Pass]) -> Iterator[Finished]:
        """Yields the runs as each ends. Sequences of the same name are the same."""
        waiting, slots, memory = iter(runs), [], None
        with ThreadPoolExecutor(max_workers=2) as readers:
            while True:
                while len(slots) < self.batch_size and (run := next(waiting, None)):
                    slots.append(Slot(run, next(run.steps)))
                if not slots:
                    return
                self._read_ahead(slots, readers)
                slots, memory, boxes = self._round(slots, memory)
                self.on_round(len(slots))
                running = []
                for slot, box in zip(slots, boxes, strict=True):
                    try:
                        slot.request = slot.run.steps.send(Answer(box, slot.seconds[-1]))
                        running.append(slot)
                    except StopIteration as end:
                        yield Finished(slot.run, end.value, np.array(slot.seconds))
                slots = running

    def _round(self, slots: list[Slot], memory: Any) -> tuple[list[Slot], Any, np.ndarray]:
        """Serve one request of each slot: (slots in the memory's new order, memory, boxes)."""
        tracking = [slot for slot in slots if isinstance(slot.request, Track)]
        starting = [slot for slot in slots if isinstance(slot.request, Start)]
        boxes, memories = [], []
        if tracking:
            rows = torch.tensor([slot.row for slot in tracking], device=self.device)
            frames = self._frames(tracking)
            with self._timing(tracking):
                memory, found, _ = self.tracker.update(frames, select(memory, rows))
            memories.append(memory)
            boxes.append(found.double().cpu().numpy())
        slots = tracking
        for repetition in sorted({slot.run.repetition for slot in starting}):
            group = [slot for slot in starting if slot.run.repetition == repetition]
            given = np.stack([slot.request.box for slot in group])
            memories.append(self._start(group, given, repetition))
            boxes.append(given)
            slots = slots + group
        for row, slot in enumerate(slots):
            slot.row = row
        return slots, join(memories) if len(memories) > 1 else memories[0], np.concatenate(boxes)

    def _start(self, slots: list[Slot], boxes: np.ndarray, repetition: int) -> Any:
        """Memory of targets that start in the same repetition; `repetition` r draws with seed + r.

        Everything that is drawn later follows from what memory holds (trackers/base.py).
        """
        frames, start = self._frames(slots), torch.from_numpy(boxes).float().to(self.device)
        seed = self.tracker.seed
        try:
            if seed is not None:
                self.tracker.seed = seed + repetition
            with self._timing(slots):
                return self.tracker.init(frames, start)
        finally:
            self.tracker.seed = seed

    def _timing(self, slots: list[Slot]) -> "_Timing":
        return _Timing(slots, self.device, self.timed)

    def _frames(self, slots: list[Slot]) -> Frames:
        pictures = [self.pictures[_picture(slot, slot.request.frame)].result() for slot in slots]
        return Frames.stack(pictures, self.device)

    def _read_ahead(self, slots: list[Slot], readers: ThreadPoolExecutor) -> None:
        """Have the requested frames and the next ones read while the tracker is at work.

        Runs that are at the same frame of a sequence share its picture.
        """
        wanted = {
            _picture(slot, index): slot.run.sequence
            for ahead in (0, 1)
            for slot in slots
            if (index := slot.request.frame + ahead) < len(slot.run.sequence)
        }
        self.pictures = {key: future for key, future in self.pictures.items() if key in wanted}
        for (name, index), sequence in wanted.items():
            if (name, index) not in self.pictures:
                self.pictures[name, index] = readers.submit(sequence.frame, index)


class _Timing:
    """Appends to each slot its share of what the block takes; 0 where it is not timed."""

    def __init__(self, slots: list[Slot], device: torch.device, timed: bool):
        self.slots, self.device, self.timed = slots, device, timed

    def __enter__(self) -> None:
        self.start = self._now()

    def __exit__(self, *raised) -> None:
        seconds = self._now() - self.start
        for slot in self.slots:
            slot.seconds.append(seconds / len(self.slots))

    def _now(self) -> float:
        if not self.timed:
            return 0.0
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter()


def _picture(slot: Slot, index: int) -> tuple[str, int]:
    return slot.run.sequence.name, index


def check_starts(sequences: Iterable[Sequence]) -> None:
    """Raise InputError for a sequence without its pictures, or whose first box is no place to
    start a tracker."""
    for sequence in sequences:
        sequence.check_pictures()
        box = sequence.boxes[0]
        shown = ", ".join(f"{value:g}" for value in box)
        if not valid(box):
            raise InputError(f"{sequence.name}: first box ({shown}) has no area to start from")
        rows, columns = sequence.frame(0).shape[:2]
        if not can_start(box, columns, rows):
            raise InputError(
                f"{sequence.name}: first box ({shown}) lies outside the picture, "
                f"{columns} x {rows} pixels"
            )
