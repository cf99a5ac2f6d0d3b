"""Synthetic footage and the contact sheet."""

import hashlib
import math
import pickle
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import cv2
import numpy as np
import pytest

import datasets.synthetic as synthetic_module
from datasets.contact_sheet import contact_sheet
from datasets.sequence import Sequence
from datasets.synthetic import synthetic
from datasets.synthetic.draws import Random, cosine, sine
from datasets.synthetic.labels import attributes
from datasets.synthetic.render import frame, lit, remap, sprite
from datasets.synthetic.script import CHALLENGES
from ops.boxes import overlap
from ops.errors import InputError


@pytest.fixture(scope="module")
def footage():
    return synthetic("test", cache=24).sequences


def mask(actor, index, size):
    """Where an actor is at least half opaque in a frame, drawn without blur: (H, W) bool. Of a
    figure that boxes are about a part of, that part alone is drawn.
    """
    out = np.zeros(size[::-1], bool)
    limbs = [limb for limb in actor.figure.limbs if limb.labelled]
    actor = replace(actor, figure=replace(actor.figure, limbs=limbs))
    drawn = sprite(actor, index, None, size)
    if drawn is not None:
        patch, (x, y) = drawn
        out[y : y + patch.shape[0], x : x + patch.shape[1]] = patch[..., 3] >= 128
    return out


def bounds(area):
    """Box x, y, w, h of the true pixels of (H, W)."""
    ys, xs = np.flatnonzero(area.any(1)), np.flatnonzero(area.any(0))
    return np.array([xs[0], ys[0], xs[-1] + 1 - xs[0], ys[-1] + 1 - ys[0]], np.float64)


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


def test_boxes_are_on_their_grid(footage):
    for sequence in footage[:6]:
        boxes = sequence.boxes[~np.isnan(sequence.boxes[:, 0])]
        assert (boxes * 64 == np.rint(boxes * 64)).all()


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


def test_first_frame_shows_the_whole_target(footage):
    for sequence in footage:
        x, y, w, h = sequence.boxes[0]
        assert x > 0 and y > 0 and x + w < 320 and y + h < 240
        assert 14 < math.sqrt(w * h) < 110 and 0.35 < w / h < 2.6
        plan = sequence.stage().script
        seen = mask(plan.target, 0, sequence.size)
        for actor in plan.actors:
            if actor.front:
                hidden = np.count_nonzero(seen & mask(actor, 0, sequence.size))
                assert hidden < 0.1 * np.count_nonzero(seen)


def test_boxes_are_tight_about_what_is_drawn(footage):
    errors = []
    for sequence in footage:
        target, boxes = sequence.stage().script.target, sequence.boxes
        for index in range(0, len(sequence), 3):
            area = mask(target, index, sequence.size)
            assert area.any() == (not np.isnan(boxes[index]).any()), (sequence.name, index)
            x, y, w, h = boxes[index]
            if x > 0 and y > 0 and x + w < 320 and y + h < 240:
                drawn = bounds(area)
                far = np.abs(drawn[:2] - [x, y]), np.abs(drawn[:2] + drawn[2:] - [x + w, y + h])
                errors.append(max(far[0].max(), far[1].max()))
    assert len(errors) > 400
    # Boxes lie between pixels and masks do not: half a pixel is what rounding costs.
    assert np.median(errors) < 0.55 and np.percentile(errors, 98) < 1.6 and max(errors) < 5


def test_absent_rows(footage):
    rows = np.concatenate([sequence.boxes for sequence in footage])
    absent = np.isnan(rows)
    assert (absent.any(1) == absent.all(1)).all()
    assert 0 < absent[:, 0].sum() < 0.05 * len(rows)


def test_the_frame_shows_the_target_where_its_box_is(footage):
    """A frame drawn without the target differs just there."""
    compared = 0
    for sequence in footage:
        stage = sequence.stage()
        plan = stage.script
        if any(actor.front for actor in plan.actors) or any(
            not limb.labelled for limb in plan.target.figure.limbs
        ):
            continue
        index = len(sequence) // 2
        plan = replace(plan, record=replace(plan.record, softness=0, coarse=False, steps=None))
        full = frame(plan, stage.scenery.picture, stage.noise, index).astype(int)
        plan = replace(plan, actors=[a for a in plan.actors if a is not plan.target])
        bare = frame(plan, stage.scenery.picture, stage.noise, index)
        changed = np.abs(full - bare).max(2) > 25
        if np.count_nonzero(changed) < 50:  # too dark to tell
            continue
        reach = np.abs(plan.exposure * plan.target.motion[index]) + 6
        x, y, w, h = sequence.boxes[index]
        found = bounds(changed)
        assert (found[:2] >= [x - reach[0], y - reach[1]]).all()
        assert (found[:2] + found[2:] <= [x + w + reach[0], y + h + reach[1]]).all()
        assert overlap(found, sequence.boxes[index]) > 0.4
        compared += 1
    assert compared >= 5


def _hidden(sequence, index):
    plan, size = sequence.stage().script, sequence.size
    target = mask(plan.target, index, size)
    front = [mask(actor, index, size) for actor in plan.actors if actor.front]
    if not front or not target.any():
        return 0.0
    return np.count_nonzero(target & np.any(front, axis=0)) / np.count_nonzero(target)


def _brightness(sequence, index):
    """Of a grey wall under the sequence's light, at the target's centre."""
    x, y, w, h = sequence.boxes[index]
    wall = lit(np.full((240, 320, 3), 100, np.uint8), sequence.stage().script.light, index)
    return float(wall[min(int(y + h / 2), 239), min(int(x + w / 2), 319)].mean())


def _blurred(sequence, index):
    """How many pixels wider the drawn target is than a sharp one."""
    plan = sequence.stage().script
    sharp = sprite(plan.target, index, None, sequence.size)
    smeared = sprite(plan.target, index, plan.exposure * plan.target.motion[index], sequence.size)
    if sharp is None or smeared is None:
        return 0
    sides = [bounds(drawn[0][..., 3] > 8)[2:] for drawn in (sharp, smeared)]
    return (sides[1] - sides[0]).max()


def _lookalike(sequence, index):
    plan = sequence.stage().script
    box = sequence.boxes[index]
    for actor in plan.actors:
        if actor.lookalike and mask(actor, index, sequence.size).any():
            apart = actor.centre[index] - (box[:2] + box[2:] / 2)
            if np.abs(apart).max() < 3 * math.sqrt(box[2] * box[3]):
                return True
    return False


def test_attributes_are_true(footage):
    """Each label is checked against the boxes or the drawing, by other means than labels.py."""
    seen = set()
    for sequence in footage:
        boxes, names = sequence.boxes, set(sequence.attributes)
        assert names <= set(CHALLENGES)
        seen |= names
        there = np.flatnonzero(~np.isnan(boxes[:, 0]))
        area = boxes[:, 2] * boxes[:, 3]
        step = np.diff(boxes[:, :2] + boxes[:, 2:] / 2, axis=0)
        inside = (boxes[there, :2] > 0).all(1) & (
            boxes[there, :2] + boxes[there, 2:] < sequence.size
        ).all(1)
        leaves = len(there) < len(boxes) or not inside.all()
        facts = {
            "low resolution": (area[there] < 400).any(),
            "occlusion": max(_hidden(sequence, i) for i in range(0, len(boxes), 2)) > 0.15,
            "similar objects": sum(_lookalike(sequence, i) for i in there) > len(boxes) / 6,
            "motion blur": max(_blurred(sequence, i) for i in there) >= 2,
            "out of view": leaves,
        }
        light = [_brightness(sequence, i) / _brightness(sequence, 0) for i in there]
        facts["illumination variation"] = max(light) > 1.25 or min(light) < 0.8
        if not leaves:  # clipped boxes tell neither size nor motion of the whole
            ratio = area / area[0]
            assert ((ratio > 2) | (ratio < 0.5)).sum() >= 3 or "scale variation" not in names
            assert ("fast motion" in names) == (np.sqrt((step * step).sum(1)) > 20).any()
        for name, holds in facts.items():
            assert holds or name not in names, (sequence.name, name)
    assert seen == set(CHALLENGES)


def _labels(sequence, **pose):
    """Attributes of a sequence with parts of its target's pose replaced."""
    stage = sequence.stage()
    target = replace(stage.script.target, **pose)
    actors = [target if a is stage.script.target else a for a in stage.script.actors]
    return attributes(
        replace(stage.script, target=target, actors=actors), sequence.size, stage.scenery.kin
    )


def test_rotation_and_deformation_labels_follow_the_pose(footage):
    for sequence in footage[::4]:
        count, target = len(sequence), sequence.stage().script.target
        still = {
            "turn": np.zeros(count),
            "bend": np.zeros((count, 4)),
            "yaw": np.zeros(count),
            "clock": np.zeros(count),
            "vigour": np.zeros(count),
            "stretch": target.stretch[:1].repeat(count, 0),
        }
        assert not {"in-plane rotation", "deformation"} & set(_labels(sequence, **still))
        assert "scale variation" not in _labels(sequence, **still)
        turned = {**still, "turn": np.where(np.arange(count) < 9, 0.0, 30 / 360)}
        assert "in-plane rotation" in _labels(sequence, **turned)
        assert "in-plane rotation" not in _labels(sequence, **{**still, "turn": still["turn"] + 1})
        bent = np.zeros((count, 4))
        bent[9:, 0] = target.figure.half.max()  # from -0.5 in the middle to +0.5 at the ends
        assert "deformation" in _labels(sequence, **{**still, "bend": bent})
        assert "deformation" not in _labels(sequence, **{**still, "bend": bent[-1:] + 0 * bent})


def test_pickling_leaves_the_textures_behind():
    dataset = synthetic("val", count=2, length=5, size=(160, 120))
    expected = [sequence.frame(3) for sequence in dataset.sequences]
    stored = pickle.dumps(dataset)
    assert len(stored) < 20_000
    for sequence, picture in zip(pickle.loads(stored).sequences, expected, strict=True):
        np.testing.assert_array_equal(sequence.frame(3), picture)


def test_boxes_need_no_scenery(monkeypatch):
    sequence = synthetic("val", count=1, length=4, size=(96, 96)).sequences[0]
    painted = []
    monkeypatch.setattr(synthetic_module, "scenery", lambda *given: painted.append(given))
    boxes = sequence.boxes
    assert not painted
    monkeypatch.undo()
    again = synthetic("val", count=1, length=4, size=(96, 96)).sequences[0]
    assert again.frame(0).shape == (96, 96, 3)  # painted first, measured afterwards
    np.testing.assert_array_equal(again.boxes, boxes)


def test_threads_paint_a_scenery_once(monkeypatch):
    """The tracking loop reads a frame and the next one at the same time."""
    counted, painted = [], synthetic_module.scenery

    def slowly(*given):
        counted.append(given)
        time.sleep(0.05)
        return painted(*given)

    monkeypatch.setattr(synthetic_module, "scenery", slowly)
    sequence = synthetic("val", count=1, length=8, size=(96, 96)).sequences[0]
    with ThreadPoolExecutor(8) as readers:
        frames = list(readers.map(sequence.frame, range(8)))
    assert len(counted) == 1
    np.testing.assert_array_equal(frames[5], sequence.frame(5))


def test_cache_is_bounded():
    sequences = synthetic("val", count=5, length=2, size=(96, 96), cache=2).sequences
    kept = [sequence.stage() for sequence in sequences]
    assert sequences[4].stage() is kept[4] and sequences[3].stage() is kept[3]
    assert sequences[0].stage() is not kept[0]


class Wall(Sequence):
    """Grey frames whose size changes, with one absent row."""

    name = "wall"

    def __init__(self):
        self.boxes = np.array([[10, 20, 30, 40], [np.nan] * 4, [5, 5, 20, 20]], np.float64)

    def frame(self, index):
        return np.full((100, 200 - 100 * (index == 2), 3), 90, np.uint8)


def test_contact_sheet_layout():
    sheet = contact_sheet([Wall()], columns=6, rows=4, tile=(100, 80))
    assert sheet.dtype == np.uint8 and sheet.shape == (80 + 16 + 2, 6 * 102 - 2, 3)
    green = (sheet == (0, 220, 0)).all(2)
    # Frame 0 is halved and lies 15 px below the tile's top: box (5, 10, 15, 20) of the picture.
    np.testing.assert_array_equal(bounds(green[:, :100]), [5, 16 + 15 + 10, 15, 20])
    assert not green[:, 102:202].any()  # absent
    assert green[:, 204:304].any()
    np.testing.assert_array_equal(sheet[16:31, :100], 255)  # the aspect is kept: paper above
    assert (sheet[:16] < 128).any()  # the caption


def test_contact_sheet_of_footage(footage):
    sheet = contact_sheet(footage, columns=3, rows=5, tile=(80, 60))
    assert sheet.shape == (5 * (60 + 18), 3 * 82 - 2, 3)
    small = cv2.resize(footage[-1].frame(0), (80, 60), interpolation=cv2.INTER_AREA)
    cell = sheet[-62:-2, :80]
    differs = (cell != small).any(2)
    assert (cell[differs] == (0, 220, 0)).all() and 0 < differs.sum() < 400
