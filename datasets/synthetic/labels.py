"""Truth: boxes and attributes, measured from what a script draws rather than from its plan."""

import numpy as np

from datasets.synthetic.actors import Actor, visible
from datasets.synthetic.script import Script, unit_of

CONTEXT = np.array([[x, y] for x in (-1.9, -1.3, 0.0, 1.3, 1.9) for y in (-1.9, -1.3, 0.0, 1.3, 1.9)
                    if x or y])  # fmt: skip


def whole_boxes(actor: Actor) -> np.ndarray:
    """Boxes (N, 4) of all of an actor's labelled limbs, in or out of the picture."""
    low, high = actor.extents()
    return np.concatenate([actor.centre + low, high - low], -1)


def clipped_boxes(actor: Actor, size: tuple[int, int]) -> np.ndarray:
    """Boxes (N, 4), on a grid of 1/64 px, clipped to the picture; NaN where nothing is in it."""
    whole = whole_boxes(actor)
    low = np.clip(whole[:, :2], 0, size)
    high = np.clip(whole[:, :2] + whole[:, 2:], 0, size)
    low, high = np.floor(low * 64 + 0.5) / 64, np.floor(high * 64 + 0.5) / 64
    boxes = np.concatenate([low, high - low], -1)
    boxes[~visible(actor, size)] = np.nan
    return boxes


def attributes(script: Script, size: tuple[int, int], kin: np.ndarray) -> tuple[str, ...]:
    """Names of the challenges that the drawn sequence truly holds (OTB-2015's, lower case).

    Wu, Lim, Yang, "Object Tracking Benchmark" (PAMI 2015), Table 2, gives their meanings; scale
    variation (its ratio 2 taken over areas), fast motion (20 px) and low resolution (400 px) are
    its thresholds at a picture width of 320, the others are decisions stated here. "similar
    objects" is ours.
    """
    whole = whole_boxes(script.target)
    area = whole[:, 2] * whole[:, 3]
    side = np.sqrt(area)
    unit = unit_of(size)
    middle = whole[:, :2] + whole[:, 2:] / 2
    boxes = clipped_boxes(script.target, size)
    inside = np.where(np.isnan(boxes[:, 2]), 0, boxes[:, 2] * boxes[:, 3])
    present = inside > 0
    step = _length(np.diff(middle, axis=0))
    both = present[1:] & present[:-1]
    light = script.light.at(middle, size)
    turn = script.target.turn - script.target.turn[0]
    tests = {
        "illumination variation": _often((light > 1.4 * light[0]) | (light < light[0] / 1.4), 3),
        "scale variation": _often((area > 2 * area[0]) | (area < area[0] / 2), 3),
        "occlusion": _often(covered(script) > 0.25, 2),
        "deformation": _deformation(script.target) > 0.14,
        "motion blur": _often((script.exposure * step > np.maximum(4 * unit, 0.1 * side[1:])), 3),
        "fast motion": bool((both & (step > 20 * unit)).any()),
        "in-plane rotation": _often(np.abs(turn) > 0.06, 3),
        "out of view": _often(inside < 0.9 * area, 2),
        "background clutter": _often(_kin_share(script, middle, whole, kin) > 0.1, len(area) // 4),
        "low resolution": _often(present & (area < 400 * unit * unit), 3),
        "similar objects": _often(_lookalike_near(script, middle, side), len(area) // 4),
    }
    return tuple(name for name, holds in tests.items() if holds)


def _often(frames, least):
    return int(np.count_nonzero(frames)) >= max(least, 1)


def _length(vectors):
    return np.sqrt(vectors[..., 0] * vectors[..., 0] + vectors[..., 1] * vectors[..., 1])


def covered(script: Script) -> np.ndarray:
    """Share (N,) of the target's box rows and columns that actors before it hide.

    Measured at 7 x 7 points of the target's box against the boxes of the coverers' limbs, each
    shrunk to 0.85 for their rounded shapes.
    """
    whole = whole_boxes(script.target)
    grid = (np.arange(7) + 0.5) / 7
    points = np.stack(np.meshgrid(grid, grid), -1).reshape(-1, 2)
    points = whole[:, None, :2] + points * whole[:, None, 2:]
    hidden = np.zeros(points.shape[:2], bool)
    for actor in script.actors:
        if not actor.front:
            continue
        for low, high in zip(*actor.limb_reach, strict=True):
            centre, half = actor.centre + (low + high) / 2, (high - low) / 2 * 0.85
            hidden |= (np.abs(points - centre[:, None]) < half[:, None]).all(-1)
    return np.count_nonzero(hidden, axis=1) / points.shape[1]


def _deformation(actor: Actor) -> float:
    """Largest distance that a tenth of the outline's points move relative to a rigid body, in
    units of the target's side, over the frames."""
    still = Actor(
        actor.figure, actor.centre, np.ones_like(actor.stretch), np.zeros_like(actor.turn),
        actor.bend, np.zeros_like(actor.yaw), actor.clock, actor.vigour,
    )  # fmt: skip
    limbs = zip(actor.figure.limbs, still.outlines(), strict=True)
    shapes = np.concatenate([outline for limb, outline in limbs if limb.labelled], 1)
    moved = np.sort(_length(shapes - shapes[:1]), axis=1)
    side = float(np.sqrt(np.prod(shapes[0].max(0) - shapes[0].min(0))))
    return float(moved[:, int(0.9 * moved.shape[1])].max()) / side


def _kin_share(script: Script, middle, whole, kin):
    """Share (N,) of points around the target where the scenery has its own materials."""
    share = np.zeros(len(middle))
    for point in CONTEXT:
        texels = script.camera.to_scenery(middle + point * whole[:, 2:] / 2)
        x, y = np.clip(texels, 0, np.array(kin.shape[::-1]) - 1).astype(np.int64).T
        share += kin[y, x]
    return share / len(CONTEXT)


def _lookalike_near(script: Script, middle, side):
    """Frames (N,) in which a look-alike has its centre in view within 2.5 sides of the target."""
    near = np.zeros(len(side), bool)
    for actor in script.actors:
        if actor.lookalike:
            apart = _length(actor.centre - script.target.centre)
            seen = ((actor.centre > 0) & (actor.centre < np.array(script.camera.size))).all(1)
            near |= seen & (apart < 2.5 * side)
    return near
