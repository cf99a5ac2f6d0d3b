"""Backgrounds: a large painted picture that the camera looks at a part of."""

from dataclasses import dataclass

import numpy as np

from datasets.synthetic.draws import Random, cosine, sine
from datasets.synthetic.lens import soften
from datasets.synthetic.places import Painter, place, things
from datasets.synthetic.textures import Fields, Material, Stamp
from datasets.synthetic.thickets import THICKETS

HORIZONS = {"street": (0.35, 0.55), "nature": (0.25, 0.5), "room": (0.5, 0.75)}
SCENES = ("street", "nature", "room", "ground", "clutter")
DENSE = ("leaves", "leaves", "leaves", "foliage", "foliage", "crowd", "crowd", "shelves", "water")
COVERED = (0.3, 0.2)  # shares of sceneries that a dense picture covers all of, and a part of


@dataclass
class Scenery:
    """picture: (H, W, 3) uint8; kin: (H, W) bool, where the target's own materials were used."""

    picture: np.ndarray
    kin: np.ndarray


def scenery(
    random: Random,
    width: int,
    height: int,
    unit: float,
    fields: Fields,
    light: tuple[float, float],
    kin: list[Material],
    kin_size: float,
    kin_spots: np.ndarray,
) -> Scenery:
    """Paints a scene of width x height texels.

    `unit` is texels per pixel of a 320 x 240 picture. `kin`, where not empty, are materials of
    the target, which things of about `kin_size` texels around `kin_spots` (K, 2), where the target
    will pass, then share: background clutter.
    """
    picture = np.empty((height, width, 3), np.uint8)
    part = random.uniform(0, 1)
    everywhere, partly = part < COVERED[0], part < COVERED[0] + COVERED[1]
    if everywhere:
        base = np.floor(random.choose(fields.palette)).astype(np.uint8)
        picture[...] = base
        painter = Painter(random, picture, unit, fields, light, 0.1, "dense", 0)
        _thicket(painter, ())
    else:
        scene = random.choose(SCENES)
        horizon = HORIZONS.get(scene)
        top = int(height * random.uniform(*horizon)) if horizon else 0
        saturation = random.uniform(0.02, 0.2)
        painter = Painter(random, picture, unit, fields, light, saturation, scene, top)
        place(painter)
    if partly or (everywhere and random.chance(0.4)):
        _thicket(painter, _region(painter))
    if everywhere and random.chance(0.3):
        things(painter)
    marks = np.zeros((height, width), bool)
    if kin:
        _kin(painter, marks, kin, kin_size, kin_spots)
    return Scenery(soften(picture, random.choose((0, 0, 0.5, 0.5, 1, 1, 2))), marks)


def _thicket(painter, region):
    """A dense picture over the scene, in a region (H, W) bool of it or, where empty, all of it."""
    random, picture = painter.random, painter.picture
    dense = THICKETS[random.choose(DENSE)](
        random, picture, painter.unit, painter.fields, painter.light
    )
    if len(region):
        picture[region] = dense[region]
    else:
        picture[...] = dense


def _region(painter):
    """About half of the picture (H, W) bool: above or beside a ragged line, or in patches."""
    random = painter.random
    height, width = painter.picture.shape[:2]
    turn, ragged = random.uniform(-0.08, 0.08), random.uniform(0, 60) * painter.unit
    if random.chance(0.25):
        turn = random.uniform(0, 1)
    if random.chance(0.2):
        return painter.fields.smooth > np.float32(random.uniform(-0.15, 0.15))
    across = (np.arange(width, dtype=np.float32) - width / 2) * np.float32(sine(turn))
    down = (np.arange(height, dtype=np.float32) - height / 2) * np.float32(cosine(turn))
    line = across[None] + down[:, None] + np.float32(ragged) * painter.fields.smooth
    return line < np.float32(random.uniform(-0.2, 0.1) * height)


def _kin(painter, marks, kin, size, spots):
    """Things of the target's materials and about its size, most of them where it will pass."""
    random, (height, width) = painter.random, marks.shape
    for index in range(50):
        a, b = size * random.uniform(0.4, 0.9, 2)
        if index < 32:
            x, y = random.choose(spots) + random.uniform(-3.2, 3.2, 2) * size
        else:
            x, y = random.uniform(0, width), random.uniform(0, height)
        look = random.choose(kin[:2] + kin[:1])
        stamp = Stamp(x, y, a, b, look, random.uniform(0, 1), random.choose((2, 2, 4)), 0.35)
        painter.put(stamp)
        reach = 0.6 * min(a, b)
        x0, y0 = max(int(x - reach), 0), max(int(y - reach), 0)
        marks[y0 : int(y + reach) + 1, x0 : int(x + reach) + 1] = True
