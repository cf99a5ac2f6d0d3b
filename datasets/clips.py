"""Sequences -> training clips. Which clip is a pure function of (seed, epoch, index).

So workers, ranks and a resumed run cannot change what is seen: a loader only walks through the keys
of an epoch, from wherever it starts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from datasets.sequence import Sequence
from ops.boxes import valid
from ops.clip import Clip, ClipGeometry
from ops.crop import Frames, crop, to_crop
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


class ClipDataset:
    """Clips of sequences, addressed by (epoch, index)."""

    def __init__(
        self,
        sequences: list[Sequence],
        geometry: ClipGeometry,
        sampling: ClipSampling,
        seed: int = 0,
    ):
        self.geometry, self.sampling, self.seed = geometry, sampling, seed
        in_order = sampling.templates == sampling.searches == sampling.frames - 1
        if geometry.in_order and not in_order:
            raise InputError(
                f"clip.frames={sampling.frames}: this tracker searches the frame after each "
                f"template, clip.templates and clip.searches are to be {sampling.frames - 1}"
            )
        self.sequences = sequences
        if not any(len(self._usable(sequence)) for sequence in sequences):  # stops at the first
            raise InputError(f"dataset: no sequence has {sampling.frames} frames with a valid box")

    def _usable(self, sequence: Sequence) -> np.ndarray:
        """The frames with a valid box, if they are enough for a clip."""
        frames = np.flatnonzero(valid(sequence.boxes))
        return frames if len(frames) >= self.sampling.frames else frames[:0]

    def __getitem__(self, key: tuple[int, int]) -> Clip:
        random = np.random.default_rng((self.seed, *key))
        sequence, frames = self._frames(random)
        templates = frames[: self.sampling.templates]
        shown, searches, matches = sequence, frames[-self.sampling.searches :], True
        if random.random() < self.sampling.negatives:
            other, found = self._frames(random)
            if other is not sequence:  # there may be no other
                shown, searches, matches = other, found[-self.sampling.searches :], False
        distances = np.abs(searches - templates[0]) if matches else np.zeros(len(searches))
        read = cache(lambda sequence, index: sequence.frame(index))  # once, if in both
        sampling, geometry = self.sampling, self.geometry
        return Clip(
            *self._crops(
                [read(sequence, index) for index in templates],
                sequence.boxes[templates],
                geometry.template_size,
                (geometry.template_factor, sampling.template_shift, sampling.template_scale),
                random,
            ),
            *self._crops(
                [read(shown, index) for index in searches],
                shown.boxes[searches],
                geometry.search_size,
                (geometry.search_factor, sampling.search_shift, sampling.search_scale),
                random,
            ),
            torch.from_numpy(distances).float(),
            torch.full((len(searches),), matches),
        )

    def _frames(self, random: np.random.Generator) -> tuple[Sequence, np.ndarray]:
        """A sequence and the indices of N of its frames, with gaps of 1 to max_gap as far as there
        are frames."""
        usable = []
        while not len(usable):
            sequence = self.sequences[random.integers(len(self.sequences))]
            usable = self._usable(sequence)
        largest = min(self.sampling.max_gap, (len(usable) - 1) // (self.sampling.frames - 1))
        gaps = random.integers(1, largest + 1, self.sampling.frames - 1)
        positions = np.concatenate([[0], np.cumsum(gaps)])
        frames = usable[positions + random.integers(len(usable) - positions[-1])]
        backwards = not self.geometry.in_order and random.random() < 0.5
        return sequence, frames[::-1] if backwards else frames

    def _crops(
        self,
        pictures: list[np.ndarray],
        boxes: np.ndarray,
        size: int,
        moves: tuple[float, float, float],
        random: np.random.Generator,
    ) -> tuple[Tensor, Tensor]:
        """uint8 crops (N, 3, S, S), one of each picture, and the boxes (N, 4) in them.

        `moves` are the factor of the window, and by how much it is shifted and scaled at random.
        """
        factor, shift, scale = moves
        boxes = torch.from_numpy(boxes).float()
        limit = np.log1p(scale)
        scales = torch.from_numpy(np.exp(random.uniform(-limit, limit, (len(boxes), 1)))).float()
        shifts = torch.from_numpy(random.uniform(-shift, shift, (len(boxes), 2))).float()
        windows = self.geometry.windows(boxes, factor * scales)
        windows[:, :2] += shifts * windows[:, 2:]
        crops = [
            crop(Frames.stack([picture]), window.view(1, 1, 4), size)[0, 0]
            for picture, window in zip(pictures, windows, strict=True)
        ]
        return torch.stack(crops).round().clamp(0, 255).byte(), to_crop(boxes, windows, size)


class Keys:
    """The keys (epoch, index) of a run's clips, from a position on; a sampler for DataLoader."""

    def __init__(self, clips_per_epoch: int, start: int, stop: int):
        self.clips_per_epoch, self.start, self.stop = clips_per_epoch, start, stop

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return (divmod(clip, self.clips_per_epoch) for clip in range(self.start, self.stop))

    def __len__(self) -> int:
        return self.stop - self.start


def clip_loader(
    clips: ClipDataset,
    batch_size: int,
    clips_per_epoch: int,
    start_step: int,
    stop_step: int,
    workers: int,
    pin_memory: bool,
) -> DataLoader:
    """Batches of the steps [start_step, stop_step) of a run, over all its epochs."""
    return DataLoader(
        clips,
        batch_size=batch_size,
        sampler=Keys(clips_per_epoch, start_step * batch_size, stop_step * batch_size),
        collate_fn=Clip.collate,
        num_workers=workers,
        worker_init_fn=_one_thread,
        pin_memory=pin_memory,
        prefetch_factor=4 if workers else None,
        generator=torch.Generator(),  # or it would draw from the global one, at every start
    )


def _one_thread(worker: int) -> None:
    """Workers are parallel to each other; threads inside them would fight."""
    torch.set_num_threads(1)
