"""Textured shapes: materials (tone, colour ramp, pattern) and soft-edged stamps."""

from dataclasses import dataclass, field

import cv2
import numpy as np

from datasets.synthetic.draws import Random, cosine, sine
from datasets.synthetic.patterns import COLOURFUL, PATTERNS, pattern

SHARED = 0.12  # of the sequences have targets in the colours of their scenery


@dataclass
class Fields:
    """What all surfaces of a sequence share.

    smooth, rough: (H, W) float32, the noise that grain is cut from; palette: (K, 3) the scenery's
    colours in 0..255; shared: 0..1, how near a target's colours are to them. The last two are drawn
    from the noise's own bits.
    """

    smooth: np.ndarray
    rough: np.ndarray
    palette: np.ndarray = field(init=False)
    shared: float = field(init=False)

    def __post_init__(self):
        random = Random(*(int(value * 2**20) + 2**30 for value in self.rough[0, :4].tolist()))
        self.palette = palette(random)
        self.shared = random.uniform(0.2, 0.7) if random.chance(SHARED) else 0.0

    def tinted(self, colour: np.ndarray) -> np.ndarray:
        """A target's colour (3,), moved towards the nearest of the scenery's."""
        apart = np.abs(self.palette - colour)
        nearest = self.palette[(apart[:, 0] + apart[:, 1] + apart[:, 2]).argmin()]
        return colour + self.shared * (nearest - colour)


@dataclass
class Material:
    """How a surface looks.

    ramp: (256 or 512, 3) uint8; rows 0..127 colour the surface from dark to light, those after
        them likewise in the other colours of its pattern, one or three.
    contrast, dome, rim: how strongly noise, light from one side, and a darker edge show.
    grain: "noise", "veins" or "streaks"; roughness: of the noise, 0.4 to 1.1.
    frequency: pattern periods over half of the shape; turn: its direction in turns.
    skin: (h, w, 3) uint8 that is shown instead of ramp and pattern, or None.
    """

    ramp: np.ndarray
    contrast: float
    dome: float
    rim: float
    grain: str
    pattern: str
    frequency: float
    turn: float
    roughness: float = 0.95
    skin: np.ndarray | None = None


def colour(random: Random, saturation: float) -> np.ndarray:
    """A colour (3,) in 0..255: mostly of warm hue, as most things are, of any lightness."""
    part = random.uniform(0, 1)
    low, high = (0.0, 0.14) if part < 0.6 else (0.52, 0.66) if part < 0.8 else (0.0, 1.0)
    hue, light = random.uniform(low, high), random.uniform(22, 225)
    tint = np.array([cosine(hue), cosine(hue - 1 / 3), cosine(hue - 2 / 3)])
    return np.clip(light * (1 + saturation * tint), 0, 255)


def palette(random: Random) -> np.ndarray:
    """Three to seven colours (K, 3) that go together: mostly muted, from dark to light."""
    vivid = random.chance(0.12)
    saturation = random.uniform(0.2, 0.4) if vivid else random.uniform(0.02, 0.18)
    count = random.integer(3, 8)
    each = [random.uniform(0.5, 1.5) * saturation for _ in range(count)]
    colours = np.stack([colour(random, one) for one in each])
    if random.chance(0.6):  # one hue prevails, as on a lawn or a lake
        colours = colours + random.uniform(0.4, 0.8) * (colours[:1] - colours)
        colours = colours * random.uniform(0.35, 1.7, count)[:, None]
    return np.clip(colours, 12, 240)


def _ramps(colours, spread):
    """128 rows for each of the colours (K, 3), from a darker to a lighter one through it."""
    middle = colours[:, None]
    dark, light = middle * (1 - spread), middle + (255 - middle) * (spread * 0.8)
    t = np.arange(64)[:, None] / 64
    ramps = np.concatenate([dark + (middle - dark) * t, middle + (light - middle) * t], 1)
    return np.floor(np.clip(ramps, 0, 255) + 0.5).astype(np.uint8).reshape(-1, 3)


def material(
    random: Random,
    saturation: float = 0.25,
    patterns: tuple[str, ...] = PATTERNS,
    base: np.ndarray | None = None,
) -> Material:
    """A random material; `base` (3,) fixes its first colour."""
    first = colour(random, saturation) if base is None else base
    second = colour(random, saturation)
    if random.chance(0.5):  # tone on tone
        second = np.clip(first * random.choose((0.45, 0.65, 1.4, 1.7)), 5, 250)
    chosen, colours = random.choose(patterns), [first, second]
    if chosen in COLOURFUL:
        colours += [colour(random, saturation) for _ in range(2)]
    ramp = _ramps(np.stack(colours), random.uniform(0.45, 0.85))
    return Material(
        ramp=ramp,
        contrast=random.uniform(0.05, 0.25) if random.chance(0.4) else random.uniform(0.2, 0.75),
        dome=random.uniform(0.0, 0.45),
        rim=random.uniform(0.0, 0.35),
        grain=random.choose(("noise", "noise", "noise", "veins", "streaks")),
        pattern=chosen,
        frequency=random.uniform(1.0, 3.5),
        turn=random.choose((0.0, 0.25, 0.0, 0.25, random.uniform(0, 1))),
        roughness=random.uniform(0.4, 1.1),
    )


@dataclass
class Stamp:
    """A textured superellipse with an irregular outline.

    centre (x, y) and half axes (a, b) in the units of what it is painted on; turn in turns;
    exponent 2 (ellipse), 4, 8 or 16 (nearly a rectangle); ragged: how far noise moves the
    outline, with fine noise (leaves) from 0.6 on; cuts: lines (turn, distance) in half axes,
    beyond which nothing is left.
    """

    x: float
    y: float
    a: float
    b: float
    material: Material
    turn: float = 0.0
    exponent: int = 2
    ragged: float = 0.15
    cuts: tuple[tuple[float, float], ...] = ()

    def bounds(self, scale: float, height: int, width: int) -> tuple[int, int, int, int]:
        """Texels x0, y0, x1, y1 that it may touch on a canvas of `scale` texels a unit."""
        c, s = abs(cosine(self.turn)), abs(sine(self.turn))
        grow = 1.0 + 0.6 * self.ragged
        reach_x = (self.a * c + self.b * s) * grow * scale + 2
        reach_y = (self.a * s + self.b * c) * grow * scale + 2
        x0, x1 = int(self.x * scale - reach_x), int(self.x * scale + reach_x) + 1
        y0, y1 = int(self.y * scale - reach_y), int(self.y * scale + reach_y) + 1
        return max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)


def paint(
    canvas: np.ndarray,
    stamp: Stamp,
    random: Random,
    fields: Fields,
    light: tuple[float, float],
    scale: float = 1.0,
    shadow: float = 0.0,
) -> None:
    """Paints a stamp onto a canvas (H, W, 3) RGB or (H, W, 4) premultiplied RGBA uint8, in place.

    `scale` is texels per unit of the stamp, `light` the direction the light comes from, `shadow`
    the strength of the shadow that the stamp throws on an opaque canvas.
    """
    x0, y0, x1, y1 = stamp.bounds(scale, *canvas.shape[:2])
    if x1 - x0 < 2 or y1 - y0 < 2:
        return
    c, s = np.float32(cosine(stamp.turn)), np.float32(sine(stamp.turn))
    dx = (np.arange(x0, x1, dtype=np.float32) + np.float32(0.5)) / np.float32(scale) - stamp.x
    dy = (np.arange(y0, y1, dtype=np.float32) + np.float32(0.5)) / np.float32(scale) - stamp.y
    dx, dy = dx.astype(np.float32)[None], dy.astype(np.float32)[:, None]
    u = dx * (c / np.float32(stamp.a)) + dy * (s / np.float32(stamp.a))
    v = dy * (c / np.float32(stamp.b)) - dx * (s / np.float32(stamp.b))
    field = fields.rough if stamp.ragged >= 0.6 else fields.smooth
    inside = _inside(u, v, stamp, _cut(random, field, u.shape))
    sharpness = min(stamp.a, stamp.b) * scale / stamp.exponent
    alpha = np.clip(np.float32(0.5) + inside * np.float32(sharpness), 0, 1)
    pixels = surface(random, u, v, inside, stamp.material, fields, light)
    region = canvas[y0:y1, x0:x1]
    if shadow:
        _darken(canvas, alpha, x0, y0, light, shadow, 2 + int(0.12 * min(x1 - x0, y1 - y0)))
    blend(region, pixels, np.floor(alpha * 256).astype(np.uint16))


def _inside(u, v, stamp, bumps):
    """Positive within the outline, falling by `exponent` a half axis there."""
    x, y = u, v
    u, v = u * u, v * v
    for _ in range(stamp.exponent.bit_length() - 2):
        u, v = u * u, v * v
    rim = 1 - u - v + np.float32(2.0 * stamp.ragged) * bumps
    for turn, far in stamp.cuts:
        across = x * np.float32(cosine(turn)) + y * np.float32(sine(turn))
        rim = np.minimum(rim, np.float32(stamp.exponent) * (np.float32(far) - across))
    return rim


def _cut(random, field, shape, streaks=False):
    """A random window of a noise field; tiled by mirroring where the field is smaller."""
    rows, columns = shape
    step = 5 if streaks else 1
    rows = -(-rows // step)
    height, width = field.shape
    if rows > height or columns > width:
        field = np.pad(
            field, ((0, max(rows - height, 0)), (0, max(columns - width, 0))), "symmetric"
        )
        height, width = field.shape
    y, x = random.integer(0, height - rows + 1), random.integer(0, width - columns + 1)
    window = field[y : y + rows, x : x + columns]
    return np.repeat(window, step, axis=0)[: shape[0]] if streaks else window


def surface(random, u, v, inside, look: Material, fields: Fields, light) -> np.ndarray:
    """Colours (h, w, 3) uint8 of a surface at shape coordinates u, v (h, w)."""
    grain = _grain(random, fields, u.shape, look)
    tone = np.float32(0.55) + np.float32(look.contrast) * grain
    tone += np.float32(look.dome * light[0]) * u + np.float32(look.dome * light[1]) * v
    if look.rim:
        tone -= np.float32(look.rim) * np.clip(1 - 2 * inside, 0, 1)
    if look.skin is not None:
        return _skinned(random, look.skin, tone)
    index = (np.clip(tone, 0, 1) * np.float32(127)).astype(np.uint16)
    if look.pattern != "plain":
        index += np.uint16(128) * pattern(random, u, v, grain, look).astype(np.uint16)
    return look.ramp.take(index, axis=0)


def _skinned(random, skin, tone):
    """A random window of a picture, lit by tone (h, w)."""
    rows, columns = (np.arange(side) for side in tone.shape)
    height, width = skin.shape[:2]
    y, x = random.integer(0, height), random.integer(0, width)
    rows, columns = (y + rows) % (2 * height), (x + columns) % (2 * width)  # mirrored tiles
    rows = np.minimum(rows, 2 * height - 1 - rows)
    columns = np.minimum(columns, 2 * width - 1 - columns)
    gain = np.floor(np.clip(np.float32(0.5) + tone * np.float32(0.9), 0.1, 2) * np.float32(128))
    gain = cv2.merge([gain.astype(np.uint16)] * 3)
    window = skin.take(rows, axis=0).take(columns, axis=1)
    return np.minimum((window * gain) >> 7, 255).astype(np.uint8)


def _grain(random, fields, shape, look):
    """Noise (h, w) of a material's kind and roughness, with a deviation of about 0.3."""
    if look.grain == "streaks":
        return _cut(random, fields.rough, shape, True)
    rough = np.float32(min(max((look.roughness - 0.4) / 0.55, 0.0), 1.0))
    if look.grain == "veins":
        field = fields.rough if rough > 0.5 else fields.smooth
        return np.float32(0.6) - np.float32(3.5) * np.abs(_cut(random, field, shape))
    grain = (1 - rough) * _cut(random, fields.smooth, shape)
    grain += rough * _cut(random, fields.rough, shape)
    if look.roughness > 0.95:  # differences of neighbours hold fine detail alone
        fine = _cut(random, fields.rough, (shape[0], shape[1] + 1))
        grain += np.float32(6 * (look.roughness - 0.95)) * (fine[:, 1:] - fine[:, :-1])
    return grain


def blend(region: np.ndarray, pixels: np.ndarray, alpha: np.ndarray) -> None:
    """region += (pixels - region) alpha / 256 in place; alpha (h, w) uint16 in 0..256.

    A region of four channels gets alpha itself as its fourth.
    """
    planes = [alpha] * region.shape[2]
    weight = cv2.merge(planes)
    if region.shape[2] == 4:
        opaque = np.full(alpha.shape, 255, np.uint8)
        pixels = cv2.merge([*cv2.split(pixels), opaque])
    mixed = pixels * weight + region * (256 - weight) + np.uint16(128)
    region[...] = mixed >> 8


def _darken(canvas, alpha, x0, y0, light, strength, reach):
    """Throws the shadow of `alpha`, placed at (x0, y0), away from the light."""
    dx, dy = int(-light[0] * reach), int(-light[1] * reach)
    left, top = max(x0 + dx, 0), max(y0 + dy, 0)
    right = min(x0 + dx + alpha.shape[1], canvas.shape[1])
    bottom = min(y0 + dy + alpha.shape[0], canvas.shape[0])
    if right <= left or bottom <= top:
        return
    part = alpha[top - y0 - dy : bottom - y0 - dy, left - x0 - dx : right - x0 - dx]
    keep = np.floor(256 - np.float32(256 * strength) * part).astype(np.uint16)
    region = canvas[top:bottom, left:right]
    region[...] = (region * cv2.merge([keep] * region.shape[2])) >> 8
