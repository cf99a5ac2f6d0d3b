import cv2
import numpy as np
import pytest
import torch
from conftest import Recorded
from drawn_clips import CHANGED, PAIR, SIAMESE, clips, same

from datasets.loader import clip_loader
from datasets.sampling import ClipAugmentation


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_that_starts_later_gives_the_rest(footage, workers):
    dataset = clips(footage.sequences, looks=CHANGED)

    def batches(start):
        return list(clip_loader(dataset, 2, 4, start, 5, workers, False))

    cv2.resize(np.zeros((1000, 1000, 3), np.uint8), (3000, 3000))  # a pool of threads would hang
    whole, rest = batches(0), batches(3)
    assert len(whole) == 5 and len(rest) == 2
    assert all(same(a, b) for a, b in zip(whole[3:], rest, strict=True))
    assert same(whole[2], next(iter(clip_loader(dataset, 2, 4, 2, 3, 0, False))))
    assert same(whole[3], dataset.batch([(1, 2), (1, 3)]))
    for raw in whole:  # little things come by value
        assert raw.search_frames.pixels.is_shared() == bool(workers) and not raw.keys.is_shared()


def test_a_worker_has_one_thread():
    class Threads(Recorded):
        def frame(self, index):
            threads = 10 * cv2.getNumThreads() + torch.get_num_threads()
            return np.full((60, 60, 3), threads, np.uint8)

    sequence = Threads("threads", [], [[20.0, 20, 16, 16]] * 5)
    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    try:
        (raw,) = clip_loader(clips([sequence], PAIR, geometry=SIAMESE), 2, 4, 0, 1, 1, False)
    finally:
        cv2.setNumThreads(before)
    assert set(raw.search_frames.pixels.flatten().tolist()) == {0, 11}


def test_ranks_share_a_batch_without_overlap(footage):
    dataset = clips(footage.sequences)
    whole = list(clip_loader(dataset, 4, 8, 1, 4, 0, False))
    shares = [list(clip_loader(dataset, 4, 8, 1, 4, 0, False, rank, 2)) for rank in range(2)]
    for step, (first, second) in enumerate(zip(*shares, strict=True)):
        assert len(first) == len(second) == 2
        assert torch.cat([first.keys, second.keys]).tolist() == whole[step].keys.tolist()


@pytest.mark.parametrize("workers", [0, 1])
def test_clips_that_are_never_blurred_come_through_a_loader(footage, workers):
    dataset = clips(footage.sequences, looks=ClipAugmentation(brightness=0.2))
    (raw,) = clip_loader(dataset, 2, 4, 0, 1, workers, False)
    assert raw.looks.blurs is None
    assert raw.to("cpu").cut(dataset.geometry).searches.shape == (2, 2, 3, 63, 63)
