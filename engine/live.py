"""A tracker run live: one target, picture after picture.

This is what track.py draws into a video, and what other people's toolkits drive (engine/bridges).
"""

from collections.abc import Sequence

import numpy as np
import torch

from ops.boxes import can_start
from ops.crop import Frames
from ops.errors import InputError
from trackers.base import Tracker


class LiveTracker:
    """Follows one target (B = 1) and remembers it between calls.

    Args:
        tracker: any; it is moved to the device and set to eval mode.
        device: where it runs.
    """

    def __init__(self, tracker: Tracker, device: torch.device | str = "cpu"):
        self.tracker = tracker.to(device, memory_format=torch.channels_last).eval()
        self.device, self.seed = device, tracker.seed
        self.memory = None

    def init(self, picture: np.ndarray, box: Sequence[float], repetition: int = 0) -> None:
        """Start, or start again, on a target.

        Args:
            picture: (H, W, 3) uint8 RGB.
            box: x, y, w, h of the target in it (ops/boxes.py).
            repetition: r draws with seed + r, as in engine/evaluation.py.

        Raises InputError for a box without area inside the picture.
        """
        start = torch.tensor([check_box(box, picture)], device=self.device)
        if self.seed is not None:
            self.tracker.seed = self.seed + repetition
        self.memory = self.tracker.init(Frames.stack([picture], self.device), start)

    def update(self, picture: np.ndarray) -> tuple[np.ndarray, float]:
        """Box (4,) float64 of the target in the next picture (H, W, 3) uint8 RGB, and its score."""
        frames = Frames.stack([picture], self.device)
        self.memory, boxes, scores = self.tracker.update(frames, self.memory)
        return boxes[0].double().cpu().numpy(), scores.item()


def check_box(box: Sequence[float] | None, picture: np.ndarray) -> list[float]:
    """The box as four floats, if it can be tracked in this picture. Raises InputError if not."""
    height, width = picture.shape[:2]
    numbers = list(box) if hasattr(box, "__len__") else []
    if len(numbers) != 4 or not all(isinstance(v, (int, float)) for v in numbers):
        raise InputError(f"box={box}: expected box=[x,y,w,h] in pixels, of {width} x {height}")
    box = [float(value) for value in box]
    if not can_start(np.array(box), width, height):
        raise InputError(f"box={box}: no area inside the first frame, {width} x {height} pixels")
    return box
