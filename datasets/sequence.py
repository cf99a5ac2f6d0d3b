"""What every source of footage is read as: sequences of frames with one box a frame."""

from collections.abc import Mapping
from collections.abc import Sequence as Series
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np

from ops.errors import InputError


class Sequence:
    """One target followed through one piece of footage.

    Attributes:
        name: unique within its dataset, usable as a file name.
        boxes: (N, 4) float64, x, y, w, h in 0-based continuous pixels (ops/boxes.py); NaN where
            the target is absent.
        attributes: names of the challenges in it ("occlusion", ...), possibly none.

    What only some benchmarks annotate (benchmarks/truth.py says more):

    Attributes:
        absent: (N,) bool, frames flagged as showing no target (LaSOT), or None.
        cover: (N,) visible share of the target in eighths (GOT-10k), or None.
        polygons: (N, 8) corners as VOT's files have them, x, y, w, h and NaN for a box; or None.
        tags: name -> (N,) bool, challenges frame by frame (VOT).
        picture_size: (width, height) where it is known without a look at a picture, or None.

    What only training asks for:

    Attributes:
        numbers: (N,) int, when each frame was taken, in frames of the footage, or None where frames
            follow one another.
        still: whether it is a still picture, of one frame, from which clips are made all the same.
        generated: whether it is made from the dataset's config, rather than read from somewhere.
    """

    name: str
    boxes: np.ndarray
    attributes: tuple[str, ...] = ()
    absent: np.ndarray | None = None
    cover: np.ndarray | None = None
    polygons: np.ndarray | None = None
    tags: Mapping[str, np.ndarray] = MappingProxyType({})
    picture_size: tuple[int, int] | None = None
    numbers: np.ndarray | None = None
    still: bool = False
    generated: bool = False

    def __len__(self) -> int:
        return len(self.boxes)

    def frame(self, index: int) -> np.ndarray:
        """Frame `index` as (H, W, 3) uint8 RGB. Raises ops.errors.InputError if unreadable."""
        raise NotImplementedError

    def reduced_frame(self, index: int, most: float) -> tuple[np.ndarray, int]:
        """Frame `index` as small as its file can be decoded at once, 1/2, 1/4 or 1/8 of its size
        but not below 1/most of it, and by what it is reduced: a point (x, y) of the frame lies at
        (x, y) / reduction. In full, with 1, where there is no such way to decode it."""
        return self.frame(index), 1

    def check_pictures(self) -> None:
        """Raise ops.errors.InputError where pictures are missing; scoring needs none."""


@dataclass(frozen=True)
class VOTRules:
    """What changed from year to year of VOT.

    Attributes:
        eao_interval: (low, high) lengths over which the expected overlap is averaged.
        bounded: whether overlap is taken inside the picture alone.
        legacy: whether regions are rasterised as the toolkit did at first (2015).
        note: what a report must say of them, or None.
    """

    eao_interval: tuple[int, int]
    bounded: bool = True
    legacy: bool = False
    note: str | None = None


@dataclass(frozen=True)
class Part:
    """What training draws from, beside other parts.

    Attributes:
        name: "vid".
        sequences: each is drawn as often as the others.
        weight: how often this part is drawn, relative to the others' weights.
        max_gap: largest distance of two neighbouring frames of a clip, counted in those with a
            target; None leaves it to the tracker.
    """

    name: str
    sequences: Series[Sequence]
    weight: float = 1.0
    max_gap: int | None = None


@dataclass
class Dataset:
    """A named list of sequences, and how they are scored.

    Attributes:
        name: as reports call it: "OTB-2015".
        split: "train", "val" or "test": training and searches refuse "test".
        convention: the default of benchmarks.conventions.
        part: which part was taken (a selection of sequences, a cut in length), None for the whole;
            reports repeat it.
        protocols: names in benchmarks.protocols, the default first.
        origin: what result files call the left edge of the first pixel: 0, or 1 as in MATLAB.
        server: who scores it ("got10k", "trackingnet") where the truth is not public, or None.
        vot: what VOT's rules leave to the year, or None for other benchmarks.
        mixture: the parts of a mixture, whose sequences these are one after another; empty for a
            dataset that is drawn from as one.
    """

    name: str
    split: str
    sequences: Series[Sequence]
    convention: str = "matlab_otb"
    part: str | None = None
    protocols: tuple[str, ...] = ("ope",)
    origin: float = 0.0
    server: str | None = None
    vot: VOTRules | None = None
    mixture: tuple[Part, ...] = ()

    def __post_init__(self):
        if self.split not in ("train", "val", "test"):
            raise InputError(f"dataset.split={self.split}: expected train, val or test")

    @cached_property
    def by_name(self) -> dict[str, Sequence]:
        """The sequences by name."""
        return {sequence.name: sequence for sequence in self.sequences}

    @property
    def parts(self) -> tuple[Part, ...]:
        """What training draws from: those of the mixture, or all as one."""
        return self.mixture or (Part(self.name, self.sequences),)
