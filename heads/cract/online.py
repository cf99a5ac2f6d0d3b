"""How CRACT's discriminator is learned while a target is tracked (section 3.4)."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from heads.cract.discriminator import Discriminator, full_precision
from heads.cract.memory import SampleMemory, on_device
from heads.cract.pooling import PRoIAlign
from heads.cract.samples import draw_negatives, draw_positives
from ops.errors import InputError, check_number
from ops.random import derive


@dataclass
class OnlineMemory:
    """Of B targets.

    Attributes:
        keys: (B,) int64 of all random draws.
        frames: (B,) tracked so far.
        discriminator, samples: see there.
    """

    keys: Tensor
    frames: Tensor
    discriminator: Discriminator
    samples: SampleMemory


@dataclass(frozen=True)
class OnlineLearning:
    """When, from what and how long the discriminator learns.

    The first frame's samples train all of it. Every `interval` frames, samples are collected if the
    target was found for sure, and both fc learn from the long memory; in a frame where it was not,
    they learn from the short memory (MDNet). Decision: sure is a score of Eq. 10 above 0.5. Both
    memories count frames in which samples could be collected, as MDNet's do.

    Attributes:
        first_samples: positives and negatives of the first frame.
        samples: n+ and n-, of a collection, and of the first frame as many are kept.
        interval: K, in frames.
        long_frames, short_frames: length of the memories; of negatives there is a short one only.
        first_iterations: of Gauss-Newton in the first frame, and of conjugate gradients in each.
        iterations: of conjugate gradients in an update.
        regularization: lambda of Eq. 8. Decision: the samples' weights there are equal and sum to
            1, so that it means the same for any number of them.
        hard_negatives: how many times n- are drawn, of which those of the highest scores are kept.
    """

    first_samples: tuple[int, int] = (200, 1000)
    samples: tuple[int, int] = (50, 200)
    interval: int = 10
    long_frames: int = 100
    short_frames: int = 20
    first_iterations: tuple[int, int] = (6, 10)
    iterations: int = 5
    regularization: float = 1e-4
    hard_negatives: int = 2

    def __post_init__(self):
        for name in ("interval", "iterations", "hard_negatives"):
            check_number(f"tracking.{name}", getattr(self, name), 1)
        for name in ("samples", "first_samples", "first_iterations"):
            if len(values := getattr(self, name)) != 2:
                raise InputError(f"tracking.{name}={list(values)}: expected two numbers")
            for value in values:
                check_number(f"tracking.{name}", value, 1)
        check_number("tracking.regularization", self.regularization, 0, whole=False)
        for name in ("long_frames", "short_frames"):
            check_number(f"tracking.{name}", getattr(self, name), 1)
        self._check_order("first_samples", "samples")
        self._check_order("short_frames", "interval")
        self._check_order("long_frames", "short_frames")

    def _check_order(self, more: str, fewer: str) -> None:
        """Raise InputError where one setting is below another that it must not be below."""
        large, small = (np.asarray(getattr(self, name)) for name in (more, fewer))
        if (large < small).any():
            raise InputError(
                f"tracking.{more}={large.tolist()}: expected no less than "
                f"tracking.{fewer}={small.tolist()}"
            )

    def start(
        self, keys: Tensor, maps: Tensor, boxes: Tensor, pool: PRoIAlign, crop_size: int
    ) -> OnlineMemory:
        """Learn targets at boxes (B, 4) in search crop pixels, on maps (B, C, H, W), in float32.

        At the paper's size this takes about 160 MB a target for as long as it lasts: 1200 samples
        of 46 x 256 numbers, and as many Jacobians of 64 x 256.
        """
        positives, negatives = self.first_samples
        with full_precision(maps.device):
            drawn = [
                draw_positives(derive(keys, 1), boxes, positives),
                draw_negatives(derive(keys, 2), boxes, negatives, 0.5, crop_size),
            ]
            # (B, M, P, C)
            features = pool(maps, torch.cat(drawn, 1), crop_size).mT.contiguous()
            labels = (torch.arange(features.shape[1], device=keys.device) < positives).float()
            labels = labels.expand(len(keys), -1)
            discriminator = Discriminator.draw(derive(keys, 0), maps.shape[1], pool.cells).learn(
                features, labels, self.regularization, *self.first_iterations
            )
            samples = SampleMemory.start(
                discriminator.project(features[:, : self.samples[0]]),
                discriminator.project(features[:, positives : positives + self.samples[1]]),
                self.long_frames // self.interval,
                self.short_frames // self.interval,
            )
        return OnlineMemory(keys, torch.zeros_like(keys), discriminator, samples)

    def step(
        self,
        memory: OnlineMemory,
        maps: Tensor,
        boxes: Tensor,
        scores: Tensor,
        pool: PRoIAlign,
        crop_size: int,
    ) -> OnlineMemory:
        """Collect and learn what is due in targets that were found at boxes (B, 4) with scores
        (B,); only their rows are worked on, and no other changes. In float32.

        Which rows these are decides what is computed at all, so the device is waited for once, to
        read three numbers a target; beside this one, only the read of the boxes waits for it.
        """
        memory = replace(memory, frames=memory.frames + 1)
        numbers = (scores > 0.5).long(), memory.frames, memory.samples.collected
        sure, frames, collected = torch.stack(numbers).tolist()  # the read
        due = [frame % self.interval == 0 for frame in frames]
        collecting = [row for row, now in enumerate(due) if now and sure[row]]
        learning = [row for row, now in enumerate(due) if now or not sure[row]]
        with full_precision(maps.device):
            if collecting:
                rows = on_device(collecting, maps.device)
                found = self._collect(memory, rows, maps[rows], boxes[rows], pool, crop_size)
                memory = replace(memory, samples=memory.samples.collect(rows, *found))
            if learning:
                rows = on_device(learning, maps.device)
                samples = memory.samples.training_set(
                    learning,
                    [bool(sure[row]) for row in learning],
                    [collected[row] + (row in collecting) for row in learning],
                )
                learned = memory.discriminator.select(rows).update(
                    *samples, self.regularization, self.iterations
                )
                memory = replace(memory, discriminator=memory.discriminator.put(rows, learned))
        return memory

    def _collect(
        self,
        memory: OnlineMemory,
        rows: Tensor,
        maps: Tensor,
        boxes: Tensor,
        pool: PRoIAlign,
        crop_size: int,
    ) -> tuple[Tensor, Tensor]:
        """Projected positives (R, n+, F) and hard negatives (R, n-, F) of the targets `rows`."""
        keys = derive(memory.keys[rows], memory.frames[rows])
        positives, negatives = self.samples
        drawn = [
            draw_positives(derive(keys, 1), boxes, positives),
            draw_negatives(derive(keys, 2), boxes, self.hard_negatives * negatives, 0.3, crop_size),
        ]
        discriminator = memory.discriminator.select(rows)
        pooled = pool(discriminator.reduce(maps.float()), torch.cat(drawn, 1), crop_size)
        projected = discriminator.rectify(pooled)
        positives, others = projected[:, :positives], projected[:, positives:]
        hardest = discriminator.score(others).topk(negatives).indices
        return positives, others.take_along_dim(hardest[..., None], 1)
