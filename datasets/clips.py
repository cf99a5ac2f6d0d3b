"""Sequences -> training clips. Which clip is a pure function of (seed, epoch, index).

So workers, ranks and a resumed run cannot change what is seen: a loader only walks through the keys
of an epoch, from wherever it starts.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from datasets.sequence import Sequence
from ops.boxes import centers, from_centers, valid
from ops.clip import Clip, ClipGeometry
from ops.crop import Frames, crop, to_crop
from ops.errors import InputError, check_number


@dataclass(frozen=True)
class ClipSampling:
    """How frames are drawn, and how search crops are moved against the target.

    Attributes:
        frames: N, in order of time; the first `templates` of them become templates, the last
            `searches` become searches (both may hold a frame).
        max_gap: largest distance of two neighbouring frames, counted in those with a target.
        shift: search crops are shifted by up to this many target sides, uniformly, on each axis.
        scale: and scaled by a factor of up to 1 + this, or its inverse, on each axis alike.
    """

    frames: int
    templates: int
    searches: int
    max_gap: int = 10
    shift: float = 0.0
    scale: float = 0.0

    def __post_init__(self):
        check_number("clip.max_gap", self.max_gap, 1)
        check_number("clip.shift", self.shift, 0, whole=False)
        check_number("clip.scale", self.scale, 0, whole=False)
        for name in ("templates", "searches"):
            check_number(f"clip.{name}", getattr(self, name), 1)
        check_number("clip.frames", self.frames, max(self.templates, self.searches) + 1)


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
        frames = []
        while not len(frames):
            sequence = self.sequences[random.integers(len(self.sequences))]
            frames = self._usable(sequence)
        frames = frames[self._draw(len(frames), random)]
        pictures = [sequence.frame(index) for index in frames]
        boxes = torch.from_numpy(sequence.boxes[frames]).float()
        search_windows = self._search_windows(boxes[-self.sampling.searches :], random)
        return Clip(
            *self._templates(pictures, boxes),
            *_crops(
                pictures[-self.sampling.searches :],
                search_windows,
                boxes[-self.sampling.searches :],
                self.geometry.search_size,
            ),
        )

    def _draw(self, available: int, random: np.random.Generator) -> np.ndarray:
        """Positions of N frames in order, with gaps of 1 to max_gap as far as there are frames."""
        largest = min(self.sampling.max_gap, (available - 1) // (self.sampling.frames - 1))
        gaps = random.integers(1, largest + 1, self.sampling.frames - 1)
        positions = np.concatenate([[0], np.cumsum(gaps)])
        return positions + random.integers(available - positions[-1])

    def _templates(self, pictures: list[np.ndarray], boxes: Tensor) -> tuple[Tensor, Tensor]:
        boxes = boxes[: self.sampling.templates]
        windows = from_centers(centers(boxes), boxes[:, 2:] * self.geometry.template_factor)
        return _crops(pictures[: len(boxes)], windows, boxes, self.geometry.template_size)

    def _search_windows(self, boxes: Tensor, random: np.random.Generator) -> Tensor:
        """Windows (T, 4) around boxes (T, 4), shifted and scaled at random."""
        shifts = random.uniform(-self.sampling.shift, self.sampling.shift, (len(boxes), 2))
        limit = np.log1p(self.sampling.scale)
        scales = np.exp(random.uniform(-limit, limit, (len(boxes), 1)))
        center = centers(boxes) + torch.from_numpy(shifts).float() * boxes[:, 2:]
        size = boxes[:, 2:] * self.geometry.search_factor * torch.from_numpy(scales).float()
        return from_centers(center, size)


def _crops(
    pictures: list[np.ndarray], windows: Tensor, boxes: Tensor, size: int
) -> tuple[Tensor, Tensor]:
    """uint8 crops (N, 3, S, S), one of each picture, and the boxes (N, 4) in them."""
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
