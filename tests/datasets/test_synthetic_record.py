"""What the synthetic camera makes of a picture."""

import numpy as np
import pytest

from datasets.synthetic import synthetic
from datasets.synthetic.draws import Random
from datasets.synthetic.lens import soften
from datasets.synthetic.light import WALL, make_light
from datasets.synthetic.record import (
    BASIS,
    FINE,
    POWER,
    compress,
    doubled,
    halved,
    make_record,
)
from datasets.synthetic.render import lit


def picture(height, width, seed=0):
    """A smooth ramp with noise and a bright square, (H, W, 3) uint8."""
    random = np.random.default_rng(seed)
    y, x = (axis[..., None] for axis in np.mgrid[:height, :width])
    ramp = 60 + 100 * x / width + 40 * y / height * np.array([1.0, 0.2, -0.5])
    ramp[height // 4 : height // 2, width // 3 : width // 2] = [250, 10, 90]
    return np.clip(ramp + random.normal(0, 12, ramp.shape), 0, 255).astype(np.uint8)


def steps(coarsest, slope=0.25):
    luma = coarsest * (1 + slope * np.add.outer(np.arange(8), np.arange(8)).reshape(64))
    return luma, 1.3 * luma


def slow_plane(plane, table):
    """An integer plane after quantisation, each block and frequency by itself."""
    out = np.zeros(plane.shape, np.int64)
    root = np.sqrt(POWER.reshape(8, 8))
    table = table.reshape(8, 8)
    for top in range(0, plane.shape[0], 8):
        for left in range(0, plane.shape[1], 8):
            block = plane[top : top + 8, left : left + 8].astype(np.int64)
            total = np.zeros((8, 8), np.int64)
            for u in range(8):
                for v in range(8):
                    wave = BASIS[u][:, None] * BASIS[v][None]
                    factor = np.float32(1 / (table[u, v] * root[u, v]))
                    level = np.floor(np.float32((block * wave).sum()) * factor + np.float32(0.5))
                    size = np.float32(table[u, v] * FINE / root[u, v])
                    total += int(np.floor(level * size + np.float32(0.5))) * wave
            out[top : top + 8, left : left + 8] = (2 * total + FINE) // (2 * FINE)
    return out


def slow_compress(frame, tables):
    """Block compression of (H, W, 3) in plain integers; H and W multiples of 16."""
    red, green, blue = frame.astype(np.int64).transpose(2, 0, 1)
    luma = (77 * red + 150 * green + 29 * blue + 128) // 256
    quarters = lambda p: p.reshape(len(p) // 2, 2, -1, 2).sum((1, 3))  # noqa: E731
    shown = slow_plane(luma - 128, tables[0]) + 128
    to_red, to_blue = (
        2 * slow_plane((quarters(plane) - quarters(luma)) // 8, tables[1]) for plane in (red, blue)
    )
    to_green = -((77 * to_red + 29 * to_blue) / 150)
    parts = (to_red, np.floor(to_green).astype(np.int64), to_blue)
    return np.stack([np.clip(shown + np.kron(p, np.ones((2, 2), int)), 0, 255) for p in parts], -1)


@pytest.mark.parametrize("coarsest", [0.5, 4.0, 30.0])
def test_compression_is_that_of_plain_integers(coarsest):
    frame = picture(48, 64)
    expected = slow_compress(frame, steps(coarsest))
    np.testing.assert_array_equal(compress(frame, steps(coarsest)), expected)


def test_compression_of_any_size_and_of_extremes():
    frame = picture(37, 53)
    padded = np.pad(frame, ((0, 11), (0, 11), (0, 0)), "edge")
    np.testing.assert_array_equal(
        compress(frame, steps(9)), slow_compress(padded, steps(9))[:37, :53]
    )
    random = np.random.default_rng(1)
    harsh = 255 * random.integers(0, 2, (32, 32, 3)).astype(np.uint8)
    np.testing.assert_array_equal(compress(harsh, steps(3)), slow_compress(harsh, steps(3)))


def test_compression_loses_more_with_coarser_steps():
    frame = np.ascontiguousarray(picture(96, 128)[..., :1].repeat(3, -1))  # chroma loses by itself
    lost = [
        np.abs(compress(frame, steps(q)).astype(int) - frame).mean() for q in (0.3, 3.0, 10.0, 30.0)
    ]
    assert lost[0] < 0.2 and lost[0] < lost[1] < lost[2] < lost[3] < 20
    np.testing.assert_array_equal(compress(frame, steps(8), grey=True), compress(frame, steps(8)))


def test_the_transform_is_orthogonal_and_its_sums_fit():
    product = BASIS @ BASIS.T
    np.testing.assert_array_equal(product, np.diag(np.diag(product)))
    # |pixels| <= 128: every frequency is an integer that float32 holds.
    waves = np.kron(BASIS, BASIS)
    assert 128 * np.abs(waves).sum(1).max() < 2**24
    # And so is every partial sum on the way back, of the harshest blocks, in any order.
    blocks = 256 * np.random.default_rng(2).integers(0, 2, (300, 64)) - 128
    root = np.sqrt(POWER)
    for table in (*steps(1.0), *steps(30.0), *steps(200.0)):
        levels = np.floor(blocks @ waves.T / (table * root) + 0.5)
        restored = np.abs(np.floor(levels * table * FINE / root + 0.5))
        assert (restored @ np.abs(waves)).max() < 2**24


def test_lens_and_coarse_sensor_are_the_plain_formulas():
    frame = picture(21, 30)
    wide = frame.astype(np.int64)
    kernel = np.outer([1, 2, 1], [1, 2, 1])
    expected = wide.copy()
    expected[1:-1, 1:-1] = sum(
        kernel[i, j] * wide[i : 19 + i, j : 28 + j] for i in range(3) for j in range(3)
    )
    expected[1:-1, 1:-1] = (expected[1:-1, 1:-1] + 8) // 16
    once = expected.copy()
    np.testing.assert_array_equal(soften(frame.copy(), 1), once)
    np.testing.assert_array_equal(soften(frame.copy(), 0), frame)
    np.testing.assert_array_equal(soften(frame.copy(), 0.5), (wide + once + 1) // 2)
    np.testing.assert_array_equal(soften(frame.copy(), 2), soften(once.astype(np.uint8), 1))

    small = halved(frame)
    assert small.shape == (11, 15, 3)
    even = np.pad(wide, ((0, 1), (0, 0), (0, 0)), "edge")
    means = even.reshape(11, 2, 15, 2, 3).sum((1, 3))
    np.testing.assert_array_equal(small, (means + 2) // 4)

    large = doubled(small)
    assert large.shape == (22, 30, 3)
    padded = np.pad(small.astype(np.int64), ((1, 1), (1, 1), (0, 0)), "edge")
    for y, x in ((0, 0), (7, 12), (10, 29), (21, 4)):
        # The centre of pixel k lies at (k + 0.5) / 2 - 0.5 of the small picture.
        near = padded[y // 2 + 1], padded[y // 2 + (2 if y % 2 else 0)]
        row = 3 * near[0] + near[1]
        value = 3 * row[x // 2 + 1] + row[x // 2 + (2 if x % 2 else 0)]
        np.testing.assert_array_equal(large[y, x], (value + 8) // 16)


def test_how_often_cameras_do_what():
    records = [make_record(Random(5, k), False) for k in range(1500)]
    share = lambda test: np.mean([test(record) for record in records])  # noqa: E731
    assert 0.56 < share(lambda r: r.steps is None) < 0.64
    assert 0.07 < share(lambda r: r.coarse) < 0.13
    assert 0.57 < share(lambda r: r.softness == 0) < 0.68
    assert share(lambda r: r.softness == 2) > 0.08
    assert 0.2 < share(lambda r: r.grain < 0.012) < 0.5 and max(r.grain for r in records) < 0.1
    grey = np.mean([make_light(Random(6, k), 4, False).grey for k in range(1500)])
    assert 0.12 < grey < 0.18


def test_grey_footage_is_grey():
    found = 0
    for sequence in synthetic("train", count=14, length=2, size=(64, 64)).sequences:
        frame = sequence.frame(1)
        alike = (frame[..., :1] == frame).all()
        assert alike == sequence.stage().script.light.grey
        found += alike
    assert found


def test_tone_curves_rise_and_are_what_is_drawn():
    styles = set()
    for k in range(60):
        light = make_light(Random(8, k), 6, k % 2 == 0)
        levels = light.shown(np.arange(256.0))
        assert (np.diff(levels) >= 0).all() and levels[200] > levels[60] + 10
        styles.add((int(levels[30] // 40), int(levels[220] // 40)))
        light.grey, light.depth = False, 0.0
        wall = lit(np.full((8, 8, 3), WALL, np.uint8), light, 3)[4, 4, 1]
        assert abs(light.at(np.full((6, 2), 4.0), (8, 8))[3] - float(wall)) <= 0.5
    assert len(styles) > 6
