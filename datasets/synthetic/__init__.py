"""Synthetic footage: sequences made from a seed, the same on every machine.

    dataset = synthetic(split="test")
    dataset.sequences[3].frame(17)

Textured, articulated and bending figures move over painted scenery seen by a moving camera, under
the challenges that OTB names; see script.py for the plan, cast.py for the others in it, labels.py
for the truth, render.py for the drawing, record.py for what the camera makes of it.
"""

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

import numpy as np

from datasets.sequence import Dataset, Sequence
from datasets.synthetic.draws import Random
from datasets.synthetic.labels import attributes, clipped_boxes
from datasets.synthetic.noise import noise
from datasets.synthetic.render import frame, grain
from datasets.synthetic.scenery import Scenery, scenery
from datasets.synthetic.script import CHALLENGES, Script, script, unit_of
from datasets.synthetic.textures import Fields
from ops.errors import InputError, check_number

COUNTS = {"train": 1000, "val": 16, "test": 24}
MAKE = 3  # part of every seed; a change of the generator that changes pixels raises it


class Stage:
    """What a sequence is drawn from; rebuilt from the seed whenever it is not at hand.

    Args:
        script: the plan, which is all that boxes need.
        paint: what makes the scenery and a tile of the camera's noise, asked once they are needed.
    """

    def __init__(self, script: Script, paint: Callable[[], tuple[Scenery, np.ndarray]]):
        self.script = script
        self._paint: Callable[[], tuple[Scenery, np.ndarray]] | None = paint
        self._painted: tuple[Scenery, np.ndarray] | None = None
        self._painting = Lock()  # frames are asked for by several threads

    @property
    def scenery(self) -> Scenery:
        return self._finished()[0]

    @property
    def noise(self) -> np.ndarray:
        return self._finished()[1]

    def _finished(self) -> tuple[Scenery, np.ndarray]:
        with self._painting:
            if self._painted is None:
                self._painted, self._paint = self._paint(), None  # and what it was painted from
        return self._painted


class StageCache:
    """The stages used last, shared by the sequences of a dataset; pickled empty."""

    def __init__(self, capacity: int):
        self.capacity = capacity
        self._stages: OrderedDict[tuple, Stage] = OrderedDict()
        self._lock = Lock()

    def get(self, key: tuple, build: Callable[[], Stage]) -> Stage:
        with self._lock:
            stage = self._stages.pop(key, None) or build()
            self._stages[key] = stage
            while len(self._stages) > self.capacity:
                self._stages.popitem(last=False)
            return stage

    def __reduce__(self):
        return StageCache, (self.capacity,)


class SyntheticSequence(Sequence):
    """One target through one made-up piece of footage.

    Frames are a pure function of (seed, split, index, size, length, frame number). Boxes are of the
    whole target, hidden parts included, clipped to the picture, and NaN where nothing of it is in
    the picture. The first frame shows all of it.
    """

    generated = True

    def __init__(
        self,
        split: str,
        index: int,
        length: int,
        size: tuple[int, int],
        seed: int,
        cache: StageCache,
    ):
        self.name = f"{split}_{index:04d}"
        self.length, self.size = length, size
        self._key = (MAKE, seed, list(COUNTS).index(split), index)
        self._cache = cache
        self._boxes: np.ndarray | None = None
        self._attributes: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return self.length

    @property
    def boxes(self) -> np.ndarray:
        if self._boxes is None:
            self._boxes = clipped_boxes(self.stage().script.target, self.size)
        return self._boxes

    @property
    def attributes(self) -> tuple[str, ...]:
        if self._attributes is None:
            stage = self.stage()
            self._attributes = attributes(stage.script, self.size, stage.scenery.kin)
        return self._attributes

    def frame(self, index: int) -> np.ndarray:
        """Frame `index` as (H, W, 3) uint8 RGB."""
        if not 0 <= index < self.length:
            raise IndexError(f"{self.name} has frames 0 to {self.length - 1}, not {index}")
        stage = self.stage()
        return frame(stage.script, stage.scenery.picture, stage.noise, index)

    def stage(self) -> Stage:
        """The script and the textures, from the cache where they are still there."""
        return self._cache.get((self._key, self.length, self.size), self._build)

    def _build(self) -> Stage:
        width, height = self.size
        wide, high = 2 * width, height * 8 // 5
        random = Random(*self._key, 0)
        fields = Fields(noise(random, high, wide, 0.55), noise(random, high, wide, 0.95))
        light = (random.uniform(-0.9, 0.9), random.uniform(-0.9, -0.3))
        lead = list(CHALLENGES)[self._key[-1] % len(CHALLENGES)]  # each takes its turn
        plan = script(
            Random(*self._key, 1), lead, self.length, self.size, (wide, high), fields, light
        )

        def paint() -> tuple[Scenery, np.ndarray]:
            scene = Random(*self._key, 2)
            kin, side = [], 0.0
            spots = plan.camera.to_scenery(plan.target.centre)
            if "background clutter" in plan.planned:
                kin = plan.target.figure.materials
                side = float(np.sqrt(plan.target.figure.half[0] * plan.target.figure.half[1]))
            unit = unit_of(self.size)
            painted = scenery(scene, wide, high, unit, fields, light, kin, side, spots)
            return painted, grain(Random(*self._key, 3), height + 64, width + 64, plan.record.grain)

        return Stage(plan, paint)


def synthetic(
    split: str = "train",
    count: int | None = None,
    length: int | None = None,
    size: tuple[int, int] = (320, 240),
    seed: int = 0,
    cache: int = 16,
) -> Dataset:
    """A dataset of `count` sequences of frames of size (W, H).

    Args:
        split: "train", "val" or "test"; their seeds never meet.
        count: number of sequences, by default 1000, 16 and 24.
        length: frames of each sequence; by default 60 to 100, drawn from the seed.
        size: width and height of the frames, 64 pixels at least.
        seed: another seed is another dataset.
        cache: for how many sequences the textures are kept (about 2 MB each at 320 x 240).

    Raises InputError for an unknown split or a number out of range.
    """
    if split not in COUNTS:
        raise InputError(f"dataset.split={split}: expected one of {', '.join(COUNTS)}")
    count = COUNTS[split] if count is None else count
    sides = list(size) if isinstance(size, list | tuple) else []
    if len(sides) != 2 or not all(isinstance(s, int) and 64 <= s <= 8192 for s in sides):
        raise InputError(f"dataset.size={size}: expected [width,height] of 64 to 8192 each")
    size = (sides[0], sides[1])
    for name, value, least in (
        ("count", count, 1),
        ("length", length, 1),
        ("seed", seed, 0),
        ("cache", cache, 1),
    ):
        if value is not None or name == "cache":
            check_number(f"dataset.{name}", value, least)
    stages = StageCache(cache)
    number = list(COUNTS).index(split)
    sequences = []
    for index in range(count):
        frames = length
        if frames is None:
            frames = Random(MAKE, seed, number, index, 9).integer(60, 101)
        sequences.append(SyntheticSequence(split, index, frames, size, seed, stages))
    return Dataset("synthetic", split, sequences)
