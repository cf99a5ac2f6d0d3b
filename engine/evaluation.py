"""The evaluation loop: many protocols at once, their requests grouped into batches."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from benchmarks.protocols import Protocol, Start, Track, find_protocol
from datasets.sequence import Sequence
from ops.boxes import valid
from ops.crop import Frames
from ops.errors import InputError, check_number
from trackers.base import Tracker, join, select


@dataclass
class Slot:
    """One sequence on its way."""

    sequence: Sequence
    protocol: Protocol
    request: Start | Track
    row: int = -1  # of the memory, once it was started
    pictures: dict[int, Future] = field(default_factory=dict)  # frames being read


class Evaluation:
    """Drives B sequences at a time through a tracker, refilling slots as sequences end.

    Each round every slot has one request; all `Start`s make one batch and all `Track`s another.
    What a sequence gets does not depend on the sequences beside it, beyond float rounding.

    Args:
        tracker: in eval mode, on `device`.
        batch_size: B, the most targets at a time.
        protocol: a name in benchmarks.protocols.
        on_round: called after each round with the number of frames tracked in it.
    """

    def __init__(
        self,
        tracker: Tracker,
        batch_size: int = 8,
        protocol: str = "ope",
        device: torch.device | str = "cpu",
        on_round: Callable[[int], Any] = lambda frames: None,
    ):
        check_number("evaluation.batch_size", batch_size, 1)
        self.tracker, self.batch_size, self.device = tracker, batch_size, device
        self.protocol, self.on_round = find_protocol(protocol), on_round

    def run(self, sequences: Iterable[Sequence]) -> Iterator[tuple[Sequence, np.ndarray]]:
        """Yields (sequence, what its protocol returned) as each ends."""
        waiting, slots, memory = iter(sequences), [], None
        with ThreadPoolExecutor(max_workers=2) as readers:
            while True:
                while len(slots) < self.batch_size and (sequence := next(waiting, None)):
                    protocol = self.protocol(sequence.boxes)
                    slots.append(Slot(sequence, protocol, next(protocol)))
                if not slots:
                    return
                for slot in slots:
                    _read_ahead(slot, readers)
                slots, memory, boxes = self._round(slots, memory)
                self.on_round(len(slots))
                running = []
                for slot, box in zip(slots, boxes, strict=True):
                    try:
                        slot.request = slot.protocol.send(box)
                        running.append(slot)
                    except StopIteration as end:
                        yield slot.sequence, end.value
                slots = running

    def _round(self, slots: list[Slot], memory: Any) -> tuple[list[Slot], Any, np.ndarray]:
        """Serve one request of each slot: (slots in the memory's new order, memory, boxes)."""
        tracking = [slot for slot in slots if isinstance(slot.request, Track)]
        starting = [slot for slot in slots if isinstance(slot.request, Start)]
        boxes, memories = [], []
        if tracking:
            rows = torch.tensor([slot.row for slot in tracking], device=self.device)
            memory, found, _ = self.tracker.update(self._frames(tracking), select(memory, rows))
            memories.append(memory)
            boxes.append(found.double().cpu().numpy())
        if starting:
            given = np.stack([slot.request.box for slot in starting])
            start = torch.from_numpy(given).float().to(self.device)
            memories.append(self.tracker.init(self._frames(starting), start))
            boxes.append(given)
        slots = tracking + starting
        for row, slot in enumerate(slots):
            slot.row = row
        return slots, join(memories) if len(memories) > 1 else memories[0], np.concatenate(boxes)

    def _frames(self, slots: list[Slot]) -> Frames:
        pictures = [slot.pictures.pop(slot.request.frame).result() for slot in slots]
        return Frames.stack(pictures, self.device)


def _read_ahead(slot: Slot, readers: ThreadPoolExecutor) -> None:
    """Have the requested frame and the next one read while the tracker is at work."""
    wanted = range(slot.request.frame, min(slot.request.frame + 2, len(slot.sequence)))
    for index in [index for index in slot.pictures if index not in wanted]:
        del slot.pictures[index]
    for index in wanted:
        if index not in slot.pictures:
            slot.pictures[index] = readers.submit(slot.sequence.frame, index)


def check_starts(sequences: Iterable[Sequence]) -> None:
    """Raise InputError for a sequence whose first box is no place to start a tracker."""
    for sequence in sequences:
        x, y, width, height = box = sequence.boxes[0]
        shown = ", ".join(f"{value:g}" for value in box)
        if not valid(box):
            raise InputError(f"{sequence.name}: first box ({shown}) has no area to start from")
        rows, columns = sequence.frame(0).shape[:2]
        if x + width <= 0 or y + height <= 0 or x >= columns or y >= rows:
            raise InputError(
                f"{sequence.name}: first box ({shown}) lies outside the picture, "
                f"{columns} x {rows} pixels"
            )
