"""Clips for the tests of how they are drawn and cut."""

from dataclasses import is_dataclass, replace

import numpy as np
import torch
from conftest import Recorded

from datasets.clips import ClipDataset
from datasets.sampling import ClipAugmentation, ClipSampling
from datasets.sequence import Part
from ops.clip import ClipGeometry

GEOMETRY = ClipGeometry(105, 5, 63, 3, in_order=True)
SAMPLING = ClipSampling(
    frames=3,
    templates=2,
    searches=2,
    max_gap=4,
    template_shift=0.0,
    template_scale=0.0,
    search_shift=0.15,
    search_scale=0.1,
    negatives=0.0,
)
SIAMESE = ClipGeometry(127, 1, 255, 255 / 127, square=True)
PAIR = replace(SAMPLING, frames=2, templates=1, searches=1, max_gap=10)
AS_IT_IS = ClipAugmentation()
CHANGED = ClipAugmentation(
    brightness=0.2, contrast=0.3, saturation=0.4, grey=0.25, blur=0.3, flip=0.5
)


def clips(sequences, sampling=SAMPLING, seed=0, geometry=GEOMETRY, looks=AS_IT_IS):
    return ClipDataset([Part("part", sequences)], geometry, sampling, looks, seed)


def batch(dataset, *keys):
    """What the network sees of clips (epoch, index)."""
    return dataset.batch(list(keys)).cut(dataset.geometry)


def one(dataset, epoch, index):
    """One of them, its first axis left out."""
    clip = batch(dataset, (epoch, index))
    return type(clip)(*(value[0] for value in vars(clip).values()))


def leaves(value):
    """All that stands in a dataclass of dataclasses."""
    values = vars(value).values() if is_dataclass(value) else []
    return [leaf for found in values for leaf in leaves(found)] if is_dataclass(value) else [value]


def same(a, b):
    pairs = zip(leaves(a), leaves(b), strict=True)
    return all(
        torch.equal(left, right) if isinstance(left, torch.Tensor) else left == right
        for left, right in pairs
    )


def plain(name, value, count=5):
    """A sequence of one grey value."""
    frames = [np.full((60, 60, 3), value, np.uint8)] * count
    return Recorded(name, frames, np.tile([20.0, 20, 16, 16], (count, 1)))
