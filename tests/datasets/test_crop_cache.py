"""What one process puts into a crop cache and gets out of it; its limit, and a full disk."""

import errno
import logging
import os
import pickle
import resource
from functools import partial

import numpy as np
import pytest
from cached_pieces import ITEMS, ROOM, SLOT, content, fill, holds, in_child, open_in

from datasets import crop_cache
from datasets.crop_cache import CropCache
from ops.errors import InputError


@pytest.fixture
def open_cache(tmp_path):
    return partial(open_in, tmp_path)


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
