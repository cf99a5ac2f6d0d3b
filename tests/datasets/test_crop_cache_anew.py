"""When a crop cache starts anew, and when it must not."""

import os
from functools import partial

import numpy as np
import pytest
from cached_pieces import ITEMS, SLOT, content, fill, holds, open_in

from datasets import crop_cache
from ops.errors import InputError


@pytest.fixture
def open_cache(tmp_path):
    return partial(open_in, tmp_path)


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


def test_a_cache_of_more_than_two_gigabytes_that_was_cut_starts_anew(open_cache):
    sizes = {"items": 4, "slot_bytes": 2**30, "gigabytes": 5}  # a sparse file
    cache = open_cache(**sizes)
    fill(cache, range(3))
    assert all(holds(cache, item) for item in range(3)) and cache.bytes == 3 * 2**30
    del cache
    cache = open_cache(**sizes)
    assert cache.filled == 3 and holds(cache, 2)
    slots = cache.folder / "slots"
    del cache
    os.truncate(slots, 2**31)
    assert open_cache(**sizes).filled == 0


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
