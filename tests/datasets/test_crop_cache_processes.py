"""Several processes at one crop cache, and one that is killed."""

import multiprocessing
import os
import pickle
import signal
import time
from functools import partial

import numpy as np
import pytest
from cached_pieces import FORK, ITEMS, ROOM, SLOT, content, fill, holds, in_child, open_in

from datasets import crop_cache
from datasets.crop_cache import CropCache


@pytest.fixture
def open_cache(tmp_path):
    return partial(open_in, tmp_path)


def work(cache, writer, seed, failures):
    """Put and get all items in an order of its own, twice."""
    wrong = 0
    for item in np.random.default_rng(seed).permutation(np.repeat(np.arange(ITEMS), 2)):
        if cache.get(item) is None:
            cache.put(item, content(item, writer))
        if cache.get(item) is not None:  # another may still be writing it
            wrong += not holds(cache, item, range(4))
    failures.put(wrong)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_fill_it_together(open_cache, method):
    context = multiprocessing.get_context(method)
    cache, failures = open_cache(), context.Queue()
    workers = [context.Process(target=work, args=(cache, i, i, failures)) for i in range(4)]
    for worker in workers:
        worker.start()
    assert [failures.get(timeout=60) for _ in workers] == [0] * 4
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    assert cache.filled == ITEMS and cache.bytes == ITEMS * SLOT  # no slot given out in vain
    assert all(holds(cache, item, range(4)) for item in range(ITEMS))


def test_processes_that_start_at_once(open_cache, tmp_path):
    """All open a folder that is not there yet, and one of another boot."""

    def start(gate, failures):
        gate.wait()
        work(CropCache(tmp_path / "cache", ITEMS, SLOT, ROOM), 0, os.getpid(), failures)

    for _ in range(2):
        gate, failures = FORK.Barrier(4), FORK.Queue()
        workers = [FORK.Process(target=start, args=(gate, failures)) for _ in range(4)]
        for worker in workers:
            worker.start()
        assert [failures.get(timeout=60) for _ in workers] == [0] * 4
        for worker in workers:
            worker.join()
        cache = open_cache()
        assert cache.filled == ITEMS and all(holds(cache, item) for item in range(ITEMS))
        cache._header["boot"] = b"another"
        del cache


def test_no_half_written_slot_is_seen(open_cache, monkeypatch):
    cache, seen = open_cache(), []
    write = crop_cache._write

    def slow(file, data, offset):
        write(file, data[:100], offset)
        seen.append((cache.get(5), cache.filled))
        cache.put(5, content(5, writer=1))  # as another process would, in the meantime
        write(file, data, offset)

    monkeypatch.setattr(crop_cache, "_write", slow)
    cache.put(5, content(5))
    assert seen == [(None, 0)] and holds(cache, 5) and cache.bytes == SLOT


def test_two_that_put_an_item_at_once_take_one_slot(open_cache, monkeypatch):
    cache = open_cache()
    other = pickle.loads(pickle.dumps(cache))
    lock = cache._locked

    def overtaken():
        monkeypatch.setattr(cache, "_locked", lock)
        other.put(5, content(5, writer=1))
        return lock()

    monkeypatch.setattr(cache, "_locked", overtaken)
    cache.put(5, content(5))
    assert cache.bytes == SLOT and holds(cache, 5, [1])


def test_an_item_whose_writer_was_killed_is_uncached_and_then_put_again(open_cache, monkeypatch):
    cache = open_cache()
    fill(cache, [0, 1])

    def die(file, data, offset):
        os.pwrite(file, data[:100], offset)
        os.kill(os.getpid(), signal.SIGKILL)

    with monkeypatch.context() as patch:
        patch.setattr(crop_cache, "_write", die)
        assert in_child(fill, cache, [2]) == -signal.SIGKILL
    fill(cache, [2, 3])  # the others go on, without it
    assert cache.get(2) is None and holds(cache, 3)
    second = open_cache()  # not alone: 2 might still be on its way
    fill(second, [2])
    assert second.get(2) is None
    del cache, second
    cache = open_cache()
    fill(cache, [2])
    assert all(holds(cache, item) for item in range(4)) and cache.filled == 4


def test_killed_at_any_moment(open_cache, tmp_path, monkeypatch):
    monkeypatch.setattr(crop_cache, "GROWTH", 1)

    def churn():
        fill(CropCache(tmp_path / "cache", ITEMS, SLOT, ROOM), range(ITEMS))
        os.kill(os.getpid(), signal.SIGKILL)

    filled = []
    for delay in np.linspace(0.0, 0.012, 12):
        child = FORK.Process(target=churn)
        child.start()
        time.sleep(delay)
        child.kill()
        child.join()
        cache = open_cache()
        filled.append(cache.filled)
        for item in range(ITEMS):
            assert cache.get(item) is None or holds(cache, item)
        del cache
    assert filled == sorted(filled)  # what was there is not lost
    cache = open_cache()
    fill(cache, range(ITEMS))
    assert cache.filled == ITEMS and all(holds(cache, item) for item in range(ITEMS))
