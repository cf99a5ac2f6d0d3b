"""Boxes and attributes of synthetic footage, against what is drawn."""

import math
from dataclasses import replace

import numpy as np
import pytest
from drawn_targets import bounds, mask

from datasets.synthetic import synthetic
from datasets.synthetic.labels import attributes
from datasets.synthetic.render import frame, lit, sprite
from datasets.synthetic.script import CHALLENGES
from ops.boxes import overlap


@pytest.fixture(scope="module")
def footage():
    return synthetic("test", cache=24).sequences


def test_boxes_are_on_their_grid(footage):
    for sequence in footage[:6]:
        boxes = sequence.boxes[~np.isnan(sequence.boxes[:, 0])]
        assert (boxes * 64 == np.rint(boxes * 64)).all()


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
