"""What training reads of a dataset, as a digest: the same for the same, another for all else."""

import numpy as np
import pytest
from conftest import sliding

from datasets import synthetic as made
from datasets.sequence import Dataset
from engine.hashes import footage_digest


def footage(**more):
    return footage_digest(made.synthetic("train", **{"count": 2, "length": 5, **more}))


def test_made_footage():
    assert footage() == footage()
    assert len({footage(), footage(seed=1), footage(count=3), footage(length=6)}) == 4


def test_footage_of_another_generator(monkeypatch):
    before = footage()
    monkeypatch.setattr(made, "MAKE", made.MAKE + 1)
    assert footage() != before


@pytest.mark.parametrize("change", [1e-3, np.nan])
def test_read_footage(change):
    sequence, other = sliding("s", 6, (160, 120)), sliding("s", 6, (160, 120))
    digest = footage_digest(Dataset("d", "train", [sequence]))
    assert footage_digest(Dataset("d", "train", [other])) == digest
    other.boxes[3, 2] += change
    assert footage_digest(Dataset("d", "train", [other])) != digest
