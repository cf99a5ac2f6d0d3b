"""What a sequence is drawn from is made once, as late as can be, and not for ever."""

import pickle
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

import datasets.synthetic as synthetic_module
from datasets.synthetic import synthetic


def test_pickling_leaves_the_textures_behind():
    dataset = synthetic("val", count=2, length=5, size=(160, 120))
    expected = [sequence.frame(3) for sequence in dataset.sequences]
    stored = pickle.dumps(dataset)
    assert len(stored) < 20_000
    for sequence, picture in zip(pickle.loads(stored).sequences, expected, strict=True):
        np.testing.assert_array_equal(sequence.frame(3), picture)


def test_boxes_need_no_scenery(monkeypatch):
    sequence = synthetic("val", count=1, length=4, size=(96, 96)).sequences[0]
    painted = []
    monkeypatch.setattr(synthetic_module, "scenery", lambda *given: painted.append(given))
    boxes = sequence.boxes
    assert not painted
    monkeypatch.undo()
    again = synthetic("val", count=1, length=4, size=(96, 96)).sequences[0]
    assert again.frame(0).shape == (96, 96, 3)  # painted first, measured afterwards
    np.testing.assert_array_equal(again.boxes, boxes)


def test_threads_paint_a_scenery_once(monkeypatch):
    """The tracking loop reads a frame and the next one at the same time."""
    counted, painted = [], synthetic_module.scenery

    def slowly(*given):
        counted.append(given)
        time.sleep(0.05)
        return painted(*given)

    monkeypatch.setattr(synthetic_module, "scenery", slowly)
    sequence = synthetic("val", count=1, length=8, size=(96, 96)).sequences[0]
    with ThreadPoolExecutor(8) as readers:
        frames = list(readers.map(sequence.frame, range(8)))
    assert len(counted) == 1
    np.testing.assert_array_equal(frames[5], sequence.frame(5))


def test_cache_is_bounded():
    sequences = synthetic("val", count=5, length=2, size=(96, 96), cache=2).sequences
    kept = [sequence.stage() for sequence in sequences]
    assert sequences[4].stage() is kept[4] and sequences[3].stage() is kept[3]
    assert sequences[0].stage() is not kept[0]
