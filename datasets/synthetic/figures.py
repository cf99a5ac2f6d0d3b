"""Figures: articulated, textured things that targets, look-alikes and occluders are made of.

A figure is a list of limbs drawn in order. Each limb is a small premultiplied RGBA texture that
may swing about a pivot; all limbs bend together. Coordinates of a figure are pixels at its nominal
size, x right, y down, origin in the middle of its body.
"""

from dataclasses import dataclass, field

import numpy as np

from datasets.synthetic.draws import Random, cosine, rotation, sine
from datasets.synthetic.pieces import Part, materials
from datasets.synthetic.rigs import KINDS
from datasets.synthetic.textures import Fields, Material, Stamp, colour, paint

TEXELS = 1.3  # texels per pixel at nominal size


@dataclass
class Limb:
    """One moving piece of a figure.

    texture: (h, w, 4) uint8 premultiplied RGBA; texel (0, 0) starts at `origin` of the figure.
    pivot: what it swings about; swing: amplitude in turns; phase: in turns; spin: turns per
        turn of the figure's clock (wheels), 0 for limbs that swing to and fro.
    outline: (K, 2) float64, the rim of the texels that are at least half opaque.
    labelled: whether it is part of what boxes are about; the others only come with it.
    """

    texture: np.ndarray
    origin: np.ndarray
    pivot: np.ndarray
    swing: float = 0.0
    phase: float = 0.0
    spin: float = 0.0
    labelled: bool = True
    outline: np.ndarray = field(init=False)

    def __post_init__(self):
        rim = _rim(self.texture[..., 3])
        self.outline = self.origin + rim / TEXELS


@dataclass
class Figure:
    """limbs in drawing order; `half` the half width and height (2,) at rest of the labelled limbs;
    `materials`, the main one first.
    """

    limbs: list[Limb]
    half: np.ndarray
    materials: list[Material]

    def angles(self, clock: np.ndarray, vigour: np.ndarray) -> np.ndarray:
        """Turns (N, limbs) of each limb at clock times (N,), swings scaled by vigour (N,)."""
        return np.stack(
            [
                clock * limb.spin if limb.spin else limb.swing * vigour * sine(clock + limb.phase)
                for limb in self.limbs
            ],
            -1,
        )


def _rim(alpha: np.ndarray) -> np.ndarray:
    """Corners (K, 2) x, y, of the half-opaque area's texels, the outermost of some 24 rows
    and columns.

    Between two texels the half-way point of the alpha is taken, so that the outline is finer than
    the texels are.
    """
    solid = alpha >= 128
    points = []
    for along in (0, 1):
        grid, values = (solid, alpha) if along == 0 else (solid.T, alpha.T)
        lines = np.flatnonzero(grid.any(1))
        lines = np.append(lines[:: max(len(lines) // 24, 1)], lines[-1])
        rows = grid[lines]
        low = rows.argmax(1)
        high = rows.shape[1] - 1 - rows[:, ::-1].argmax(1)
        for at, step in ((low, -1), (high, 1)):
            inner = values[lines, at].astype(np.float64)
            outer = values[lines, np.clip(at + step, 0, rows.shape[1] - 1)].astype(np.float64)
            reach = (inner - 127.5) / np.maximum(inner - outer, 1.0)
            edge = at + 0.5 + step * np.clip(reach, 0, 1)
            pair = (edge, lines + 0.5) if along == 0 else (lines + 0.5, edge)
            points.append(np.stack(pair, -1))
    return np.concatenate(points)


def limb(
    stamps: list[Stamp],
    random: Random,
    fields: Fields,
    light: tuple[float, float],
    pivot: tuple[float, float] = (0.0, 0.0),
    swing: float = 0.0,
    phase: float = 0.0,
    spin: float = 0.0,
    labelled: bool = True,
) -> Limb | None:
    """Paints stamps, given in figure coordinates, onto one texture just large enough.

    None where they are too thin for a single texel to be half opaque.
    """
    reach = np.array([1.45 * max(stamp.a, stamp.b) for stamp in stamps])
    centres = np.array([[stamp.x, stamp.y] for stamp in stamps])
    low, high = (centres - reach[:, None]).min(0), (centres + reach[:, None]).max(0)
    # Long thin stamps at right angles need less than the circle about them.
    if all(stamp.turn == 0.0 for stamp in stamps):
        sides = np.array([[stamp.a, stamp.b] for stamp in stamps]) * 1.35
        low, high = (centres - sides).min(0), (centres + sides).max(0)
    low, high = np.floor((low - 5) * 64) / 64, high + 5
    columns, rows = (int(side * TEXELS) + 4 for side in high - low)
    texture = np.zeros((rows, columns, 4), np.uint8)
    for stamp in stamps:
        shifted = Stamp(**{**vars(stamp), "x": stamp.x - low[0], "y": stamp.y - low[1]})
        paint(texture, shifted, random, fields, light, TEXELS)
    if texture[..., 3].max() < 128:
        return None
    _halo(texture, light)
    # Crop to what is not empty: fewer texels to warp.
    used = texture[..., 3] > 0
    ys, xs = np.flatnonzero(used.any(1)), np.flatnonzero(used.any(0))
    y, x = ys[0], xs[0]
    texture = np.ascontiguousarray(texture[y : ys[-1] + 1, x : xs[-1] + 1])
    texture = np.pad(texture, ((1, 1), (1, 1), (0, 0)))
    origin = low + (np.array([x, y]) - 1) / TEXELS
    return Limb(texture, origin, np.array(pivot, np.float64), swing, phase, spin, labelled)


def _halo(texture, light):
    """Puts a faint shadow behind a premultiplied texture, away from the light, in place.

    Its alpha stays below a half, so it is no part of the outline.
    """
    dx, dy = int(-4 * light[0]), int(-4 * light[1])
    alpha = texture[..., 3]
    shadow = np.zeros(alpha.shape, np.uint16)
    inner = alpha[4:-4, 4:-4]
    for sx, sy in ((-1, -1), (1, -1), (-1, 1), (1, 1)):
        x, y = 4 + dx // 2 + sx, 4 + dy // 2 + sy
        shadow[y : y + inner.shape[0], x : x + inner.shape[1]] += inner
    np.maximum(alpha, (shadow // 11).astype(np.uint8), out=alpha)


def figure(
    random: Random,
    kind: str,
    size: float,
    fields: Fields,
    light: tuple[float, float],
    base: np.ndarray | None = None,
    aspect: float | None = None,
) -> Figure:
    """A figure of one of KINDS whose box at rest has an area of about size x size pixels.

    `base` (3,) gives the main material's colour; `aspect` is the box's width over its height, by
    default drawn from the kind's range. The box is about the labelled limbs.
    """
    looks = materials(random, colour(random, 0.35) if base is None else base, fields, light)
    make, narrow, broad = KINDS[kind]
    rig = make(random, looks)
    aspect = random.uniform(narrow, broad) if aspect is None else aspect
    wide = float(np.sqrt(aspect)) * size
    parts = [Part(*each) for each in rig]
    reach = np.array([_sides(stamp) for p in parts if p.labelled for stamp in p.stamps])
    width, height = reach[:, 2:].max(0) - reach[:, :2].min(0)
    x, y = wide / float(width), wide / aspect / float(height)
    flip = random.sign()
    limbs = []
    for stamps, pivot, swing, phase, spin, labelled in parts:
        placed = [
            Stamp(flip * s.x * x, s.y * y, s.a * x, s.b * y, s.material,
                  flip * s.turn, s.exponent, s.ragged, s.cuts)
            for s in stamps
        ]  # fmt: skip
        at = (flip * pivot[0] * x, pivot[1] * y)
        swing, spin = flip * swing, flip * spin
        part = limb(placed, random, fields, light, at, swing, phase, spin, labelled)
        if part is not None:
            limbs.append(part)
    return centred(limbs, looks)


def _sides(stamp: Stamp) -> tuple[float, float, float, float]:
    """Least and greatest x, y of a stamp without its ragged edge."""
    c, s = abs(cosine(stamp.turn)), abs(sine(stamp.turn))
    x, y = stamp.a * c + stamp.b * s, stamp.a * s + stamp.b * c
    return stamp.x - x, stamp.y - y, stamp.x + x, stamp.y + y


def centred(limbs: list[Limb], materials: list[Material]) -> Figure:
    """A figure of limbs, moved so that its box at rest is centred on (0, 0)."""
    rest = np.concatenate([part.outline for part in limbs if part.labelled])
    middle = np.floor((rest.min(0) + rest.max(0)) * 32) / 64
    for part in limbs:
        part.origin, part.pivot = part.origin - middle, part.pivot - middle
        part.outline = part.outline - middle
    return Figure(limbs, (rest.max(0) - rest.min(0)) / 2, materials)


def swung(part: Limb, angle: np.ndarray) -> np.ndarray:
    """Outline (N, K, 2) of a limb turned by angles (N,) about its pivot."""
    if not (part.swing or part.spin):
        return part.outline[None].repeat(len(angle), 0)
    turn = rotation(angle)[:, None]
    local = part.outline - part.pivot
    x = turn[..., 0, 0] * local[:, 0] + turn[..., 0, 1] * local[:, 1]
    y = turn[..., 1, 0] * local[:, 0] + turn[..., 1, 1] * local[:, 1]
    return np.stack([x, y], -1) + part.pivot
