"""Sceneries of dead leaves and the kinds of figures: their statistics, their bits."""

import hashlib
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from datasets.synthetic import leaves as dead
from datasets.synthetic.cast import OFTEN, draw_kind
from datasets.synthetic.draws import Random
from datasets.synthetic.figures import figure
from datasets.synthetic.noise import noise
from datasets.synthetic.patterns import COLOURFUL, PATTERNS
from datasets.synthetic.pieces import PIECES
from datasets.synthetic.rigs import KINDS
from datasets.synthetic.scenery import scenery
from datasets.synthetic.textures import Fields, Stamp, material, paint
from datasets.synthetic.thickets import THICKETS

LIGHT = (0.5, -0.6)


def fields(seed: int, height: int = 256, width: int = 320) -> Fields:
    random = Random(seed, 1)
    return Fields(noise(random, height, width, 0.55), noise(random, height, width, 0.95))


@pytest.fixture(scope="module")
def shared():
    return [fields(seed) for seed in range(8)]


def slope(picture):
    """Of the logarithm of the amplitude spectrum over that of frequency, radially averaged."""
    grey = picture.astype(np.float64).mean(2)[:256, :256]
    window = np.hanning(256)[:, None] * np.hanning(256)[None]
    amplitude = np.abs(np.fft.fft2((grey - grey.mean()) * window))
    along = np.fft.fftfreq(256) * 256
    radius = np.hypot(along[:, None], along[None])
    edges = np.geomspace(3, 96, 12)
    means = [amplitude[(radius >= low) & (radius < high)].mean() for low, high in pairwise(edges)]
    return np.polyfit(np.log(np.sqrt(edges[:-1] * edges[1:])), np.log(means), 1)[0]


def whole(random, height, width, coverage=0.6):
    layer = dead.Layer(height, width)
    dead.scatter(layer, random, 0, 12, coverage)
    return layer


def test_the_spectrum_of_dead_leaves_falls_as_one_over_frequency(shared):
    manner = dead.Manner(0.5, 0.4, 0.3, 0.2, 0.3, 0.3)
    slopes = []
    for seed, each in enumerate(shared):
        layer = whole(Random(seed), 256, 320)
        slopes.append(
            slope(dead.coloured(layer, Random(seed, 2), each.palette, manner, each, LIGHT))
        )
    assert -1.5 < np.mean(slopes) < -0.8
    assert min(slopes) > -1.9 and max(slopes) < -0.5
    noisy = np.random.default_rng(0).integers(0, 256, (256, 256, 3))
    assert abs(slope(noisy)) < 0.1  # the measure tells them from white noise


def test_sizes_follow_the_power_law():
    """Density r^-3 means r^-2 of them in each class of sizes."""
    layer = whole(Random(3), 600, 800)
    size = np.concatenate(layer.size[1:])
    assert layer.count == len(size) + 1
    radii, counts = np.unique(size, return_counts=True)
    np.testing.assert_allclose(radii, 2 * 2 ** (np.arange(12) / 2), rtol=1e-12)
    fitted = np.polyfit(np.log(radii[:8]), np.log(counts[:8]), 1)[0]
    assert abs(fitted + 2) < 0.1
    assert (layer.numbers > 0).mean() > 0.98  # 12 classes that cover 0.6 each leave e^-7.2


@pytest.mark.parametrize("size", [1, 4, 7, 10])
def test_shapes_have_the_area_of_their_class(size):
    areas = np.array([shape.shape[1] for shape in dead.shapes(size)])
    ratio = areas / (np.pi * dead.radius(size) ** 2)
    assert 0.7 < np.median(ratio) < 1.25 and ratio.min() > 0.2 and ratio.max() < 2
    for shape in dead.shapes(size):
        assert np.abs(shape).max() <= dead.REACH
        assert len(np.unique(shape, axis=1).T) == shape.shape[1]


def test_later_leaves_lie_on_top():
    layer = dead.Layer(20, 30)
    square = np.stack(np.meshgrid([-1, 0, 1], [-1, 0, 1], indexing="ij")).reshape(2, 9)
    layer.add(square, np.array([4.0, 5.0]), np.array([6.0, 6.0]), 1.0)
    layer.add(square, np.array([29.0]), np.array([0.0]), 1.0)
    expected = np.zeros((20, 30), int)
    expected[5:8, 3:6], expected[5:8, 4:7], expected[:2, 28:] = 1, 2, 3
    np.testing.assert_array_equal(layer.numbers, expected)


def test_what_no_leaf_covers_shows_what_is_under(shared):
    layer = dead.Layer(64, 64)
    layer.add(dead.shapes(6)[0], np.array([20.0]), np.array([30.0]), 16.0)
    under = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    manner = dead.Manner(0.5, 0.4, 0.3, 0.2, 0.3, 0.3)
    found = dead.coloured(layer, Random(1), shared[0].palette, manner, shared[0], LIGHT, under)
    bare = layer.numbers == 0
    np.testing.assert_array_equal(found[bare], under[bare])
    assert (found[~bare] != under[~bare]).any(1).mean() > 0.9


# Made with AVX-512 and AVX2 and without.
COMMITTED = {
    "leaves": "2cf9f5b2d915eb607ae8e2ca0fe6994a",
    "foliage": "2eb7436ba66938b1f8d28307de5db867",
    "crowd": "5ed18502e39b7a0886501dd4f28a4a66",
    "shelves": "650ffba6fbc9633ba27e48ce15cd9ac7",
    "water": "b5fbebf475d7564771bb410be056f92f",
    "figures": "db29c0dae88714d6e05d58e83316988a",
    "scenery": "421616a20f4869727db6aad06cc803f1",
}


@pytest.mark.parametrize("name", THICKETS)
def test_thickets_are_dense_and_their_bits_are_those_committed(name, shared):
    digest, busy = hashlib.sha256(), []
    for seed, each in enumerate(shared[:5]):
        under = np.empty((256, 320, 3), np.uint8)
        under[...] = np.floor(each.palette[0]).astype(np.uint8)
        picture = THICKETS[name](Random(seed, 5), under, 1.0, each, LIGHT)
        again = THICKETS[name](Random(seed, 5), under.copy(), 1.0, each, LIGHT)
        np.testing.assert_array_equal(picture, again)
        assert picture.shape == (256, 320, 3) and picture.dtype == np.uint8
        digest.update(picture.tobytes())
        tiles = picture[:256, :320].astype(float).reshape(8, 32, 10, 32, 3)
        busy.append(np.median(tiles.std((1, 3)).mean(-1)))
    assert np.median(busy) > (4 if name == "water" else 10)
    assert digest.hexdigest()[:32] == COMMITTED[name]


def test_bits_of_figures_and_sceneries_are_those_committed(shared):
    digest = hashlib.sha256()
    for kind in KINDS:
        for limb in figure(Random(3, 3), kind, 40.0, shared[0], LIGHT).limbs:
            digest.update(limb.texture.tobytes())
            digest.update(limb.outline.tobytes())
    assert digest.hexdigest()[:32] == COMMITTED["figures"]
    digest = hashlib.sha256()
    for seed in range(12):
        random, each, spots = Random(seed, 8), shared[seed % 5], np.zeros((1, 2))
        painted = scenery(random, 320, 256, 1.0, each, LIGHT, [], 0.0, spots)
        digest.update(painted.picture.tobytes())
    assert digest.hexdigest()[:32] == COMMITTED["scenery"]


def test_half_of_the_sceneries_are_dense(shared):
    """Edges everywhere: few quiet tiles of 32 x 32 texels."""
    quiet = []
    for seed in range(30):
        random, each = Random(seed, 8), shared[seed % 8]
        painted = scenery(random, 320, 256, 1.0, each, LIGHT, [], 0.0, np.zeros((1, 2)))
        assert painted.picture.shape == (256, 320, 3) and not painted.kin.any()
        steps = np.abs(np.diff(painted.picture.astype(int).sum(2), axis=1))[:, :-1]
        tiles = np.pad(steps > 24, ((0, 0), (0, 2)))[:, :320].reshape(8, 32, 10, 32)
        quiet.append((tiles.mean((1, 3)) < 0.05).mean())
    dense = np.mean(np.array(quiet) < 0.2)
    assert 0.3 < dense < 0.85


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_draw_what_is_labelled(kind, shared):
    for seed, each in enumerate(shared[:5]):
        for size in (15.0, 50.0):
            made = figure(Random(seed, 3), kind, size, each, LIGHT)
            labelled = [limb for limb in made.limbs if limb.labelled]
            assert labelled
            if kind not in ("bust", "face", "torso", "patch", "wheel", "held"):
                assert len(labelled) == len(made.limbs)
            elif size > 20:
                assert len(labelled) < len(made.limbs)
            points = np.concatenate([limb.outline for limb in labelled])
            low, high = points.min(0), points.max(0)
            np.testing.assert_allclose((low + high) / 2, 0, atol=1 / 32)  # its box is centred
            np.testing.assert_allclose((high - low) / 2, made.half)
            assert 0.2 * size**2 < 4 * made.half.prod() < 3 * size**2
            wide, tall = high - low
            assert 0.25 < wide / tall < 3.5
            for limb in made.limbs:
                alpha = limb.texture[..., 3]
                assert (limb.texture[..., :3] <= alpha[..., None]).all()  # premultiplied
                assert not alpha[0].any() and not alpha[:, -1].any()
            solid = max((limb.texture[..., 3] >= 250).mean() for limb in labelled)
            assert solid > 0.2 or size < 20


def test_kinds_are_drawn_as_often_as_their_weights_say():
    assert set(OFTEN) <= set(KINDS)
    random = Random(9)
    counts = Counter(draw_kind(random) for _ in range(4000))
    total = sum(OFTEN.get(kind, 1.0) for kind in KINDS)
    for kind in KINDS:
        assert abs(counts[kind] / 4000 - OFTEN.get(kind, 1.0) / total) < 0.02, kind


def test_figures_differ_and_are_the_same_again(shared):
    """Every figure has an inner structure of its own."""
    seen = set()
    for seed, each in enumerate(shared[:4]):
        for kind in PIECES:
            one, two = (figure(Random(seed, 4), kind, 40.0, each, LIGHT) for _ in range(2))
            assert len(one.limbs) == len(two.limbs)
            for first, second in zip(one.limbs, two.limbs, strict=True):
                np.testing.assert_array_equal(first.texture, second.texture)
                np.testing.assert_array_equal(first.outline, second.outline)
            seen.add(b"".join(limb.texture.tobytes() for limb in one.limbs))
    assert len(seen) == 4 * len(PIECES)


def test_targets_may_share_the_colours_of_their_scenery():
    many = [fields(seed, 8, 8) for seed in range(200)]
    shared = np.array([each.shared for each in many])
    assert 0.05 < (shared > 0).mean() < 0.2 and 0.5 < shared.max() < 0.7
    for each in many:
        colour = np.array([250.0, 10.0, 240.0])
        near = np.abs(each.palette - each.tinted(colour)).sum(1).min()
        far = np.abs(each.palette - colour).sum(1).min()
        np.testing.assert_allclose(near, (1 - each.shared) * far, atol=1e-9)


@pytest.mark.parametrize("pattern", sorted(set(PATTERNS)))
def test_patterns_show_their_colours(pattern, shared):
    look = material(Random(5), 0.3, (pattern,))
    look.contrast = look.dome = look.rim = 0.0
    look.grain, look.roughness, look.frequency = "noise", 0.7, 3.0
    canvas = np.zeros((120, 120, 3), np.uint8)
    paint(canvas, Stamp(60, 60, 70, 70, look, 0.0, 16, 0.0), Random(6), shared[0], LIGHT)
    shown = np.unique(canvas[20:100, 20:100].reshape(-1, 3), axis=0)
    many = pattern in COLOURFUL
    assert len(shown) == (1 if pattern == "plain" else 4 if many else 2)


def test_a_line_cuts_a_stamp_off(shared):
    look = material(Random(5), 0.3, ("plain",))
    canvas = np.zeros((100, 100, 4), np.uint8)
    stamp = Stamp(50, 50, 40, 40, look, 0.0, 16, 0.0, ((0.0, 0.5),))
    paint(canvas, stamp, Random(6), shared[0], LIGHT)
    columns = np.flatnonzero(canvas[50, :, 3] >= 128)
    assert columns[0] in (9, 10, 11) and columns[-1] in (68, 69, 70, 71)
