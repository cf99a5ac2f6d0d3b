import errno
import logging
import multiprocessing
import os
import pickle
import resource
import signal
import time

import numpy as np
import pytest

from datasets import crop_cache
from datasets.crop_cache import CropCache
from ops.errors import InputError

ITEMS, SLOT = 40, 3000
ROOM = ITEMS * SLOT / 1e9  # gigabytes for all
FORK = multiprocessing.get_context("fork")


def content(item, writer=0):
    """What `writer` puts for an item, of a length of its own: every writer other bytes, so that a
    slot of two writers would show."""
    return np.random.default_rng([item, writer]).integers(0, 256, SLOT - item, np.uint8)


def holds(cache, item, writers=(0,)):
    found = cache.get(item)[: SLOT - item]
    return any(np.array_equal(found, content(item, writer)) for writer in writers)


def fill(cache, items):
    for item in items:
        cache.put(item, content(item))


def in_child(function, *arguments):
    """Run a function in a forked process; its exit code."""
    child = FORK.Process(target=function, args=arguments)
    child.start()
    child.join(60)
    return child.exitcode


@pytest.fixture
def open_cache(tmp_path):
    def call(items=ITEMS, slot_bytes=SLOT, gigabytes=ROOM):
        return CropCache(tmp_path / "cache", items, slot_bytes, gigabytes)

    return call


def test_what_is_put_is_got(open_cache):
    cache = open_cache()
    assert cache.get(7) is None and cache.filled == 0 and cache.bytes == 0
    fill(cache, [7, 0, ITEMS - 1])
    assert all(holds(cache, item) for item in (7, 0, ITEMS - 1))
    assert cache.get(7).shape == (SLOT,) and cache.get(7).dtype == np.uint8
    assert cache.get(1) is None and cache.filled == 3 and cache.bytes == 3 * SLOT
    with pytest.raises(ValueError, match="read-only"):
        cache.get(7)[0] = 0


def test_the_first_put_stays(open_cache):
    cache = open_cache()
    cache.put(3, content(3))
    cache.put(3, content(3, writer=1))
    assert holds(cache, 3) and cache.bytes == SLOT


def test_an_item_that_would_run_into_the_next_slot_is_refused(open_cache):
    with pytest.raises(ValueError, match="3001"):
        open_cache().put(0, np.zeros(SLOT + 1, np.uint8))


def test_the_next_run_finds_it(open_cache):
    fill(open_cache(), range(10))
    cache = open_cache()
    assert cache.filled == 10 and all(holds(cache, item) for item in range(10))
    fill(cache, range(ITEMS))
    assert cache.filled == ITEMS and all(holds(cache, item) for item in range(ITEMS))


def test_pickled_it_is_the_same_cache(open_cache):
    cache = open_cache()
    copy = pickle.loads(pickle.dumps(cache))
    fill(cache, [2])
    fill(copy, [3])
    assert holds(copy, 2) and holds(cache, 3) and copy.filled == 2


def test_the_file_grows_by_steps_and_is_mapped_anew(open_cache, monkeypatch):
    monkeypatch.setattr(crop_cache, "GROWTH", 4 * SLOT)
    cache = open_cache()
    reader = pickle.loads(pickle.dumps(cache))
    lengths = []
    for item in range(ITEMS):
        fill(cache, [item])
        assert holds(reader, item)
        lengths.append((cache.folder / "slots").stat().st_size // SLOT)
    assert lengths[:9] == [4] * 4 + [8] * 4 + [12]
    assert lengths == sorted(lengths) and lengths[-1] == ITEMS


def test_a_large_file_grows_by_an_eighth(open_cache, monkeypatch):
    monkeypatch.setattr(crop_cache, "GROWTH", 1)
    cache = open_cache()
    fill(cache, range(34))
    assert (cache.folder / "slots").stat().st_size == (33 + 4) * SLOT


def test_the_limit_holds(open_cache):
    cache = open_cache(gigabytes=5.5 * SLOT / 1e9)
    fill(cache, range(ITEMS))
    assert cache.filled == 5 and (cache.folder / "slots").stat().st_size == 5 * SLOT
    assert all(holds(cache, item) for item in range(5)) and cache.get(5) is None


def test_a_lowered_limit_holds_too(open_cache):
    fill(open_cache(), range(10))
    cache = open_cache(gigabytes=4 * SLOT / 1e9)
    assert cache.filled == 4 and (cache.folder / "slots").stat().st_size == 4 * SLOT
    assert all(holds(cache, item) for item in range(4))


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


@pytest.mark.parametrize(
    "change", [dict(items=ITEMS + 1), dict(items=ITEMS - 1), dict(slot_bytes=SLOT + 8)]
)
def test_a_cache_of_other_sizes_starts_anew(open_cache, change):
    fill(open_cache(), range(10))
    cache = open_cache(**change)
    assert cache.filled == 0 and cache.bytes == 0
    assert (cache.folder / "slots").stat().st_size == 0
    fill(cache, [1])
    assert holds(cache, 1)
    del cache
    assert open_cache(**change).filled == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [("format", crop_cache.FORMAT + 1), ("boot", b"another"), ("boot", b"")],
)
def test_a_cache_of_another_format_or_boot_starts_anew(open_cache, field, value):
    cache = open_cache()
    fill(cache, range(10))
    cache._header[field] = value
    del cache
    cache = open_cache()
    assert cache.filled == 0
    fill(cache, range(10))
    assert open_cache().filled == cache.filled == 10


def test_where_boots_cannot_be_told_apart_every_start_is_new(open_cache, monkeypatch, tmp_path):
    monkeypatch.setattr(crop_cache, "BOOT", tmp_path / "none")
    cache = open_cache()
    fill(cache, [1])
    assert open_cache().filled == 1  # of a process beside it
    del cache
    assert open_cache().filled == 0


@pytest.mark.parametrize("name", ["slots", "table"])
def test_a_cache_whose_files_were_cut_starts_anew(open_cache, name):
    cache = open_cache()
    fill(cache, range(10))
    path = cache.folder / name
    del cache
    os.truncate(path, path.stat().st_size - 1 if name == "table" else 5 * SLOT)
    cache = open_cache()
    assert cache.filled == 0
    fill(cache, range(10))
    assert all(holds(cache, item) for item in range(10))


def test_a_cache_in_use_is_not_started_anew(open_cache):
    cache = open_cache()
    fill(cache, [1])
    with pytest.raises(InputError, match=r"cache\.directory: .*/cache is in use with other"):
        open_cache(items=ITEMS + 1)
    assert holds(cache, 1)


def test_an_array_that_is_still_read_keeps_its_file(open_cache):
    cache = open_cache()
    fill(cache, [1])
    piece = cache.get(1)
    del cache
    with pytest.raises(InputError, match="in use"):
        open_cache(items=ITEMS + 1)
    assert np.array_equal(piece[: SLOT - 1], content(1))


def test_a_full_disk_ends_the_growing_for_all(open_cache, caplog):
    cache = open_cache()
    other = pickle.loads(pickle.dumps(cache))
    fill(cache, range(3))

    def meet_the_end():  # a file may not grow here, as on a full disk, from half a slot on
        resource.setrlimit(resource.RLIMIT_FSIZE, (3 * SLOT + SLOT // 2,) * 2)
        with caplog.at_level(logging.WARNING, "lodestar"):
            fill(cache, range(3, 10))
        assert [record.name for record in caplog.records] == ["lodestar"]
        (message,) = caplog.messages
        assert message.startswith(f"cache.directory: {cache.folder} does not grow any more, with 3")
        assert "File too large" in message and all(holds(cache, item) for item in range(3))
        os._exit(23)

    assert in_child(meet_the_end) == 23
    fill(other, range(3, 10))
    assert other.filled == 3 and all(holds(other, item) for item in range(3))
    del cache, other
    cache = open_cache()  # there may be room again at the next start
    fill(cache, range(10))
    assert cache.filled == 10 and all(holds(cache, item) for item in range(10))


def test_two_that_meet_a_full_disk_at_once_warn_once(open_cache, monkeypatch, caplog):
    cache = open_cache()
    other = pickle.loads(pickle.dumps(cache))

    def fail(file, data, offset):
        other.put(1, content(1))
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(crop_cache, "_write", fail)
    with caplog.at_level(logging.WARNING, "lodestar"):
        cache.put(0, content(0))
    (message,) = caplog.messages
    assert message.endswith("with 0 of 40 pieces cached: No space left on device")
    assert cache.get(0) is None and cache.get(1) is None


def test_a_folder_removed_under_it_ends_the_growing(open_cache, caplog):
    cache = open_cache()
    fill(cache, [0])
    for path in cache.folder.iterdir():
        path.unlink()
    cache.folder.rmdir()
    with caplog.at_level(logging.WARNING, "lodestar"):
        fill(cache, [1, 2])
    assert holds(cache, 0) and cache.get(1) is None and len(caplog.messages) == 1


@pytest.mark.parametrize("gigabytes", [0, -1, float("nan"), 0.99 * SLOT / 1e9, "ten"])
def test_a_limit_without_room_is_refused(open_cache, tmp_path, gigabytes):
    least = "(at least 3e-06|a number of at least 0)"
    with pytest.raises(InputError, match=rf"cache\.gigabytes=.*: expected {least}"):
        open_cache(gigabytes=gigabytes)
    assert not (tmp_path / "cache").exists()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"cache\.directory: .*/file/cache cannot be used: Not"):
        CropCache(tmp_path / "file" / "cache", ITEMS, SLOT, ROOM)


def test_a_limit_may_be_infinite(open_cache):
    cache = open_cache(gigabytes=float("inf"))
    fill(cache, range(ITEMS))
    assert cache.filled == ITEMS and (cache.folder / "slots").stat().st_size == ITEMS * SLOT
