"""Dense sceneries: dead leaves, foliage, crowds, shelves and facades, water."""

import cv2
import numpy as np

from datasets.synthetic.draws import Random
from datasets.synthetic.leaves import (
    ROOT,
    Layer,
    Manner,
    coloured,
    draw_manner,
    outline,
    scatter,
)
from datasets.synthetic.noise import noise
from datasets.synthetic.textures import Fields, colour, palette


def _first(unit: float) -> int:
    """Classes of sizes by which a picture of `unit` texels a pixel is coarser than one of 1."""
    steps, unit = 0, float(unit)
    while unit >= ROOT and steps < 8:
        steps, unit = steps + 1, unit / ROOT
    return steps


def leaves(random: Random, under, unit, fields: Fields, light) -> np.ndarray:
    """Leaves of all sizes; of some least and greatest size, and mostly of one manner."""
    layer = Layer(*under.shape[:2])
    least = _first(unit) + random.choose((0, 0, 0, 1, 2, 3))
    most = min(least + random.integer(6, 13), 13)
    manner = random.choose(("any", "any", "round", "angular"))
    scatter(layer, random, least, most, random.uniform(0.35, 0.75), manner)
    return coloured(layer, random, fields.palette, draw_manner(random), fields, light, under)


def foliage(random: Random, under, unit, fields: Fields, light) -> np.ndarray:
    """Small leaves or blades in light and shade, with branches among them."""
    layer = Layer(*under.shape[:2])
    least = _first(unit) + random.integer(0, 2)
    kind = random.choose(("any", "round", "long"))
    scatter(layer, random, 7, 9, 0.25, kind, 3)
    for _ in range(random.integer(0, 7)):
        long, wide = random.uniform(40, 150) * unit, random.uniform(1, 5) * unit
        branch = outline(random, long, wide, random.uniform(0, 1), 4, 0.05)
        x, y = random.uniform(0, layer.width, 1), random.uniform(0, layer.height, 1)
        layer.add(branch, x, y, wide)
    scatter(layer, random, least, least + random.integer(3, 6), random.uniform(0.35, 0.7), kind)
    base = random.choose(((95, 118, 58), (125, 120, 70), (140, 105, 55), (110, 112, 108)))
    base = np.array(base) * random.uniform(0.7, 1.2)
    spread = random.uniform(0.15, 0.9)
    tones = np.array([0.25, 0.5, 0.75, 1.0, 1.25, 1.6])[:, None]
    colours = np.clip(base * (1 + spread * (tones - 1)), 8, 245)
    manner = Manner(0.8, random.uniform(0.2, 0.7), 0.3, 0.4, 0.1, random.uniform(0.3, 0.7))
    return coloured(layer, random, colours, manner, fields, light, under)


def _unit_of_crowd(random):
    """A person in a crowd: (shape arguments, x, y, group of colours) in units of its width."""
    shoulders = random.uniform(0.42, 0.55)
    person = [
        ((shoulders, 0.85, 0.0, random.choose((2, 4))), 0.0, 0.95, "clothes"),
        ((0.2, 0.27), 0.0, 0.0, "skin"),
        ((0.22, random.uniform(0.1, 0.2), 0.0, 2), 0.0, -0.17, "hair"),
    ]
    if random.chance(0.5):
        arm = (0.12, 0.5, random.uniform(-0.05, 0.05), 4)
        person += [(arm, -shoulders, 0.9, "clothes"), (arm, shoulders, 0.9, "clothes")]
    if random.chance(0.3):
        person.append(((0.15, 0.12, 0.0, 16), random.uniform(-0.2, 0.2), 0.8, "any"))
    return person, 1.0, random.uniform(0.7, 1.3)


def _unit_of_shelf(random):
    """A thing repeated side by side: a window, a book, a stone, a post, of a few parts."""
    a, b = random.uniform(0.2, 0.5), random.uniform(0.2, 0.6)
    shape = random.choose((16, 16, 4, 2))
    parts = [((a, b, 0.0, shape), 0.0, 0.0, "clothes")]
    for _ in range(random.integer(1, 5)):
        p, q = random.uniform(0.15, 0.8, 2)
        x, y = random.uniform(-0.6, 0.6, 2)
        at = (x * a * (1 - p), y * b * (1 - q))
        inner = (p * a, q * b, 0.0, random.choose((16, 4, 2)))
        parts.append((inner, *at, random.choose(("skin", "hair", "any"))))
    return parts, 2 * a * random.uniform(1.0, 1.3), 2 * b * random.uniform(1.0, 1.35)


def repeated(random: Random, under, unit, fields: Fields, light, crowd: bool) -> np.ndarray:
    """Rows of like things, larger towards the bottom in a crowd; each of a few colours."""
    height, width = under.shape[:2]
    layer = Layer(height, width)
    parts, pitch, rise = (_unit_of_crowd if crowd else _unit_of_shelf)(random)
    size = random.uniform(9, 26) * unit
    grown = random.uniform(1.0, 3.0) if crowd else random.choose((1.0, 1.0, 1.5))
    jitter = random.uniform(0.1, 0.4) if crowd else random.choose((0.0, 0.0, 0.08))
    gaps = random.uniform(0, 0.35)
    people = fields.palette if random.chance(0.6) else palette(random)
    skins = np.array([[205.0, 160, 135], [150, 105, 85], [225, 190, 170]])
    if not crowd:
        skins = np.stack([colour(random, 0.1) for _ in range(3)])
    hairs = np.stack([colour(random, 0.15) * random.uniform(0.2, 1.0) for _ in range(3)])
    colours = np.concatenate([people, skins, hairs])
    groups = {"clothes": (0, len(people)), "skin": (len(people), 3), "hair": (len(people) + 3, 3),
              "any": (0, len(colours))}  # fmt: skip
    if not crowd and random.chance(0.5):  # all alike, as windows are
        groups = {name: (first, 1) for name, (first, _) in groups.items()}
    shades, y = [np.zeros(1)], -size
    while y < height + size:
        scale = size * (1 + (grown - 1) * min(max(y / height, 0.0), 1.0))
        count = int(width / (pitch * scale)) + 2
        x = (np.arange(count) + random.uniform(-0.5, 0.5)) * (pitch * scale)
        x = x + jitter * scale * random.uniform(-1, 1, count)
        up = y + jitter * scale * random.uniform(-1, 1, count)
        kept = random.uniform(0, 1, count) >= gaps
        scale = scale * random.uniform(0.95, 1.05)
        for (a, b, *rest), dx, dy, group in parts:
            px, py = x + dx * scale, up + dy * scale
            some = kept & (px >= 0) & (px < width) & (py >= 0) & (py < height)
            number = int(np.count_nonzero(some))
            if not number:
                continue
            shape = outline(random, max(a * scale, 0.6), max(b * scale, 0.6), *rest)
            layer.add(shape, px[some], py[some], min(a, b) * scale)
            first, among = groups[group]
            which = first + np.floor(random.uniform(0, among, number))
            shades.append((which + 0.5) / len(colours))
        y += rise * scale
    manner = draw_manner(random)
    manner.swing, manner.patterned = 0.6 * manner.swing, 0.5 * manner.patterned
    shades = np.concatenate(shades)
    return coloured(layer, random, colours, manner, fields, light, under, shades)


def water(random: Random, under, unit, fields: Fields, light) -> np.ndarray:
    """Waves, drawn out along one direction, with foam where they are high; or grass, or hair."""
    height, width = under.shape[:2]
    doublings, level = random.integer(1, 4), random.chance(0.75)
    tall, wide = (height, width) if level else (width, height)
    waves = noise(random, tall, -(-wide >> doublings), random.uniform(0.75, 1.1))
    for _ in range(doublings):
        waves = _longer(waves)
    waves = waves[:, :wide] if level else waves[:, :wide].T
    smooth, rough = fields.smooth[:height, :width], fields.rough[:height, :width]
    base = fields.palette[0]
    if random.chance(0.6):
        base = np.array([random.uniform(25, 120), random.uniform(70, 140), random.uniform(80, 160)])
    contrast = random.uniform(0.3, 1.1)
    tone = np.float32(0.9) + np.float32(contrast) * waves + np.float32(0.4) * smooth
    tone = np.clip(tone, 0.2, 1.9)
    foam = np.float32(random.uniform(1.5, 4)) * (smooth + np.float32(0.5) * waves)
    foam = foam + np.float32(1.5) * rough - np.float32(random.uniform(0.2, 2.5))
    foam = np.clip(foam, 0, 1)
    white = np.clip(np.float32(215) + np.float32(70) * rough + np.float32(40) * waves, 90, 255)
    planes = [np.float32(value) * tone for value in np.clip(base, 20, 200)]
    planes = [np.clip(plane + (white - plane) * foam, 0, 255) for plane in planes]
    return cv2.merge([np.floor(plane).astype(np.uint8) for plane in planes])


def _longer(field):
    """Twice as many columns, by linear interpolation between their centres."""
    near, far = field * np.float32(0.75), field * np.float32(0.25)
    out = np.empty((len(field), 2 * field.shape[1]), np.float32)
    out[:, 0], out[:, -1] = field[:, 0], field[:, -1]
    out[:, 2::2] = near[:, 1:] + far[:, :-1]
    out[:, 1:-1:2] = near[:, :-1] + far[:, 1:]
    return out


def crowd(random: Random, under, unit, fields: Fields, light) -> np.ndarray:
    return repeated(random, under, unit, fields, light, True)


def shelves(random: Random, under, unit, fields: Fields, light) -> np.ndarray:
    return repeated(random, under, unit, fields, light, False)


THICKETS = {
    "leaves": leaves,
    "foliage": foliage,
    "crowd": crowd,
    "shelves": shelves,
    "water": water,
}
