"""What every source of footage is read as: sequences of frames with one box a frame."""

from dataclasses import dataclass, field

import numpy as np

from ops.errors import InputError


class Sequence:
    """One target followed through one piece of footage.

    Attributes:
        name: unique within its dataset, usable as a file name.
        boxes: (N, 4) float64, x, y, w, h in 0-based continuous pixels (ops/boxes.py); NaN where
            the target is absent.
        attributes: names of the challenges in it ("occlusion", ...), possibly none.
    """

    name: str
    boxes: np.ndarray
    attributes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.boxes)

    def frame(self, index: int) -> np.ndarray:
        """Frame `index` as (H, W, 3) uint8 RGB. Raises ops.errors.InputError if unreadable."""
        raise NotImplementedError


@dataclass
class Dataset:
    """A named list of sequences.

    `split` is "train", "val" or "test": training and searches refuse "test". `part` says which
    part was taken (a selection of sequences, a cut in length), None for the whole; reports repeat
    it.
    """

    name: str
    split: str
    sequences: list[Sequence]
    convention: str = "matlab_otb"
    part: str | None = None
    by_name: dict[str, Sequence] = field(init=False, repr=False)

    def __post_init__(self):
        if self.split not in ("train", "val", "test"):
            raise InputError(f"dataset.split={self.split}: expected train, val or test")
        self.by_name = {sequence.name: sequence for sequence in self.sequences}
