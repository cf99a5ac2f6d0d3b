"""Which frames a clip has, and how its crops are moved and changed: settings, and the draws."""

from bisect import bisect
from collections.abc import Sequence as Series
from dataclasses import dataclass

import numpy as np

from datasets.sequence import Part, Sequence
from ops.boxes import valid
from ops.errors import InputError, check_number, check_part


@dataclass(frozen=True)
class ClipSampling:
    """How frames are drawn, and how crops are moved against the target.

    Attributes:
        frames: N of one sequence; the first `templates` of them become templates, the last
            `searches` become searches (both may hold a frame). In order of time where the tracker
            wants that, otherwise backwards as often as forwards.
        max_gap: largest distance of two neighbouring frames, counted in those with a target.
        template_shift, search_shift: crops are shifted by up to this part of their side, uniformly,
            on each axis (64 px of 255 are 0.251).
        template_scale, search_scale: and show up to 1 + this times as much, or as little, on both
            axes alike.
        negatives: how many of the clips, 0 to 1, search in another sequence (DaSiamRPN).
    """

    frames: int
    templates: int
    searches: int
    max_gap: int
    template_shift: float
    template_scale: float
    search_shift: float
    search_scale: float
    negatives: float

    def __post_init__(self):
        check_number("clip.max_gap", self.max_gap, 1)
        for name in ("template_shift", "template_scale", "search_shift", "search_scale"):
            check_number(f"clip.{name}", getattr(self, name), 0, whole=False)
        for name in ("templates", "searches"):
            check_number(f"clip.{name}", getattr(self, name), 1)
        check_number("clip.frames", self.frames, max(self.templates, self.searches) + 1)
        check_part("clip.negatives", self.negatives)


@dataclass(frozen=True)
class ClipAugmentation:
    """How the looks of crops are changed (ops/augmentation.py); each is 0 to 1, and 0 is nothing.

    Attributes:
        brightness, contrast, saturation: of each crop, by factors of 1 - this to 1 + this.
        grey: how many of the clips lose their colour.
        blur: how many of the crops are blurred, with a sigma of 0.5 to 2 crop pixels.
        flip: how many of the clips are mirrored left to right.
    """

    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    grey: float = 0.0
    blur: float = 0.0
    flip: float = 0.0

    def __post_init__(self):
        for name, value in vars(self).items():
            check_part(f"augmentation.{name}", value)


@dataclass(frozen=True)
class Shot:
    """N frames of one sequence.

    Attributes:
        place: number of the sequence's part, and its own number in it.
        frames: (N,) indices.
    """

    place: tuple[int, int]
    sequence: Sequence
    frames: np.ndarray

    @property
    def times(self) -> np.ndarray:
        """(N,) when each was taken, in frames of the footage."""
        numbers = self.sequence.numbers
        return self.frames if numbers is None else numbers[self.frames]


class FrameSampler:
    """Draws frames for clips: a part by its weight, a sequence of it, N frames.

    Args:
        parts: what is drawn from, each with a weight above 0.
        frames, max_gap: see ClipSampling; a part may have a smaller gap of its own.
        in_order: whether frames always come in order of time.

    Raises InputError for a part from which nothing can be drawn.
    """

    def __init__(self, parts: Series[Part], frames: int, max_gap: int, in_order: bool):
        self.parts, self.frames, self.max_gap, self.in_order = parts, frames, max_gap, in_order
        for part in parts:
            if not any(len(self._usable(sequence)) for sequence in part.sequences):  # to the first
                raise InputError(
                    f"dataset {part.name}: no sequence has {frames} frames with a valid box"
                )
        weights = np.array([part.weight for part in parts], float)
        self._bounds = (np.cumsum(weights)[:-1] / weights.sum()).tolist()  # between the parts

    def draw(self, random: np.random.Generator) -> Shot:
        """N frames with a valid box, with gaps of 1 to max_gap between neighbours as far as there
        are frames; N times the one frame of a still picture."""
        usable = []
        while not len(usable):
            number = bisect(self._bounds, random.random()) if self._bounds else 0
            part = self.parts[number]
            index = int(random.integers(len(part.sequences)))
            sequence = part.sequences[index]
            usable = self._usable(sequence)
        if sequence.still:
            return Shot((number, index), sequence, usable.repeat(self.frames))
        most = self.max_gap if part.max_gap is None else min(self.max_gap, part.max_gap)
        most = min(most, (len(usable) - 1) // (self.frames - 1))
        gaps = random.integers(1, most + 1, self.frames - 1)
        positions = np.concatenate([[0], np.cumsum(gaps)])
        frames = usable[positions + random.integers(len(usable) - positions[-1])]
        backwards = not self.in_order and random.random() < 0.5
        return Shot((number, index), sequence, frames[::-1] if backwards else frames)

    def _usable(self, sequence: Sequence) -> np.ndarray:
        """The frames with a valid box, if they are enough for a clip."""
        frames = np.flatnonzero(valid(sequence.boxes))
        least = 1 if sequence.still else self.frames
        return frames if len(frames) >= least else frames[:0]
