"""Scenes that one could name, brush by brush: street, nature, room, open ground."""

from dataclasses import dataclass

import cv2
import numpy as np

from datasets.synthetic.draws import Random
from datasets.synthetic.patterns import PLAIN
from datasets.synthetic.textures import Fields, Material, Stamp, blend, material, paint

FACADES = ("windows", "windows", "windows", "bricks", "plain", "stripes")
SHADOW = 0.4


@dataclass
class Painter:
    """What painting needs to know, so that each brush below stays a few lines."""

    random: Random
    picture: np.ndarray
    unit: float
    fields: Fields
    light: tuple[float, float]
    saturation: float
    scene: str
    top: int

    def put(self, stamp: Stamp, shadow: float = SHADOW) -> None:
        paint(self.picture, stamp, self.random, self.fields, self.light, shadow=shadow)

    def material(self, patterns=PLAIN, base=None) -> Material:
        return material(self.random, self.saturation, patterns, base)


def place(painter):
    """A scene that one could name: something behind, the ground, things on it."""
    if painter.top:
        _sky(painter)
        brush = {"street": _buildings, "nature": _hills, "room": _furniture}
        brush[painter.scene](painter)
    _ground(painter)
    if painter.scene in ("street", "nature"):
        for _ in range(painter.random.integer(1, 6)):
            _tree(painter)
    things(painter)


def _fill(painter, rows: slice, look: Material, tone, grain):
    """Colours (h, W, 3) of rows with a tone (h, 1 or W) and grain (H, W), in broad patches."""
    smooth = painter.fields.smooth
    tone = tone + np.float32(look.contrast) * grain[rows]
    index = (np.clip(tone, 0, 1) * np.float32(127)).astype(np.uint8)
    if look.pattern == "camouflage":
        index[smooth[rows] + np.float32(0.3) * grain[rows] > np.float32(0.15)] += 128
    return cv2.LUT(cv2.merge([index] * 3), look.ramp[None, :256])


def _sky(painter):
    """Sky, or a room's wall, down to a little below the horizon, where the ground covers it."""
    random, top = painter.random, min(painter.top + 30, len(painter.picture))
    base = None
    if painter.scene != "room":
        base = np.array([165.0, 180.0, 200.0]) * random.uniform(0.6, 1.2)
    look = painter.material(("plain",), None if base is None else np.clip(base, 0, 235))
    look.contrast = random.uniform(0.1, 0.5)
    y = (np.arange(top, dtype=np.float32) / np.float32(top))[:, None]
    tone = np.float32(0.45) + np.float32(random.uniform(0.0, 0.4)) * y
    painter.picture[:top] = _fill(painter, slice(0, top), look, tone, painter.fields.smooth)


def _buildings(painter):
    random, x = painter.random, 0.0
    while x < painter.picture.shape[1]:
        a = random.uniform(18, 60) * painter.unit
        b = painter.top * random.uniform(0.25, 0.55)
        look = painter.material(FACADES)
        look.turn, look.dome, look.rim = 0.0, 0.1, 0.05
        look.frequency = random.uniform(2.0, 5.0)
        painter.put(Stamp(x + a, painter.top - b, a, b, look, 0.0, 16, 0.02))
        x += 2 * a * random.uniform(0.75, 1.3)


def _hills(painter):
    random, width = painter.random, painter.picture.shape[1]
    for _ in range(random.integer(2, 5)):
        a, b = random.uniform(80, 240) * painter.unit, painter.top * random.uniform(0.15, 0.5)
        base = np.array([105.0, 115.0, 95.0]) * random.uniform(0.6, 1.3)
        look = painter.material(PLAIN, base)
        look.rim = 0.0
        painter.put(Stamp(random.uniform(0, width), painter.top, a, b, look, 0.0, 2, 0.3), 0.0)


def _furniture(painter):
    """Cupboards, shelves of many equal things, pictures on the wall."""
    random, width, unit = painter.random, painter.picture.shape[1], painter.unit
    for _ in range(random.integer(5, 10)):
        a, b = random.uniform(14, 50) * unit, random.uniform(14, 50) * unit
        x, standing = random.uniform(0, width), random.chance(0.6)
        y = painter.top + 6 * unit - b if standing else painter.top * random.uniform(0.2, 0.7)
        painter.put(Stamp(x, y, a, b, painter.material(FACADES), 0.0, 16, 0.02))
        if random.chance(0.5):  # what lies in it or hangs on it
            look = painter.material()
            count = random.integer(1, 6)
            for k in range(count):
                at = x + a * 0.8 * ((k + 0.5) / count * 2 - 1)
                size = min(a * 0.7 / count, b * 0.6) * random.uniform(0.7, 1.0)
                painter.put(Stamp(at, y, size, b * 0.55, look, 0.0, 4, 0.08))


def _ground(painter):
    """The floor below the horizon, patched and with lines on it; in nature with a ragged edge."""
    random, picture, unit = painter.random, painter.picture, painter.unit
    height, width = picture.shape[:2]
    start = max(painter.top - 12, 0)
    rows = height - start
    base = None
    if painter.scene == "nature":
        base = np.array([110.0, 118.0, 75.0]) * random.uniform(0.6, 1.3)
    look = painter.material(("camouflage", "plain"), base)
    look.contrast *= 0.8
    y = (np.arange(rows, dtype=np.float32) / np.float32(rows))[:, None]
    tone = np.float32(0.4) + np.float32(random.uniform(0.0, 0.3)) * y
    grain = painter.fields.rough if random.chance(0.7) else painter.fields.smooth
    pixels = _fill(painter, slice(start, height), look, tone, grain)
    if painter.scene in ("ground", "room") and random.chance(0.5):
        _lines(painter, pixels)
    if painter.top:
        ragged = 14 if painter.scene == "nature" else 0
        seam = min(42, rows)
        edge = np.arange(seam, dtype=np.float32)[:, None] - 12
        edge = edge + np.float32(ragged) * painter.fields.smooth[:1]
        alpha = np.floor(np.clip(edge + np.float32(0.5), 0, 1) * 256).astype(np.uint16)
        blend(picture[start : start + seam], pixels[:seam], alpha)
        picture[start + seam :] = pixels[seam:]
    else:
        picture[...] = pixels
    if painter.scene == "street":  # the kerb and marks on the road
        white = painter.material(("plain",), np.array([190.0, 188.0, 180.0]))
        y = random.uniform(painter.top + 15, height)
        pitch = random.uniform(40, 90) * unit
        for k in range(int(width / pitch) + 1):
            painter.put(Stamp(k * pitch, y, pitch * 0.3, 2.5 * unit, white, 0.0, 8, 0.1), 0.0)


def _lines(painter, pixels):
    """Joints between tiles, or mown stripes, in place."""
    random = painter.random
    height, width = pixels.shape[:2]
    pitch = int(random.uniform(18, 60) * painter.unit)
    rows, columns = np.arange(height) % (2 * pitch), np.arange(width) % (2 * pitch)
    factor = random.choose((205, 225, 235))
    dark = lambda part: ((part.astype(np.uint16) * factor) >> 8).astype(np.uint8)  # noqa: E731
    if random.chance(0.5):
        pixels[:, columns < pitch] = dark(pixels[:, columns < pitch])
    else:
        line = max(int(1.5 * painter.unit), 1)
        pixels[rows % pitch < line] = dark(pixels[rows % pitch < line])
        pixels[:, columns % pitch < line] = dark(pixels[:, columns % pitch < line])


def _tree(painter):
    """A trunk and a crown of leafy clumps, or a bush; larger where nearer."""
    random, unit = painter.random, painter.unit
    height, width = painter.picture.shape[:2]
    near = random.uniform(0, 0.5)
    foot = painter.top + near * near * (height - painter.top)
    x, size = random.uniform(0, width), random.uniform(10, 30) * unit
    if random.chance(0.6):
        bark = painter.material(("plain",), np.array([95.0, 75.0, 60.0]))
        painter.put(Stamp(x, foot - size, size * 0.13, size * 1.1, bark, 0.0, 4, 0.1))
        foot -= 2 * size
    leaf = painter.material(PLAIN, np.array([85.0, 105.0, 55.0]) * random.uniform(0.5, 1.3))
    leaf.grain, leaf.roughness, leaf.contrast, leaf.dome = "noise", 1.0, 0.9, 0.35
    for _ in range(random.integer(2, 6)):
        dx, dy = random.uniform(-0.9, 0.9, 2) * size
        a, b = random.uniform(0.5, 1.0, 2) * size
        painter.put(Stamp(x + dx, foot + 0.6 * dy - 0.3 * size, a, b, leaf, 0.0, 2, 0.8))


def things(painter):
    """Stones, boxes, posts, planks and heaps of them; larger where nearer."""
    random, unit, top = painter.random, painter.unit, painter.top
    height, width = painter.picture.shape[:2]
    counts = {"street": 9, "nature": 13, "room": 7, "ground": 10, "clutter": 42, "dense": 25}
    count = counts[painter.scene]
    palette = [painter.material() for _ in range(5)]
    palette += [material(random, painter.saturation * 1.5) for _ in range(3)]
    upright = painter.scene in ("street", "room")
    for _ in range(count):
        x, y = random.uniform(0, width), random.uniform(top, height)
        near = 0.5 + 0.7 * (y - top) / (height - top)
        share = random.uniform(0, 1)
        size = (5 + 30 * share * share) * unit * near
        if painter.scene == "clutter":
            size = (8 + 48 * share * share) * unit
        elif random.chance(0.2):
            a, b = random.uniform(1.5, 4) * unit, random.uniform(20, 70) * unit
            painter.put(Stamp(x, y - b, a, b, random.choose(palette), 0.0, 4, 0.02))
            continue
        for _ in range(random.choose((1, 2, 3))):
            a, b = size * random.uniform(0.5, 1.3), size * random.uniform(0.5, 1.3)
            turn = 0.0 if upright and random.chance(0.8) else random.uniform(0, 1)
            shape = random.choose((4, 16, 8, 2)) if upright else random.choose((2, 2, 4))
            ragged = 0.04 if upright else random.choose((0.15, 0.35, 0.5, 0.7))
            painter.put(Stamp(x, y, a, b, random.choose(palette), turn, shape, ragged))
            x, y = x + random.uniform(-1.2, 1.2) * size, y - random.uniform(0.0, 0.9) * size
