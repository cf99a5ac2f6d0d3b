"""The plan of a sequence: its camera, its actors, its light, drawn from a seed."""

from dataclasses import dataclass

import numpy as np

from datasets.synthetic.actors import Actor, Camera
from datasets.synthetic.draws import Random, bump, cosine, sine, smoothstep
from datasets.synthetic.figures import Figure, figure
from datasets.synthetic.light import Light, make_light
from datasets.synthetic.rigs import KINDS
from datasets.synthetic.textures import Fields, colour

# Weights with which a challenge is added to the leading one. These are plans; what a sequence is
# labelled with is measured afterwards (labels.py).
CHALLENGES = {
    "scale variation": 1.2,
    "illumination variation": 0.9,
    "occlusion": 1.2,
    "deformation": 1.1,
    "motion blur": 0.6,
    "fast motion": 0.8,
    "in-plane rotation": 1.1,
    "out of view": 0.45,
    "background clutter": 0.8,
    "similar objects": 1.0,
    "low resolution": 0.3,
}


def unit_of(size: tuple[int, int]) -> float:
    """Pixels of a picture of size (W, H) for each pixel of one of 320 x 240, 0.5 at least."""
    return max(min(size[0] / 320, size[1] / 240), 0.5)


@dataclass
class Script:
    """Everything that moves. `actors` in drawing order hold the target too."""

    planned: tuple[str, ...]
    camera: Camera
    target: Actor
    actors: list[Actor]
    light: Light
    exposure: float
    grain: float
    grain_offsets: np.ndarray


def script(
    random: Random,
    lead: str,
    frames: int,
    size: tuple[int, int],
    scene: tuple[int, int],
    fields: Fields,
    light: tuple[float, float],
) -> Script:
    """Plans `frames` frames of size (W, H) in a scenery of scene (W, H) texels.

    `lead` is one of CHALLENGES that is in the plan for certain; one or two more are drawn.
    """
    others = {name: weight for name, weight in CHALLENGES.items() if name != lead}
    planned = [lead, *random.sample(others, random.choose((1, 1, 2, 2)))]
    unit = unit_of(size)
    camera, shake = _camera(random, frames, size, scene, unit, planned)
    base = colour(random, 0.4)
    kind = random.choose(list(KINDS))
    spread = random.uniform(0, 1)
    nominal = (28 + 52 * spread * spread) * unit
    if "low resolution" in planned:
        nominal = random.uniform(15, 19) * unit
    nominal = min(nominal, 0.4 * min(size))
    body = figure(random, kind, nominal, fields, light, base)
    target = _pose(random, frames, body, nominal, planned, camera.zoom, 0.45 * min(size))
    _place(random, target, size, shake, planned)
    actors = _extras(random, frames, size, unit, fields, light, camera)
    if "similar objects" in planned:
        actors += _similar(random, target, size, fields, light, kind, base, nominal)
    if "occlusion" in planned:
        actors += _occluders(random, target, camera, fields, light, base, nominal)
    behind = [actor for actor in actors if not actor.front]
    front = [actor for actor in actors if actor.front]
    return Script(
        planned=tuple(planned),
        camera=camera,
        target=target,
        actors=[*behind, target, *front],
        light=make_light(random, frames, "illumination variation" in planned),
        exposure=random.uniform(0.8, 1.0) if "motion blur" in planned else 0.08,
        grain=random.uniform(0.02, 0.09),
        grain_offsets=np.stack(
            [np.array([random.integer(0, 64), random.integer(0, 64)]) for _ in range(frames)]
        ),
    )


def _camera(random, frames, size, scene, unit, planned):
    """The camera, and its shake (N, 2) in pixels, which moves everything that is seen."""
    style = random.choose(("still", "pan", "pan", "hand", "hand"))
    zoom = 1.0 + 0.03 * random.wander(frames, 30)
    if "scale variation" in planned and random.chance(0.4):
        zoom = zoom * _growth(random, frames, 1.25, 1.6)
    roll = 0.004 * random.wander(frames, 25)
    shake = 0.6 * unit * random.wander(frames, 4, 2)
    if style == "hand":
        shake = random.uniform(1.5, 3.5) * unit * random.wander(frames, 5, 2)
        roll = 0.012 * random.wander(frames, 20)
    if "motion blur" in planned:
        shake = random.uniform(9, 16) * unit * random.wander(frames, random.uniform(3, 4.5), 2)
    room = np.maximum((np.array(scene) - np.array(size) / 0.85) / 2, 0) - 4 * unit
    pan = np.array(scene) / 2 + room * random.uniform(-0.5, 0.5, 2)
    pan = np.repeat(pan[None], frames, 0)
    if style != "still":
        pan = pan + np.clip(room * 0.9 * random.wander(frames, random.uniform(20, 50), 2), -room,
                            room) * 0.5  # fmt: skip
    look = pan - shake / zoom[:, None]
    return Camera(look, zoom, roll, size), shake


def _growth(random, frames, least, most):
    """Factors (N,) that change from 1 to least..most times larger or smaller, perhaps and back."""
    time = np.arange(frames)
    factor = random.uniform(least, most)
    start, rise = random.uniform(2, 0.3 * frames), random.uniform(0.2, 0.5) * frames
    hold = random.uniform(0.1, 1.0) * frames
    grown = 1.0 + (factor - 1.0) * bump(time, start, rise, hold)
    return grown if random.chance(0.5) else 1.0 / grown


def _pose(random, frames, body: Figure, nominal, planned, zoom, widest):
    """The target's shape in every frame; its path is set later."""
    time = np.arange(frames)
    # The box at rest is to have an area of nominal x nominal at the first frame.
    scale = np.repeat(nominal / np.sqrt(4 * body.half[0] * body.half[1]), frames)
    scale = scale * zoom / zoom[0] * (1.0 + 0.05 * random.wander(frames, 25))
    if "scale variation" in planned:
        scale = scale * _growth(random, frames, 1.5, 2.3)
    if "low resolution" in planned:
        scale = scale * (1.0 - 0.2 * smoothstep(time / frames * 2))
    scale = np.clip(scale, scale[0] * 10 / nominal, scale[0] * widest / nominal)
    turn = 0.012 * random.wander(frames, 20)
    if "in-plane rotation" in planned:
        if random.chance(0.3):
            turn = random.sign() * random.uniform(0.006, 0.025) * time
        else:
            swing = random.uniform(0.15, 0.45)
            turn = swing * random.wander(frames, random.uniform(12, 28))
            turn = turn - turn[0] * 0.7
    deform = "deformation" in planned
    amount = nominal * (random.uniform(0.22, 0.38) if deform else random.uniform(0.0, 0.03))
    phase = time / random.uniform(9, 22) + random.uniform(0, 1)
    upright = body.half[1] > body.half[0]
    main, minor = (1.0, 0.25) if upright else (0.25, 1.0)
    wave = np.stack([cosine(phase) * main, sine(phase) * main * 1.4,
                     sine(phase) * minor, cosine(phase) * minor * 1.4], -1)  # fmt: skip
    squeeze = (0.16 if deform else 0.02) * random.wander(frames, 14)
    stretch = np.stack([scale * (1.0 + squeeze), scale * (1.0 - squeeze)], -1)
    return Actor(
        body,
        np.zeros((frames, 2)),
        stretch,
        turn,
        amount * wave,
        time / random.uniform(7, 14) + random.uniform(0, 1),
        np.full(frames, random.uniform(1.3, 2.2) if deform else random.uniform(0.1, 0.5)),
    )


def _place(random, target: Actor, size, shake, planned):
    """Sets the target's path: smooth, within the picture, unless it is to leave the view."""
    frames = len(target.centre)
    low, high = target.extents()
    wide = np.array(size, np.float64)
    room = np.maximum(wide - (high - low), 0) / 2
    period = random.uniform(20, 45)
    if "fast motion" in planned:
        path = room * random.wander(frames, random.uniform(6.5, 9.5), 2)
    else:
        roam = np.minimum(random.uniform(0.4, 1.7) * np.sqrt((high - low).prod(1)[:1, None]), room)
        path = roam * random.wander(frames, period, 2) + room * random.uniform(-0.5, 0.5, 2)
    path = path + wide / 2 - (low + high) / 2 + shake
    path = np.maximum(np.minimum(path, wide - 1 - high), 1 - low)
    path = np.where(high - low > wide - 2, wide / 2 - (low + high) / 2, path)
    if "out of view" in planned:
        path = _excursions(random, path, low, high, wide)
    target.centre[...] = path


def _excursions(random, path, low, high, wide):
    """Takes the path out over a side of the picture and back, once or twice."""
    frames, time = len(path), np.arange(len(path))
    for part in range(random.choose((1, 2)) if frames >= 40 else 1):
        start = frames * (0.2 + 0.4 * part) * random.uniform(0.8, 1.2)
        away = bump(time, start, random.uniform(4, 9), random.uniform(1, 8))[:, None]
        axis = random.choose((0, 0, 1))
        full = random.chance(0.6)
        goal = path.copy()
        if random.chance(0.5):
            goal[:, axis] = -high[:, axis] - 3 if full else 0
        else:
            goal[:, axis] = wide[axis] - low[:, axis] + 3 if full else wide[axis]
        path = path + (goal - path) * away
    return path


def _still_pose(frames, body, scale, turn=0.0):
    """An actor of constant shape at the origin."""
    return Actor(
        body, np.zeros((frames, 2)), np.full((frames, 2), scale), np.full(frames, turn),
        np.zeros((frames, 4)), np.arange(frames) / 10, np.full(frames, 0.6),
    )  # fmt: skip


def _extras(random, frames, size, unit, fields, light, camera):
    """Up to two others that go their own ways behind the target."""
    extras = []
    for _ in range(random.choose((0, 1, 1, 2))):
        extent = random.uniform(22, 60) * unit
        kind = random.choose(list(KINDS))
        extra = _still_pose(frames, figure(random, kind, extent, fields, light), 1.0)
        start = camera.look[0] + np.array(size) * random.uniform(-0.5, 0.5, 2)
        roam = 50 * unit * random.wander(frames, random.uniform(15, 40), 2)
        extra.centre[...] = camera.to_picture(start) + roam
        extra.stretch *= camera.zoom[:, None]
        extras.append(extra)
    return extras


def _similar(random, target, size, fields, light, kind, base, nominal):
    """Look-alikes near the target: its own figure again, or another of its kind and colour."""
    frames, time = len(target.centre), np.arange(len(target.centre))
    lookalikes = []
    for _ in range(random.choose((1, 2, 2, 3))):
        body = target.figure
        if random.chance(0.4):
            aspect = float(body.half[0] / body.half[1])
            body = figure(random, kind, nominal, fields, light, base, aspect)
        twin = _still_pose(frames, body, 1.0)
        twin.front, twin.lookalike = random.chance(0.4), True
        twin.stretch[...] = target.stretch * random.uniform(0.85, 1.15)
        twin.turn[...] = target.turn + 0.02 * random.wander(frames, 20)
        twin.bend[...] = target.bend[::-1] * random.sign()
        extent = np.maximum(4 * target.figure.half * target.stretch, 1.0)
        bearing = random.uniform(0, 1) + 0.35 * random.wander(frames, random.uniform(20, 40))
        radius = 0.55 + 0.75 * (random.wander(frames, random.uniform(10, 20)) + 1) * 0.5
        radius = np.maximum(radius, 1.0 - time / 16)
        way = np.stack([cosine(bearing), sine(bearing)], -1)
        twin.centre[...] = target.centre + way * extent * radius[:, None]
        lookalikes.append(twin)
    return lookalikes


def _occluders(random, target: Actor, camera: Camera, fields, light, base, nominal):
    """Things that cross in front of the target, moving with the scenery and on their own."""
    frames, time = len(target.centre), np.arange(len(target.centre))
    crossings = []
    for part in range(random.choose((1, 2, 2, 3))):
        when = min(int(frames * (0.2 + 0.27 * part + random.uniform(0, 0.2))), frames - 1)
        now = float(np.sqrt(target.stretch[when, 0] * target.stretch[when, 1]))
        extent = nominal * now * random.uniform(0.8, 1.5)
        kind = random.choose(("blob", "box", "walker", "vehicle", "blob", "post"))
        tint = base if random.chance(0.35) else None
        if kind == "post":
            body = figure(random, "box", extent * 1.6, fields, light, tint, 0.12)
        else:
            body = figure(random, kind, extent, fields, light, tint)
        cover = _still_pose(frames, body, 1.0)
        cover.front = True
        drift = camera.to_picture(camera.to_scenery(target.centre)[when])
        duration = random.uniform(5, 12)
        reach = float(body.half[0]) + nominal * now * 0.6
        speed = random.sign() * reach / duration
        tilt = random.uniform(-0.3, 0.3) * speed
        own = (time - when)[:, None] * np.array([speed, tilt])
        cover.centre[...] = drift + own
        # It must not stand before the target in the first frames: then it comes faster.
        first = cover.centre[:4] - target.centre[:4]
        if (np.abs(first) < body.half + nominal * now).all(1).any() and when > 0:
            cover.centre[...] += own * (4 * reach / (abs(speed) * when))
        crossings.append(cover)
    return crossings
