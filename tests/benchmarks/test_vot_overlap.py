"""Overlap in pixels against plain loops over rows, hand cases and overlaps of the toolkits."""

import math
from pathlib import Path

import numpy as np
import pytest

from benchmarks.vot import raster
from benchmarks.vot.overlap import PAINTINGS, as_regions, failed, furthest, overlaps

TRUTH = Path(__file__).resolve().parents[2].parent / "shared" / "truth"


def round_away(value):
    return math.floor(value + 0.5) if value >= 0 else math.ceil(value - 0.5)


def corners_of(region, painting):
    """[(x, y)] in single precision, rounded only as vot-toolkit rounds."""
    if painting == "vot_toolkit":
        region = np.round(region.astype(np.float32)).astype(float)
    if not np.isnan(region[4]):
        return [(float(np.float32(x)), float(np.float32(y))) for x, y in region.reshape(4, 2)]
    x, y, w, h = region[:4]
    if painting == "vot_toolkit":
        w, h = w - 1, h - 1
    far_x, far_y = float(np.float32(x + w)), float(np.float32(y + h))
    x, y = float(np.float32(x)), float(np.float32(y))
    return [(x, y), (far_x, y), (far_x, far_y), (x, far_y)]


def paint(corners, width, height, painting):
    """The set of pixels (x, y) that a toolkit fills in a window, corner by corner, row by row."""
    number = np.float32 if painting == "legacy" else float
    pixels = set()
    for row in range(height):
        crossings = []
        for (x, y), (x0, y0) in zip(corners, corners[-1:] + corners[:-1], strict=True):
            if painting == "legacy":
                crosses = min(y, y0) < row <= max(y, y0)
            else:
                crosses = min(y, y0) <= row <= max(y, y0)
            if crosses and y != y0:
                x, y, x0, y0 = map(number, (x, y, x0, y0))
                crossings.append(int(x + (number(row) - y) / (y0 - y) * (x0 - x)))
            elif crosses and painting == "vot_toolkit":
                crossings.append(int(x))
        crossings.sort()
        at = 0
        while at < len(crossings) - 1:
            left, right = crossings[at : at + 2]
            if painting == "legacy":
                right = (width - 1 if right > width else right) - 1
            elif left == right and not (painting == "vot_toolkit" and at == len(crossings) - 2):
                at += 1
                continue
            pixels.update((x, row) for x in range(max(left, 0), min(right, width - 1) + 1))
            at += 2
    return pixels


def plain_overlap(first, second, bounds, painting):
    """Overlap of two regions (8,), everything in Python."""
    regions = [corners_of(region, painting) for region in (first, second)]
    boxes = []
    for corners, region in zip(regions, (first, second), strict=True):
        xs, ys = zip(*corners, strict=True)
        box = [min(xs), min(ys), max(xs), max(ys)]
        if painting == "vot_toolkit" and np.isnan(region[4]):
            box = [*corners[0], *corners[2]]
        if painting == "pysot":
            box = [math.floor(v) for v in box[:2]] + [math.ceil(v) for v in box[2:]]
        boxes.append(box)
    if painting == "vot_toolkit":
        left, top, right, bottom = (
            pick(box[side] for box in boxes) for side, pick in enumerate((min, min, max, max))
        )
        if left >= right or top >= bottom:
            return 1.0
        if bounds is not None:
            left, top = max(left, 0), max(top, 0)
            right, bottom = min(right, bounds[0] - 1), min(bottom, bounds[1] - 1)
        if left >= right or top >= bottom:
            return 0.0
    else:
        if bounds is not None:
            boxes = [
                [max(a, 0), max(b, 0), min(c, bounds[0]), min(d, bounds[1])] for a, b, c, d in boxes
            ]
        (a, b, c, d), (e, f, g, h) = boxes
        areas = np.array([(c - a) * (d - b), (g - e) * (h - f)], float)
        both = (min(c, g) - max(a, e)) * (min(d, h) - max(b, f))
        with np.errstate(all="ignore"):
            if (areas / areas[::-1] < 1e-10).any() or both / (areas.sum() - both) <= 0:
                return 0.0
        left, top, right, bottom = min(a, e), min(b, f), max(c, g), max(d, h)
    width, height = int(right - left) + 1, int(bottom - top) + 1
    if width < 1 or height < 1:
        return 0.0
    painted = []
    for corners, region in zip(regions, (first, second), strict=True):
        moved = [(x - left, y - top) for x, y in corners]
        if painting == "pysot":
            moved = [(round_away(x), round_away(y)) for x, y in moved]
        if painting == "legacy":
            moved = [(float(np.float32(x)), float(np.float32(y))) for x, y in moved]
        sides = np.round(region[2:4].astype(np.float32))
        if painting == "vot_toolkit" and np.isnan(region[4]) and (sides < 1).any():
            painted.append(set())
        else:
            painted.append(paint(moved, width, height, painting))
    union = len(painted[0] | painted[1])
    if union == 0:
        return 0.0 if painting == "vot_toolkit" else math.nan
    return len(painted[0] & painted[1]) / union


def draw(rng, kind, count, span):
    if kind == "box":
        low, size = rng.uniform(-span / 3, span, (count, 2)), rng.uniform(-1, span, (count, 2))
        return as_regions(np.concatenate([low, size], 1))
    if kind == "twisted":
        return rng.uniform(-span / 3, span, (count, 8))
    angles = np.sort(rng.uniform(0, 2 * np.pi, (count, 4)), axis=1)
    around = rng.uniform(1, span / 2, (count, 1, 1)) * np.stack([np.cos(angles), np.sin(angles)], 2)
    return (rng.uniform(0, span, (count, 1, 2)) + around).reshape(count, 8)


@pytest.mark.parametrize("bounded", [True, False])
@pytest.mark.parametrize("painting", PAINTINGS)
def test_equals_plain_loops(painting, bounded):
    rng = np.random.default_rng(0)
    for kinds in [("convex", "box"), ("box", "twisted"), ("convex", "convex"), ("box", "box")]:
        for span, step in [(5, 0.5), (5, 1), (20, 0), (20, 0.5)]:
            first, second = (draw(rng, kind, 100, span) for kind in kinds)
            if step:
                first, second = np.round(first / step) * step, np.round(second / step) * step
            bounds = rng.integers(span // 2, span, (100, 2)) if bounded else None
            found = overlaps(first, second, bounds, painting)
            expected = [
                plain_overlap(a, b, None if bounds is None else bounds[i], painting)
                for i, (a, b) in enumerate(zip(first, second, strict=True))
            ]
            np.testing.assert_allclose(
                found, expected, atol=1e-12, err_msg=f"{kinds} {span} {step}"
            )


def test_same_whatever_is_painted_together(monkeypatch):
    rng = np.random.default_rng(1)
    first = np.concatenate([draw(rng, kind, 40, 30) for kind in ("convex", "twisted", "box")])
    second = np.concatenate([draw(rng, kind, 40, 30) for kind in ("box", "convex", "twisted")])
    for painting in PAINTINGS:
        together = overlaps(first, second, (25, 20), painting)
        monkeypatch.setattr(raster, "ROWS_AT_ONCE", 7)
        np.testing.assert_array_equal(overlaps(first, second, (25, 20), painting), together)
        np.testing.assert_array_equal(overlaps(second, first, (25, 20), painting), together)
        assert (together > 0).sum() > 20
        monkeypatch.undo()


def one(first, second, bounds, painting):
    return overlaps(np.array([first]), np.array([second]), bounds, painting)[0]


def test_pixels_of_a_box():
    first, second = (0, 0, 3, 2), (2, 0, 3, 2)
    # Columns 0-3 and 2-5 in rows 0-2; columns 0-2 and 2-4 in two rows.
    assert one(first, second, None, "pysot") == 6 / 18
    assert one(first, second, None, "vot_toolkit") == 2 / 10
    assert one(first, second, None, "legacy") == 2 / 10


def test_halves():
    # Edges at 0.5 and 2.5: pysot rounds to 1-3, vot-toolkit to x = 0 and width 2.
    assert one((0.5, 0, 2, 4), (1, 0, 2, 4), None, "pysot") == 1
    assert one((0.5, 0, 2, 4), (0, 0, 2, 4), None, "vot_toolkit") == 1


def test_bounds():
    # Of columns 8-12 the picture of width 10 has 8-10 in pysot, 8-9 (of 8-11) in vot-toolkit.
    box, inner = (8, 0, 4, 4), (8, 0, 1, 4)
    assert one(box, inner, (10, 10), "pysot") == 2 / 3
    assert one(box, inner, (9, 9), "pysot") == 1
    assert one(box, inner, None, "pysot") == 2 / 5
    assert one(box, inner, (10, 10), "vot_toolkit") == 1 / 2
    assert one(box, inner, None, "vot_toolkit") == 1 / 4


def test_boxes_that_share_one_line_do_not_overlap_in_pysot():
    assert one((0, 0, 4, 4), (4, 0, 4, 4), None, "pysot") == 0
    assert one((0, 0, 4, 4), (3.9, 0, 4, 4), None, "pysot") == 5 / 45


def test_failed():
    polygon = np.array([10, 0, 20, 10, 10, 20, 0, 10.0])
    assert failed(polygon, np.array([0, 0, 3, 3.0]), (50, 50))  # beside a slanted edge
    assert not failed(polygon, np.array([0, 0, 6, 6.0]), (50, 50))
    assert failed(polygon, np.full(4, np.nan), (50, 50))
    beyond = np.array([60, 0, 80, 0, 80, 20, 60, 20.0])
    assert failed(beyond, np.array([60, 0, 20, 20.0]), (50, 50))
    assert not failed(beyond, np.array([60, 0, 20, 20.0]), None)
    assert failed(polygon, np.array([19, 10, 1, 1]), (50, 50), "legacy")
    assert not failed(polygon, np.array([19, 10, 1, 1]), (50, 50), "vot_toolkit")


def test_unknown_regions_have_no_overlap():
    box = (0, 0, 4, 4)
    bad = [(np.nan, 0, 4, 4), (0, 0, np.nan, 4), (0, 0, np.inf, 4), box]
    found = overlaps(np.array(bad), np.array([box] * 4), (9, 9), "pysot")
    np.testing.assert_array_equal(found, [np.nan, np.nan, np.nan, 1])
    assert len(overlaps(np.zeros((0, 8)), np.zeros((0, 4)), None, "pysot")) == 0


@pytest.mark.parametrize("painting", PAINTINGS)
def test_absurd_numbers(painting):
    vast, box = (-1e12, -1e12, 3e12, 3e12), (2, 2, 8, 8)
    found = one(vast, box, (40, 20), painting)
    assert found == one((-9, -9, 90, 90), box, (40, 20), painting) > 0
    assert one(vast, box, None, painting) < 1e-8


def test_furthest():
    regions = np.concatenate([as_regions(np.array([(1, 2, 3, 4)])), [[9, 1, 2, 8, 3, 3, 4, 4]]])
    np.testing.assert_array_equal(furthest(regions), [(4, 6), (9, 8)])


@pytest.mark.parametrize(
    "key, painting, smaller",
    [
        ("pysot_bound_wh", "pysot", 0),
        ("pysot_bound_wh_minus1", "pysot", 1),
        ("pysot_nobound", "pysot", None),
        ("vot_toolkit_090", "vot_toolkit", 0),
    ],
)
def test_toolkits_own_overlaps(key, painting, smaller):
    path = TRUTH / "vot2018" / "overlap_samples.npz"
    if not path.is_file():
        pytest.skip("the reference overlaps are not here")
    samples = np.load(path)
    bounds = None if smaller is None else samples["size_wh"] - smaller
    found = overlaps(samples["pred_xywh"], samples["gt_poly8_or_xywh"], bounds, painting)
    np.testing.assert_allclose(found, samples[key], atol=1e-7)  # float32 in pysot
