"""Pieces to put into a crop cache, each telling which item it is and who put it."""

import multiprocessing

import numpy as np

from datasets.crop_cache import CropCache

ITEMS, SLOT = 40, 3000
ROOM = ITEMS * SLOT / 1e9  # gigabytes for all
FORK = multiprocessing.get_context("fork")


def open_in(folder, items=ITEMS, slot_bytes=SLOT, gigabytes=ROOM):
    return CropCache(folder / "cache", items, slot_bytes, gigabytes)


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
