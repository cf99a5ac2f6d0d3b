"""Textured shapes: 1/f noise, materials (tone, colour ramp, pattern) and soft-edged stamps."""

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from datasets.synthetic.draws import Random, cosine, sine

PLAIN = ("plain", "plain", "camouflage")
PATTERNS = (*PLAIN, *PLAIN, "stripes", "stripes", "checks", "spots", "windows", "bricks")


class Fields(NamedTuple):
    """Noise that all surfaces of a sequence cut their grain from, each (H, W) float32."""

    smooth: np.ndarray
    rough: np.ndarray


def noise(random: Random, height: int, width: int, roughness: float) -> np.ndarray:
    """Noise over seven octaves, (height, width) float32 with a deviation of about 0.3.

    `roughness` is the amplitude of an octave relative to the next coarser one; 1 has the 1/f
    amplitude spectrum of natural pictures.
    """
    field, amplitude, power = None, 1.0, 0.0
    for octave in range(6, -1, -1):
        rows, columns = -(-height >> octave), -(-width >> octave)
        detail = random.bytes(rows, columns).astype(np.float32) * (2 / 255) - 1
        power += amplitude * amplitude
        if field is None:
            field = detail
        else:
            detail *= amplitude
            detail += _double(field)[:rows, :columns]
            field = detail
        amplitude *= roughness
    field *= np.float32(0.6 / np.sqrt(power))
    return field


def _double(field):
    """Twice as many samples along both axes, by linear interpolation between sample centres."""
    rows, columns = field.shape
    near, far = field * np.float32(0.75), field * np.float32(0.25)
    tall = np.empty((2 * rows, columns), np.float32)
    np.add(near[1:], far[:-1], out=tall[2::2])
    np.add(near[:-1], far[1:], out=tall[1:-1:2])
    tall[0], tall[-1] = field[0], field[-1]
    near, far = tall * np.float32(0.75), tall * np.float32(0.25)
    out = np.empty((2 * rows, 2 * columns), np.float32)
    np.add(near[:, 1:], far[:, :-1], out=out[:, 2::2])
    np.add(near[:, :-1], far[:, 1:], out=out[:, 1:-1:2])
    out[:, 0], out[:, -1] = tall[:, 0], tall[:, -1]
    return out


@dataclass
class Material:
    """How a surface looks.

    ramp: (256, 3) uint8; rows 0..127 colour the surface from dark to light, rows 128..255 the
        second colour of its pattern.
    contrast, dome, rim: how strongly noise, light from one side, and a darker edge show.
    grain: "smooth", "rough" or "streaks".
    frequency: pattern periods over half of the shape; turn: its direction in turns.
    """

    ramp: np.ndarray
    contrast: float
    dome: float
    rim: float
    grain: str
    pattern: str
    frequency: float
    turn: float


def colour(random: Random, saturation: float) -> np.ndarray:
    """A colour (3,) in 0..255: mostly of warm hue, as most things are, of any lightness."""
    part = random.uniform(0, 1)
    low, high = (0.0, 0.14) if part < 0.6 else (0.52, 0.66) if part < 0.8 else (0.0, 1.0)
    hue, light = random.uniform(low, high), random.uniform(40, 205)
    tint = cosine(hue - np.array([0.0, 1 / 3, 2 / 3]))
    return np.clip(light * (1 + saturation * tint), 0, 255)


def _half_ramp(middle, spread):
    dark, light = middle * (1 - spread), middle + (255 - middle) * spread * 0.8
    t = np.arange(128)[:, None] / 127
    lower, upper = dark + (middle - dark) * 2 * t, middle + (light - middle) * (2 * t - 1)
    return np.where(t < 0.5, lower, upper)


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
    spread = random.uniform(0.45, 0.85)
    ramp = np.concatenate([_half_ramp(first, spread), _half_ramp(second, spread)])
    return Material(
        ramp=np.floor(np.clip(ramp, 0, 255) + 0.5).astype(np.uint8),
        contrast=random.uniform(0.2, 0.7),
        dome=random.uniform(0.05, 0.35),
        rim=random.uniform(0.0, 0.3),
        grain=random.choose(("smooth", "rough", "rough", "streaks")),
        pattern=random.choose(patterns),
        frequency=random.uniform(1.0, 3.5),
        turn=random.choose((0.0, 0.25, 0.0, 0.25, random.uniform(0, 1))),
    )


@dataclass
class Stamp:
    """A textured superellipse with an irregular outline.

    centre (x, y) and half axes (a, b) in the units of what it is painted on; turn in turns;
    exponent 2 (ellipse), 4, 8 or 16 (nearly a rectangle); ragged: how far noise moves the
    outline, with fine noise (leaves) from 0.6 on.
    """

    x: float
    y: float
    a: float
    b: float
    material: Material
    turn: float = 0.0
    exponent: int = 2
    ragged: float = 0.15

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
    u, v = u * u, v * v
    for _ in range(stamp.exponent.bit_length() - 2):
        u, v = u * u, v * v
    return 1 - u - v + np.float32(2.0 * stamp.ragged) * bumps


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
    field = fields.smooth if look.grain == "smooth" else fields.rough
    grain = _cut(random, field, u.shape, look.grain == "streaks")
    tone = np.float32(0.55) + np.float32(look.contrast) * grain
    tone += np.float32(look.dome * light[0]) * u + np.float32(look.dome * light[1]) * v
    if look.rim:
        tone -= np.float32(look.rim) * np.clip(1 - 2 * inside, 0, 1)
    index = (np.clip(tone, 0, 1) * np.float32(127)).astype(np.uint8)
    if look.pattern != "plain":
        index[_pattern(u, v, grain, look)] += 128
    return look.ramp.take(index, axis=0)


def _pattern(u, v, grain, look):
    """Where the second colour shows, (h, w) bool."""
    c, s = np.float32(cosine(look.turn)), np.float32(sine(look.turn))
    f = np.float32(look.frequency)
    p = (u * c + v * s) * f + np.float32(0.25) * grain
    if look.pattern == "camouflage":
        return grain > np.float32(0.1)
    p = p - np.floor(p)
    if look.pattern == "stripes":
        return p < np.float32(0.45)
    q = (v * c - u * s) * f
    row = np.floor(q)
    q = q - row
    if look.pattern == "checks":
        return (p < np.float32(0.5)) ^ (q < np.float32(0.5))
    if look.pattern == "windows":
        return (np.abs(p - np.float32(0.5)) < 0.3) & (np.abs(q - np.float32(0.5)) < 0.28)
    if look.pattern == "bricks":
        p = p + np.float32(0.5) * (row - 2 * np.floor(row / 2))
        return (q < np.float32(0.12)) | (np.abs(p - np.float32(0.97)) < np.float32(0.06))
    p, q = p - np.float32(0.5), q - np.float32(0.5)
    return p * p + q * q < np.float32(0.1)


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
