"""Synthetic footage: its bits, its arguments, what it may depend on."""

import hashlib

import cv2
import numpy as np
import pytest

from datasets.synthetic import synthetic
from datasets.synthetic.draws import Random, cosine, sine
from datasets.synthetic.render import remap
from ops.errors import InputError

# Made with OpenCV 5.0 and NumPy 2.4, with AVX-512 and AVX2 and without, of them and OpenBLAS.
COMMITTED = {
    ("test", 0): "bf6a02e22fea2416f7bcc000b2338386",
    ("test", 5): "8c4c0a8edead2ba32016d34d400aa814",
    ("test", 9): "d613fab4f840e154a26df8bc60212b5e",
    ("val", 3): "6ba1b89ccbc5fd628306f8ab73ff0322",
    ("train", 999): "f7c5400106bc083c0d20701cd53f0e62",
    ("train", 40): "5a66165dd8ee10cd6d35b3ba469a92d6",
}


@pytest.mark.parametrize("which", COMMITTED)
def test_bits_are_those_committed(which):
    split, index = which
    sequence = synthetic(split).sequences[index]
    digest = hashlib.sha256()
    for number in (0, len(sequence) // 2, len(sequence) - 1):
        digest.update(sequence.frame(number).tobytes())
    digest.update(np.rint(np.nan_to_num(sequence.boxes, nan=-1) * 64).astype("<i4").tobytes())
    digest.update(",".join(sequence.attributes).encode())
    assert digest.hexdigest()[:32] == COMMITTED[which]


@pytest.mark.parametrize("border", [cv2.BORDER_CONSTANT, cv2.BORDER_REFLECT_101])
@pytest.mark.parametrize("channels", [3, 4])
def test_remap_is_the_integer_formula(border, channels):
    random = np.random.default_rng(0)
    height, width = 37, 53
    texture = random.integers(0, 256, (height, width, channels), dtype=np.uint8)
    x = random.integers(-20 * 32, (width + 20) * 32, (61, 70)).astype(np.int32)
    y = random.integers(-20 * 32, (height + 20) * 32, (61, 70)).astype(np.int32)
    x[:9] = x[:9] // 32 * 32  # whole texels, whose weight does not fit OpenCV's 16-bit table
    y[:5] = y[:5] // 32 * 32
    how = "constant" if border == cv2.BORDER_CONSTANT else "reflect"
    padded = np.pad(texture.astype(np.int64), ((25, 25), (25, 25), (0, 0)), how)
    expected = 0
    for dy in (0, 1):
        for dx in (0, 1):
            weight = (dx * (x & 31) + (1 - dx) * (32 - (x & 31))) * (
                dy * (y & 31) + (1 - dy) * (32 - (y & 31))
            )
            expected = expected + weight[..., None] * padded[(y >> 5) + dy + 25, (x >> 5) + dx + 25]
    np.testing.assert_array_equal(remap(texture, x, y, border), (expected + 512) >> 10)


def test_sine_and_draws():
    turns = np.linspace(-3, 3, 2001)
    np.testing.assert_allclose(sine(turns), np.sin(2 * np.pi * turns), atol=4e-6)
    np.testing.assert_allclose(cosine(turns), np.cos(2 * np.pi * turns), atol=4e-6)
    assert [sine(float(t)) for t in turns] == sine(turns).tolist()
    draws = Random(1, 2).uniform(2, 5, 4000)
    assert draws.min() >= 2 and draws.max() < 5 and abs(draws.mean() - 3.5) < 0.05
    assert Random(1, 2).uniform(2, 5) == draws[0] != Random(1, 3).uniform(2, 5)
    assert sorted(Random(7).sample({"a": 1.0, "b": 2.0, "c": 0.1}, 3)) == ["a", "b", "c"]
    path = Random(4).wander(200, 10, 2)
    assert path.shape == (200, 2) and np.abs(np.diff(path, axis=0)).max() < 0.4


def test_frames_do_not_depend_on_the_order_of_access():
    forward = synthetic("train", count=3, length=8, size=(128, 96), cache=2).sequences
    frames = [[sequence.frame(i) for i in range(8)] for sequence in forward]
    backward = synthetic("train", count=7, length=8, size=(128, 96), cache=1).sequences
    for i in (7, 2, 0, 5):
        for k in (2, 0, 1):
            np.testing.assert_array_equal(backward[k].frame(i), frames[k][i])
    assert frames[0][0].shape == (96, 128, 3) and frames[0][0].dtype == np.uint8
    assert any((a != b).any() for a, b in zip(frames[0], frames[0][1:], strict=False))
    with pytest.raises(IndexError, match="frames 0 to 7"):
        forward[0].frame(8)


def test_global_random_state_is_left_alone():
    before = np.random.get_state()[1].copy()
    synthetic("val", count=1, length=2, size=(96, 96)).sequences[0].frame(1)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


def test_splits_and_seeds_never_meet():
    pictures = {}
    for split in ("train", "val", "test"):
        for seed in (0, 1):
            dataset = synthetic(split, count=3, length=1, size=(96, 80), seed=seed)
            assert (dataset.name, dataset.split) == ("synthetic", split)
            for sequence in dataset.sequences:
                pictures[split, seed, sequence.name] = sequence.frame(0).tobytes()
    assert len(set(pictures.values())) == len(pictures) == 18


def test_defaults():
    assert [len(synthetic(split).sequences) for split in ("train", "val", "test")] == [1000, 16, 24]
    train = synthetic()
    lengths = [len(sequence) for sequence in train.sequences]
    assert min(lengths) == 60 and max(lengths) == 100
    assert train.sequences[3].name == "train_0003"
    assert len(train.by_name) == 1000


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"split": "testing"}, "split"),
        ({"size": (20, 300)}, "size"),
        ({"size": (320,)}, "size"),
        ({"count": 0}, "count"),
        ({"length": 0}, "length"),
        ({"seed": -1}, "seed"),
    ],
)
def test_wrong_arguments_are_named(arguments, named):
    with pytest.raises(InputError, match=rf"dataset\.{named}=.*expected"):
        synthetic(**arguments)


@pytest.mark.parametrize("size", [(64, 64), (400, 100), (90, 300)])
def test_odd_sizes_and_single_frames(size):
    for sequence in synthetic("val", count=11, length=1, size=size).sequences:
        assert sequence.frame(0).shape == (size[1], size[0], 3)
        assert sequence.boxes.shape == (1, 4) and not np.isnan(sequence.boxes).any()
