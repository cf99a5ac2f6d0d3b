"""Batches of clips for a run, or for one of its ranks, read by any number of processes."""

import signal
from collections.abc import Iterator

import cv2
import torch
from torch.utils.data import DataLoader

from datasets.clips import ClipDataset
from datasets.pictures import tune_malloc
from ops.clip import RawClips


class BatchKeys:
    """The keys (epoch, index) of each batch of a run, from a step on; a batch sampler.

    A step takes batch_size clips after those of the step before, and each of `ranks` the same
    number of them one after another.
    """

    def __init__(
        self,
        batch_size: int,
        clips_per_epoch: int,
        start_step: int,
        stop_step: int,
        rank: int = 0,
        ranks: int = 1,
    ):
        self.batch_size, self.clips_per_epoch = batch_size, clips_per_epoch
        self.start_step, self.stop_step = start_step, stop_step
        self.share = batch_size // ranks
        self.first = rank * self.share

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        for step in range(self.start_step, self.stop_step):
            first = step * self.batch_size + self.first
            yield [divmod(clip, self.clips_per_epoch) for clip in range(first, first + self.share)]

    def __len__(self) -> int:
        return self.stop_step - self.start_step


def clip_loader(
    clips: ClipDataset,
    batch_size: int,
    clips_per_epoch: int,
    start_step: int,
    stop_step: int,
    workers: int,
    pin_memory: bool,
    rank: int = 0,
    ranks: int = 1,
) -> DataLoader:
    """RawClips of the steps [start_step, stop_step) of a run, over all its epochs.

    `batch_size` clips make a step, of which each of `ranks` processes gets its own part, as large
    as the others'. With `workers` 0 the calling process reads them itself, and keeps memory as a
    worker does.
    """
    if not workers:
        tune_malloc()
    return DataLoader(
        clips,
        batch_sampler=BatchKeys(batch_size, clips_per_epoch, start_step, stop_step, rank, ranks),
        collate_fn=_as_it_is,
        num_workers=workers,
        worker_init_fn=_start_worker,
        pin_memory=pin_memory,
        prefetch_factor=4 if workers else None,
        generator=torch.Generator(),  # or it would draw from the global one, at every start
    )


def _as_it_is(clips: RawClips) -> RawClips:
    return clips


def _start_worker(worker: int) -> None:
    """Workers are parallel to each other; threads inside them would fight. Torch has but one there
    of itself. Ctrl-C is for the process that started them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(0)
    tune_malloc()
