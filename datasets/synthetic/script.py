"""The plan of a sequence: its camera, its actors, its light, drawn from a seed."""

from dataclasses import dataclass

import numpy as np

from datasets.synthetic.actors import Actor, Camera
from datasets.synthetic.cast import Cast, draw_kind
from datasets.synthetic.draws import Random, bump, cosine, sine, smoothstep
from datasets.synthetic.figures import Figure, figure
from datasets.synthetic.light import Light, make_light
from datasets.synthetic.record import Record, make_record
from datasets.synthetic.textures import Fields, colour

# Weights with which a challenge is added to the leading one. These are plans; what a sequence is
# labelled with is measured afterwards (labels.py).
CHALLENGES = {
    "scale variation": 1.2,
    "illumination variation": 0.9,
    "occlusion": 1.2,
    "deformation": 1.1,
    "motion blur": 0.4,
    "fast motion": 0.5,
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
    record: Record
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
    kind = draw_kind(random)
    nominal = _nominal(random, planned) * unit
    nominal = min(nominal, 0.4 * min(size))
    body = figure(random, kind, nominal, fields, light, base)
    target = _pose(random, frames, body, nominal, planned, camera.zoom, 0.45 * min(size))
    _place(random, target, size, shake, planned)
    cast = Cast(random, target, kind, base, nominal, camera, unit, fields, light)
    actors = cast.extras()
    if "similar objects" in planned:
        crowd = random.chance(0.3)
        actors += cast.lookalikes(random.choose((4, 5, 6) if crowd else (1, 2, 2, 3)), crowd)
    elif random.chance(0.12):
        actors += cast.lookalikes(random.choose((1, 1, 2)))
    if "occlusion" in planned:
        actors += cast.occluders(random.choose((1, 2, 2, 3)))
    if random.chance(0.15):
        actors += cast.foreground()
    behind = [actor for actor in actors if not actor.front]
    front = [actor for actor in actors if actor.front]
    blurred = "motion blur" in planned
    return Script(
        planned=tuple(planned),
        camera=camera,
        target=target,
        actors=[*behind, target, *front],
        light=make_light(random, frames, "illumination variation" in planned),
        exposure=random.uniform(0.8, 1.0) if blurred else random.uniform(0.05, 0.5),
        record=make_record(random, "low resolution" in planned),
        grain_offsets=np.stack(
            [np.array([random.integer(0, 64), random.integer(0, 64)]) for _ in range(frames)]
        ),
    )


def _nominal(random, planned):
    """The target's side at a picture of 320 x 240, in pixels."""
    if "low resolution" in planned:
        return random.uniform(15, 19)
    share = random.uniform(0, 1)
    return random.uniform(65, 95) if random.chance(0.1) else 24 + 45 * share


def _camera(random, frames, size, scene, unit, planned):
    """The camera, and its shake (N, 2) in pixels, which moves everything that is seen."""
    style = random.choose(("still", "pan", "pan", "hand", "hand", "travel", "travel"))
    zoom = 1.0 + 0.03 * random.wander(frames, 30)
    if random.chance(0.4 if "scale variation" in planned else 0.2):
        zoom = zoom * _growth(random, frames, 1.25, 1.6)
    roll = 0.004 * random.wander(frames, 25)
    shake = 0.6 * unit * random.wander(frames, 4, 2)
    if style == "hand":
        shake = random.uniform(1.5, 4.5) * unit * random.wander(frames, random.uniform(3, 7), 2)
        roll = 0.012 * random.wander(frames, 20)
    if "motion blur" in planned:
        shake = random.uniform(7, 14) * unit * random.wander(frames, random.uniform(3, 5), 2)
    room = np.maximum((np.array(scene) - np.array(size) / 0.85) / 2, 0) - 4 * unit
    pan = np.array(scene) / 2 + room * random.uniform(-0.5, 0.5, 2)
    pan = np.repeat(pan[None], frames, 0)
    if style == "travel":
        way = random.sign() * random.uniform(0.4, 0.9) * (2 * np.arange(frames) / frames - 1)
        pan = np.array(scene) / 2 + room * way[:, None] * [1.0, random.uniform(-0.3, 0.3)]
    if style != "still":
        pan = pan + np.clip(room * 0.9 * random.wander(frames, random.uniform(20, 50), 2), -room,
                            room) * (0.2 if style == "travel" else 0.5)  # fmt: skip
    look = pan - shake / zoom[:, None]
    level = int(scene[1] * random.uniform(0.4, 0.6))
    slant = random.uniform(0.1, 0.4) / (scene[1] - level) if random.chance(0.5) else 0.0
    return Camera(look, zoom, roll, size, level, slant), shake


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
    scale = scale * zoom / zoom[0]
    scale = scale * (1.0 + random.uniform(0.03, 0.14) * random.wander(frames, 20))
    if "scale variation" in planned:
        scale = scale * _growth(random, frames, 1.5, 2.3)
    elif random.chance(0.5):
        scale = scale * _growth(random, frames, 1.1, 1.6)
    if "low resolution" in planned:
        scale = scale * (1.0 - 0.2 * smoothstep(time / frames * 2))
    scale = np.clip(scale, scale[0] * 14 / nominal, scale[0] * widest / nominal)
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
    squeeze = (0.16 if deform else random.uniform(0.02, 0.08)) * random.wander(frames, 14)
    stretch = np.stack([scale * (1.0 + squeeze), scale * (1.0 - squeeze)], -1)
    yaw = np.zeros(frames)
    if random.chance(0.4):
        aside = random.wander(frames, random.uniform(15, 45))
        aside = aside - aside[0]  # or the first box would be smaller than nominal
        yaw = 0.4 * aside
        stretch[:, 0] *= 1.0 - random.uniform(0.1, 0.5) * np.minimum(aside * aside, 1.0)
    return Actor(
        body,
        np.zeros((frames, 2)),
        stretch,
        turn,
        amount * wave,
        np.clip(yaw, -0.45, 0.45),
        time / random.uniform(7, 14) + random.uniform(0, 1),
        np.full(frames, random.uniform(1.3, 2.2) if deform else random.uniform(0.1, 1.0)),
    )


def _place(random, target: Actor, size, shake, planned):
    """Sets the target's path: smooth, within the picture, unless it is to leave the view."""
    frames = len(target.centre)
    low, high = target.extents()
    wide = np.array(size, np.float64)
    room = np.maximum(wide - (high - low), 0) / 2
    side = float(np.sqrt((high - low).prod(1).mean()))
    if "fast motion" in planned:
        room = np.minimum(room, 2.5 * side + 30 * size[0] / 320)
        path = room * random.wander(frames, random.uniform(7, 12), 2)
    else:
        # Roams about so far at so many sides a frame; a wander's mean step is 0.9 / period.
        share = random.uniform(0, 1)
        speed = (0.01 + 0.17 * share * share) * side
        roam = np.minimum(random.uniform(0.5, 3.0) * side, room)
        period = np.clip(0.9 * roam[0].max() / speed, 5, 60)
        roam = np.minimum(roam, speed * period / 0.9)
        path = roam * random.wander(frames, period, 2) + (room - roam) * random.uniform(-1, 1, 2)
        jolts = np.maximum(random.wander(frames, 20, 1), 0) * random.uniform(0.0, 0.5) * side
        path = path + jolts * random.wander(frames, random.uniform(5, 9), 2)
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
