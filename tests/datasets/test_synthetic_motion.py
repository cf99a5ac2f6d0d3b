"""How synthetic cameras and figures move."""

import numpy as np
import pytest

from datasets.synthetic import synthetic
from datasets.synthetic.actors import Actor, Camera, turned, unturned, visible
from datasets.synthetic.cast import _changed
from datasets.synthetic.draws import Random
from datasets.synthetic.figures import Figure, Limb
from datasets.synthetic.labels import clipped_boxes
from datasets.synthetic.render import background, sprite

SIZE = (160, 120)


def square(x, y, side, labelled, colour):
    """A limb: an opaque square of `side` texels with its corner at (x, y) of the figure."""
    texture = np.zeros((side + 2, side + 2, 4), np.uint8)
    texture[1:-1, 1:-1] = [*colour, 255]
    return Limb(texture, np.array([x, y], float), np.zeros(2), labelled=labelled)


def actor(limbs, centre, frames=3, yaw=0.0):
    figure = Figure(limbs, np.array([20.0, 20.0]), [])
    return Actor(
        figure, np.full((frames, 2), centre, float), np.ones((frames, 2)), np.zeros(frames),
        np.zeros((frames, 4)), np.full(frames, yaw), np.zeros(frames), np.zeros(frames),
    )  # fmt: skip


def camera(frames=5, slant=0.004, **changes):
    time = np.arange(frames)[:, None]
    look = np.array([150.0, 110.0]) + time * [7.0, 1.5]
    how = {"zoom": 1.0 + 0.02 * time[:, 0], "roll": 0.002 * time[:, 0], **changes}
    return Camera(look, how["zoom"], how["roll"], SIZE, 90, slant)


def test_boxes_are_about_labelled_limbs_alone():
    head = square(-10, -30, 26, True, (200, 20, 20))
    body = square(-20, -10, 52, False, (20, 200, 20))
    whole = actor([body, head], (80, 70))
    x, y, w, h = clipped_boxes(whole, SIZE)[1]
    # 26 texels at 1.3 a pixel, after the texture's empty rim of one.
    np.testing.assert_allclose([x, y, w, h], [70 + 1 / 1.3, 40 + 1 / 1.3, 20, 20], atol=0.02)
    patch, corner = sprite(whole, 1, None, SIZE)
    solid = np.flatnonzero((patch[..., 3] >= 128).any(1))
    assert solid[-1] + corner[1] > 95  # the body is drawn
    # With the head above the picture, what is left of the body is not the target.
    gone = actor([body, head], (80, 5))
    assert not visible(gone, SIZE).any() and np.isnan(clipped_boxes(gone, SIZE)).all()
    assert sprite(gone, 0, None, SIZE) is not None


def test_what_is_nearer_passes_faster():
    moving = camera(zoom=np.ones(5), roll=np.zeros(5))
    far = moving.to_picture(np.array([150.0, 60.0]))
    np.testing.assert_allclose(np.diff(far[:, 0]), -7, atol=1e-3)
    ground = moving.to_picture(np.array([150.0, 190.0]))
    np.testing.assert_allclose(np.diff(ground[:, 0]), -7 * (1 + 0.004 * 100), atol=0.05)
    np.testing.assert_allclose(np.diff(ground[:, 1]), np.diff(far[:, 1]))
    pole = moving.to_picture(np.array([150.0, 60.0]), 2.5)
    np.testing.assert_allclose(pole[0], far[0])
    np.testing.assert_allclose(np.diff(pole, axis=0), 2.5 * np.diff(far, axis=0))


@pytest.mark.parametrize("slant", [0.0, 0.004, -0.003])
def test_scenery_and_picture_are_each_other_s_inverse(slant):
    moving = camera(slant=slant)
    for point in ([150.0, 60.0], [120.0, 140.0]):
        back = moving.to_scenery(moving.to_picture(np.array(point)))
        np.testing.assert_allclose(back, [point] * 5, atol=0.05)


def test_the_scenery_is_drawn_where_the_camera_says():
    for point in ([150, 70], [140, 150], [190, 130]):
        picture = np.zeros((220, 300, 3), np.uint8)
        picture[point[1] - 2 : point[1] + 2, point[0] - 2 : point[0] + 2] = 255
        moving = camera()
        expected = moving.to_picture(np.array(point, float))
        for index in (0, 2, 4):
            seen = background(picture, moving, index, None)[..., 0].astype(float)
            y, x = np.mgrid[: SIZE[1], : SIZE[0]] + 0.5
            found = np.array([(x * seen).sum(), (y * seen).sum()]) / seen.sum()
            np.testing.assert_allclose(found, expected[index], atol=0.2)


def test_a_turn_in_depth_moves_the_inside_and_keeps_the_rims():
    x = np.linspace(-1.5, 1.5, 301)
    for yaw in (-0.45, -0.1, 0.0, 0.3):
        np.testing.assert_allclose(turned(unturned(x, yaw), yaw), x, atol=1e-6)
        assert (np.diff(unturned(x, yaw)) > 0).all()
    body = square(-20, -20, 50, True, (120, 120, 120))
    body.texture[:, 24:28, :3] = 255  # a bright line in the middle
    columns = []
    for yaw in (0.0, 0.3):
        patch, corner = sprite(actor([body], (80, 60), yaw=yaw), 0, None, SIZE)
        columns.append(patch[30, :, 0].argmax() + corner[0])
        solid = np.flatnonzero(patch[30, :, 3] >= 128) + corner[0]
        box = clipped_boxes(actor([body], (80, 60), yaw=yaw), SIZE)[0]
        assert abs(solid[0] - box[0]) < 1 and abs(solid[-1] + 1 - box[0] - box[2]) < 1
    assert columns[1] - columns[0] == pytest.approx(-0.3 * 20, abs=1.5)


def test_lookalikes_move_their_limbs_and_turn_as_they_are_posed():
    twins = 0
    for sequence in synthetic("train", count=44, size=(160, 120)).sequences:
        plan = sequence.stage().script
        target = plan.target
        assert target.yaw[0] == 0  # frontal at first
        for twin in (actor for actor in plan.actors if actor.lookalike):
            np.testing.assert_array_equal(twin.yaw, target.yaw)
            np.testing.assert_array_equal(
                twin.angles, twin.figure.angles(twin.clock, target.vigour)
            )
            assert np.ptp(twin.clock - target.clock) < 1e-9  # in step, at another time
            twins += 1
    assert twins > 15


def test_a_changed_part_keeps_its_shape():
    body = Figure(
        [square(-9, -9, 20, True, (10, 90, 200)), square(0, 0, 9, True, (250, 0, 30))],
        np.array([10.0, 10.0]), [],
    )  # fmt: skip
    for k in range(8):
        other = _changed(Random(k), body)
        differs = [
            (a.texture != b.texture).any() for a, b in zip(body.limbs, other.limbs, strict=True)
        ]
        assert sum(differs) == 1
        for a, b in zip(body.limbs, other.limbs, strict=True):
            np.testing.assert_array_equal(a.texture[..., 3], b.texture[..., 3])
            np.testing.assert_array_equal(a.outline, b.outline)
            assert (b.texture[..., :3] <= b.texture[..., 3:]).all()


def test_targets_move_and_change_as_real_ones_do():
    """The middle of what was measured on real footage, at a picture width of 320."""
    steps, sides = [], []
    for sequence in synthetic("train", count=44, size=(160, 120)).sequences:
        boxes = sequence.boxes
        side = np.sqrt(boxes[:, 2] * boxes[:, 3])
        centre = boxes[:, :2] + boxes[:, 2:] / 2
        step = np.sqrt((np.diff(centre, axis=0) ** 2).sum(1)) / side[:-1]
        steps.append(step[~np.isnan(step)])
        sides.append(2 * side[~np.isnan(side)])
    steps, sides = np.concatenate(steps), np.concatenate(sides)
    assert 0.05 < np.median(steps) < 0.14 and np.percentile(steps, 90) < 0.5
    assert 25 < np.median(sides) < 60
    assert 0.4 < np.mean((sides > 25) & (sides < 70)) < 0.9
