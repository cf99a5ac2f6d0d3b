"""Dead leaves: pictures of many shapes that hide one another, each with a texture of its own.

Pictures of this kind have the statistics of photographs (Lee, Mumford, Huang, "Occlusion Models for
Natural Images", IJCV 2001): where radii are distributed as r^-3, every octave of size covers the
same area, and the amplitude spectrum falls about as 1/f. They are painted as numbers first, which
leaf shows at which texel, and coloured all at once.
"""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from datasets.synthetic.draws import Random, cosine, rotation, sine
from datasets.synthetic.noise import noise
from datasets.synthetic.textures import Fields

ROOT = 1.4142135623730951  # between one class of sizes and the next
REACH = 160  # texels from a leaf's centre that none exceeds
CLASSES = 13  # radii of 2 to 128 texels
ROUNDS = 6  # in which all sizes are laid down, so that large leaves hide small ones too
MANNERS = {  # which shapes of a class are taken: round, long, angular
    "any": slice(0, None),
    "round": slice(0, None, 3),
    "long": slice(1, None, 3),
    "angular": slice(2, None, 3),
}


def radius(size: int) -> float:
    """Texels, of class `size`."""
    return 2.0 * float(1 << (size // 2)) * (ROOT if size % 2 else 1.0)


@lru_cache(maxsize=CLASSES)
def shapes(size: int) -> list[np.ndarray]:
    """Shapes of a class of sizes: offsets (2, K) int32, y and x, of their texels from the centre.

    In turn round (ellipses, blobs), long (bars, blades) and angular (rectangles, polygons). All
    have about the area of a circle of the class's radius.
    """
    random, r = Random(7919, size), radius(size)
    found = []
    for number in range(36 if r < 16 else 18):
        long, angular = number % 3 == 1, number % 3 == 2
        longer = np.sqrt(random.uniform(3, 9) if long else random.uniform(1, 2.2))
        exponent = random.choose((4, 16, 16) if angular else (2, 2, 4))
        ragged = random.choose((0.0, 0.2, 0.5)) if number % 3 == 0 else 0.05
        cuts = random.integer(1, 5) if angular and random.chance(0.6) else 0
        a, b, turn = 0.95 * r * longer, 0.95 * r / longer, random.uniform(0, 1)
        if angular and random.chance(0.5):
            turn = random.choose((0.0, 0.25))
        found.append(outline(random, float(a), float(b), turn, exponent, ragged, cuts))
    return found


def outline(
    random: Random,
    a: float,
    b: float,
    turn: float = 0.0,
    exponent: int = 2,
    ragged: float = 0.0,
    cuts: int = 0,
) -> np.ndarray:
    """Offsets (2, K) int32, y and x, of a superellipse of half axes a, b, its edge moved by noise,
    less what lies beyond `cuts` random lines. One texel at least.
    """
    c, s = cosine(turn), sine(turn)
    half = [
        min(int(1.3 * (a * abs(p) + b * abs(q))) + 2, REACH) for p, q in ((c, s), (s, c))
    ]  # across, down
    x = np.arange(-half[0], half[0] + 1, dtype=np.float64)[None]
    y = np.arange(-half[1], half[1] + 1, dtype=np.float64)[:, None]
    u, v = (x * c + y * s) / a, (y * c - x * s) / b
    p, q = u * u, v * v
    for _ in range(exponent.bit_length() - 2):
        p, q = p * p, q * q
    rim = 1.0 - p - q
    if ragged:
        rim = rim + 2.0 * ragged * noise(random, *rim.shape, 0.75)
    inside = rim > 0
    for _ in range(cuts):
        angle, far = random.uniform(0, 1), random.uniform(0.35, 0.9)
        inside &= u * cosine(angle) + v * sine(angle) < far
    ys, xs = np.nonzero(inside)
    if not len(ys):
        return np.zeros((2, 1), np.int32)
    return np.stack([ys - half[1], xs - half[0]]).astype(np.int32)


class Layer:
    """Which leaf shows at each texel of a picture (height, width): 0 for none."""

    def __init__(self, height: int, width: int):
        self.height, self.width = height, width
        self._pitch = width + 2 * REACH
        self._padded = np.zeros((height + 2 * REACH, self._pitch), np.int32)
        self.x: list[np.ndarray] = [np.zeros(1)]
        self.y: list[np.ndarray] = [np.zeros(1)]
        self.size: list[np.ndarray] = [np.ones(1)]
        self.count = 1

    @property
    def numbers(self) -> np.ndarray:
        """(height, width) int32 of the leaf on top of each texel."""
        return self._padded[REACH : REACH + self.height, REACH : REACH + self.width]

    def add(self, shape: np.ndarray, x: np.ndarray, y: np.ndarray, size: float, flip: int = 0):
        """Lays leaves of one shape at x, y (N,), within the picture, over what is there.

        `flip` mirrors the shape: 1 along x, 2 along y.
        """
        dy, dx = shape
        dy, dx = -dy if flip & 2 else dy, -dx if flip & 1 else dx
        where = (y.astype(np.int64) + REACH) * self._pitch + (x.astype(np.int64) + REACH)
        flat = where[:, None] + (dy * self._pitch + dx)[None]
        numbers = np.arange(self.count, self.count + len(x), dtype=np.int32)
        self._padded.reshape(-1)[flat] = numbers[:, None]
        self.x.append(x)
        self.y.append(y)
        self.size.append(np.full(len(x), size))
        self.count += len(x)


def scatter(
    layer: Layer,
    random: Random,
    least: int,
    most: int,
    coverage: float,
    manner: str = "any",
    variety: int = 5,
) -> None:
    """Lays leaves of classes least..most - 1 everywhere, radii distributed as r^-3.

    Each class covers `coverage` of the area, were it alone; `variety` shapes are taken of each.
    """
    area = layer.height * layer.width
    plans = []
    for size in range(most - 1, least - 1, -1):
        options = shapes(size)[MANNERS[manner]]
        r = radius(size)
        count = max(int(coverage * area / (3.14159 * r * r) + random.uniform(0, 1)), 0)
        x, y = random.uniform(0, layer.width, count), random.uniform(0, layer.height, count)
        turn = np.floor(random.uniform(0, ROUNDS, count)).astype(np.int64)
        kind = np.floor(random.uniform(0, variety, count)).astype(np.int64)
        kept = [(random.choose(options), random.integer(0, 4)) for _ in range(variety)]
        plans.append((r, kept, x, y, turn * variety + kind))
    for turn in range(ROUNDS):
        for r, kept, x, y, group in plans[:: -1 if turn % 2 else 1]:
            for kind, (shape, flip) in enumerate(kept):
                some = np.flatnonzero(group == turn * len(kept) + kind)
                if len(some):
                    layer.add(shape, x[some], y[some], r, flip)


@dataclass
class Manner:
    """How the leaves of a picture are coloured.

    order: how far neighbours share colours of the palette, 0..1; swing: how far lightness varies
    between leaves; contrast: of the noise on them; dome: of the light across each; patterned: the
    share with a pattern; shadow: 0..1, which leaves throw on those below.
    """

    order: float
    swing: float
    contrast: float
    dome: float
    patterned: float
    shadow: float


def draw_manner(random: Random) -> Manner:
    return Manner(
        order=random.uniform(0.2, 0.9),
        swing=random.uniform(0.15, 0.6),
        contrast=random.uniform(0.1, 0.7),
        dome=random.uniform(0.0, 0.4),
        patterned=random.uniform(0.1, 0.6),
        shadow=random.uniform(0.0, 0.6),
    )


def coloured(
    layer: Layer,
    random: Random,
    palette: np.ndarray,
    manner: Manner,
    fields: Fields,
    light: tuple[float, float],
    under: np.ndarray | None = None,
    shades: np.ndarray | None = None,
) -> np.ndarray:
    """The picture (H, W, 3) uint8 of a layer; `under` (H, W, 3) shows where no leaf lies.

    palette: (K, 3) in 0..255. shades: (N,) in 0..1, which of its colours each of the layer's leaves
    has; drawn, alike for neighbours, by default.
    """
    numbers = layer.numbers.astype(np.intp)
    height, width = numbers.shape
    x, y, size = (np.concatenate(part) for part in (layer.x, layer.y, layer.size))
    count = layer.count
    near = (y.astype(np.int64) % fields.smooth.shape[0], x.astype(np.int64) % len(fields.smooth[0]))
    drift = fields.smooth[near].astype(np.float64)
    if shades is None:
        shades = random.uniform(0, 1, count)
        shades = shades + manner.order * (0.5 + 1.2 * drift - shades)
    kinds = len(palette)
    which = np.clip(np.floor(shades * kinds), 0, kinds - 1).astype(np.int64)
    other = np.floor(random.uniform(0, kinds, count)).astype(np.int64)
    lightness = 1.0 + manner.swing * random.uniform(-1, 1, count)
    lightness = lightness + 0.6 * manner.swing * fields.rough[near]
    first = palette[which] * lightness[:, None]
    tone_on_tone = (random.uniform(0, 1, count) < 0.5)[:, None]
    own = first * random.uniform(0.5, 1.5, count)[:, None]
    second = np.where(tone_on_tone, own, palette[other])
    table = np.zeros((count, 2, 4), np.uint8)
    table[:, 0, :3] = np.clip(first, 4, 250)
    table[:, 1, :3] = np.clip(second, 4, 250)

    # Pattern coordinates p, q turn with the leaf; one period is a fraction of its size.
    turn = rotation(random.uniform(0, 1, count))
    period = np.maximum(size * random.uniform(0.3, 1.2, count), 3.0)
    ax, ay = turn[:, 0, 0] / period, turn[:, 0, 1] / period
    sort = random.uniform(0, 1, count) / max(manner.patterned, 0.01)
    # Bits: 1 stripes along p, 2 along q (with 1: checks), 4 patches of noise.
    flags = np.select(
        [sort < 0.3, sort < 0.5, sort < 0.75, sort < 1], [1, 3, 4, 5], 0
    ).astype(np.uint8)  # fmt: skip
    slope = random.uniform(-0.4, 0.4, count, 2) + np.array(light)
    gx, gy = (manner.dome * slope / size[:, None]).T
    level = 1.0 - gx * x - gy * y
    grains = manner.contrast * random.uniform(0, 1, count) * 1.6

    part = lambda values: values.astype(np.float32).take(numbers)  # noqa: E731
    across = np.arange(width, dtype=np.float32)[None]
    down = np.arange(height, dtype=np.float32)[:, None]
    grain = fields.rough[:height, :width]
    tone = part(level) + part(gx) * across + part(gy) * down
    tone += part(grains) * grain
    tone += np.float32(0.5 * manner.swing) * fields.smooth[:height, :width]
    marks = flags.take(numbers)
    px, py = part(ax), part(ay)
    bend = np.float32(0.3) * grain
    p, q = px * across + py * down + bend, px * down - py * across + bend
    p, q = p - np.floor(p) < 0.5, q - np.floor(q) < 0.5
    patches = grain > np.float32(0.08)
    chosen = (p & (marks & 1)) ^ (q & ((marks >> 1) & 1)) ^ (patches & (marks >> 2))
    if manner.shadow:
        tone *= _shadows(layer.numbers, light, manner.shadow)
    levels = np.floor(np.clip(tone, 0.1, 2.0) * np.float32(128)).astype(np.uint16)
    packed = table.view("<u4").reshape(-1).take(2 * numbers + chosen)
    pixels = packed.view(np.uint8).reshape(height, width, 4)
    pixels = cv2.merge([np.minimum((pixels[..., k] * levels) >> 7, 255) for k in range(3)])
    pixels = pixels.astype(np.uint8)
    if under is not None:
        empty = layer.numbers == 0
        pixels[empty] = under[empty]
    return pixels


def _shadows(numbers, light, strength):
    """Factors (H, W) float32: darker where a leaf further up lies a little towards the light."""
    keep = np.ones(numbers.shape, np.float32)
    height, width = numbers.shape
    for far in (2, 4):
        dx, dy = int(far * light[0] * 1.2), int(far * light[1] * 1.2)
        here = (slice(max(-dy, 0), height - max(dy, 0)), slice(max(-dx, 0), width - max(dx, 0)))
        there = (slice(max(dy, 0), height + min(dy, 0)), slice(max(dx, 0), width + min(dx, 0)))
        keep[here] -= np.float32(0.5 * strength) * (numbers[there] > numbers[here])
    return keep


def mosaic(
    random: Random,
    height: int,
    width: int,
    palette: np.ndarray,
    fields: Fields,
    light: tuple[float, float],
) -> np.ndarray:
    """A small picture (height, width, 3) uint8 of dead leaves of one palette."""
    layer = Layer(height, width)
    least = random.integer(0, 5)
    most = least + random.integer(3, 7)
    scatter(layer, random, least, min(most, 10), random.uniform(0.5, 0.9), variety=3)
    manner = draw_manner(random)
    base = np.empty((height, width, 3), np.uint8)
    base[...] = np.floor(palette[0]).astype(np.uint8)
    return coloured(layer, random, palette, manner, fields, light, base)
