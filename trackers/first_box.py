"""The baseline that every tracker must beat: the target stays where it was first seen."""

from dataclasses import dataclass

from torch import Tensor

from ops.crop import Frames
from trackers.base import Tracker


@dataclass
class FirstBoxMemory:
    boxes: Tensor  # (B, 4)


class FirstBox(Tracker):
    """Keeps the first box."""

    def init(self, frames: Frames, boxes: Tensor) -> FirstBoxMemory:
        return FirstBoxMemory(boxes)

    def update(self, frames: Frames, memory: FirstBoxMemory):
        return memory, memory.boxes, memory.boxes.new_ones(len(memory.boxes))
