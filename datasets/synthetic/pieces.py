"""Rigs of random pieces, and of targets that are a part of something larger."""

from typing import NamedTuple

import numpy as np

from datasets.synthetic.draws import Random, cosine, sine
from datasets.synthetic.leaves import mosaic
from datasets.synthetic.textures import Fields, Material, Stamp, material

SKIN = 112  # texels along a picture of dead leaves that surfaces are cut from


class Part(NamedTuple):
    """A limb to be: see figures.Limb."""

    stamps: list[Stamp]
    pivot: tuple[float, float] = (0.0, 0.0)
    swing: float = 0.0
    phase: float = 0.0
    spin: float = 0.0
    labelled: bool = True


def materials(
    random: Random, base: np.ndarray, fields: Fields, light: tuple[float, float]
) -> list[Material]:
    """Four materials, the first of colour `base` (3,), if their sequence does not want others; some
    are cut from dead leaves of their colours."""
    saturation = random.uniform(0.02, 0.35)
    found = [material(random, saturation, base=fields.tinted(base))]
    for _ in range(3):
        look = material(random, saturation)
        if fields.shared:
            shade = fields.tinted(look.ramp[64].astype(np.float64))
            look = material(random, saturation, base=shade)
        found.append(look)
    if random.chance(0.5):
        colours = np.stack([look.ramp[row] for look in found for row in (40, 90)]).astype(
            np.float64
        )
        if random.chance(0.5):
            colours = np.concatenate([colours[:2], fields.palette])
        side = min(SKIN, *fields.smooth.shape)
        skin = mosaic(random, side, side, colours, fields, light)
        for look in found:
            if random.chance(0.6):
                look.skin = skin
    return found


def piece(random: Random, x: float, y: float, a: float, b: float, look, turned=True) -> Stamp:
    """A stamp of a random outline: round, square, ragged, cut off by lines."""
    exponent = random.choose((2, 2, 4, 4, 16))
    ragged = random.choose((0.02, 0.1, 0.25, 0.45))
    cuts = ()
    if random.chance(0.45):
        count = random.integer(1, 5)
        cuts = tuple((random.uniform(0, 1), random.uniform(0.55, 0.95)) for _ in range(count))
    turn = random.choose((0.0, random.uniform(0, 1))) if turned else 0.0
    return Stamp(x, y, a, b, look, turn, exponent, ragged, cuts)


def _details(random, m, x, y, a, b, least=1, most=6):
    """Pieces that lie on a body of half axes a, b about (x, y)."""
    stamps = []
    for _ in range(random.integer(least, most)):
        dx, dy = random.uniform(-0.75, 0.75, 2)
        p, q = random.uniform(0.12, 0.55, 2)
        stamps.append(piece(random, x + dx * a, y + dy * b, p * a, q * b, random.choose(m)))
    return stamps


def _body(random, m, x, y, a, b):
    return [piece(random, x, y, a, b, m[0], False), *_details(random, m, x, y, a, b)]


def collage(random, m):
    """Two to six overlapping pieces; one of them may swing."""
    a, b = random.uniform(0.28, 0.5, 2)
    parts = [Part(_body(random, m, 0.0, 0.0, a, b))]
    if random.chance(0.35):
        x, y = a * random.uniform(-0.9, 0.9), b * random.choose((-0.8, 0.8))
        far = random.uniform(0.15, 0.3)
        stamp = piece(random, x, y, 0.5 * far, far, random.choose(m), False)
        parts.append(Part([stamp], (x, y * 0.6), random.uniform(0.03, 0.12)))
    return parts


def slab(random, m):
    """A board or case with rows of equal things on it."""
    a, b = random.uniform(0.3, 0.5, 2)
    stamps = [Stamp(0, 0, a, b, m[0], 0.0, random.choose((4, 16)), 0.03)]
    for _ in range(random.integer(1, 4)):
        count, y = random.integer(1, 6), random.uniform(-0.75, 0.75) * b
        look, shape = random.choose(m), random.choose((2, 4, 16))
        p, q = 0.8 * a / count * random.uniform(0.5, 1.0), b * random.uniform(0.06, 0.3)
        for k in range(count):
            x = 0.9 * a * ((k + 0.5) / count * 2 - 1)
            stamps.append(Stamp(x, y, p, q, look, 0.0, shape, 0.03))
    return [Part(stamps)]


def cluster(random, m):
    """Several pieces of about one size, side by side."""
    size, stamps = random.uniform(0.16, 0.26), []
    for k in range(random.integer(3, 8)):
        x, y = (random.uniform(-0.3, 0.3), random.uniform(-0.3, 0.3)) if k else (0.0, 0.0)
        a, b = size * random.uniform(0.7, 1.2, 2)
        stamps.append(piece(random, x, y, a, b, m[0] if k % 2 else random.choose(m)))
    return [Part(stamps)]


def chain(random, m):
    """Three to five parts in a row; the outer ones swing about the joints."""
    parts, count = [], random.integer(1, 3)
    long, wide = random.uniform(0.16, 0.26), random.uniform(0.08, 0.16)
    swing, bearing = random.uniform(0.05, 0.14), random.uniform(0, 1)
    for side in (0.0, 0.5):
        turn = bearing + side + random.uniform(-0.12, 0.12)
        x, y = long * cosine(bearing + side), long * sine(bearing + side)
        stamps, joint = [], (x, y)
        for _ in range(count):
            x, y = x + 0.8 * long * cosine(turn), y + 0.8 * long * sine(turn)
            look, half = random.choose(m), wide * random.uniform(0.6, 1.2)
            stamp = piece(random, x, y, long, half, look, False)
            stamp.turn = turn
            stamps.append(stamp)
            x, y = x + 0.8 * long * cosine(turn), y + 0.8 * long * sine(turn)
            turn += random.uniform(-0.15, 0.15)
        parts.append(Part(stamps, joint, swing, side + random.uniform(0, 0.2)))
    middle = piece(random, 0.0, 0.0, 1.25 * long, 1.3 * wide, m[0], False)
    middle.turn = bearing
    parts.insert(random.integer(0, 3), Part([middle]))
    return parts


def ragdoll(random, m):
    """A trunk with two to five limbs of random shapes about it."""
    a, b = random.uniform(0.12, 0.24), random.uniform(0.16, 0.26)
    trunk = Part(_body(random, m, 0.0, 0.0, a, b))
    limbs, swing = [], random.uniform(0.04, 0.14)
    bearing, count = random.uniform(0, 1), random.integer(2, 6)
    for k in range(count):
        turn = bearing + (k + random.uniform(-0.25, 0.25)) / count
        dx, dy = cosine(turn), sine(turn)
        long, wide = random.uniform(0.12, 0.2), random.uniform(0.05, 0.1)
        look = random.choose(m)
        stamp = piece(random, dx * (0.8 * a + long), dy * (0.8 * b + long), long, wide, look, False)
        stamp.turn = turn
        joint = (0.8 * a * dx, 0.8 * b * dy)
        limbs.append(Part([stamp], joint, swing, random.uniform(0, 1)))
    behind = random.integer(0, count + 1)
    return [*limbs[:behind], trunk, *limbs[behind:]]


def leaf(random, m):
    """One plain piece, of nothing but its texture."""
    a, b = random.uniform(0.3, 0.5, 2)
    return [Part([piece(random, 0.0, 0.0, a, b, m[0])])]


def _skin(random):
    tone = random.uniform(0.35, 1.15)
    return material(random, 0.3, ("plain", "halves"), np.array([190.0, 148.0, 122.0]) * tone)


def _headed(random, m, hidden_face=False):
    """Stamps of a head about (0, 0), 1 high: hair or helmet, face, its shadows."""
    wide, skin = random.uniform(0.34, 0.44), _skin(random)
    dark = material(random, 0.1, ("plain",), np.array([50.0, 42.0, 40.0]))
    stamps = [Stamp(0, 0.0, wide, 0.5, skin, 0.0, 2, 0.06)]
    side = 0.0 if hidden_face else random.uniform(-0.15, 0.15)  # where it looks
    if not hidden_face:
        for x in (-0.16, 0.16):
            stamps.append(Stamp(x + side, -0.03, 0.075, 0.045, dark, 0.0, 2, 0.2))
        stamps.append(Stamp(side, 0.12, 0.05, 0.1, skin, 0.0, 2, 0.1))
        stamps.append(Stamp(side, 0.27, 0.13, 0.035, dark, 0.0, 2, 0.2))
        if random.chance(0.3):  # a beard or a guard
            stamps.append(Stamp(side, 0.34, wide * 0.8, 0.16, m[2], 0.0, 2, 0.3))
    top = random.uniform(0.16, 0.3) if not hidden_face else 0.42
    stamps.append(Stamp(-side, top - 0.5, wide * 1.05, top, m[1], 0.0, random.choose((2, 4)), 0.2))
    if random.chance(0.4):
        stamps.append(Stamp(-side, -0.35, 0.06, 0.2, m[3], 0.0, 4, 0.1))
    return stamps


def bust(random, m):
    """A head, from before or behind, on a body that is not the target."""
    wide, low = random.uniform(0.6, 1.0), random.uniform(0.6, 1.3)
    neck = [Stamp(0, 0.5, 0.2, 0.25, _skin(random), 0.0, 4, 0.05)]
    chest = piece(random, 0.0, 0.5 + low, wide, low, m[0], False)
    chest.cuts, chest.ragged, chest.exponent = (), 0.08, random.choose((2, 4))
    chest.y += 0.1
    details = _details(random, m, 0.0, 0.6 + low, wide, low, 0, 4)
    side, swing = random.sign(), random.uniform(0.01, 0.06)
    arm = [Stamp(side * wide, 0.6 + low, 0.2, low * 0.8, m[0], 0.0, 4, 0.1)]
    head = Part(_headed(random, m, random.chance(0.3)), (0.0, 0.5), random.uniform(0.0, 0.03))
    return [
        Part([*neck, chest, *details], labelled=False),
        head,
        Part(arm, (side * wide * 0.9, 0.7), swing, 0.0, 0.0, False),
    ]


def face(random, m):
    """A face in a head with hair, perhaps with shoulders."""
    stamps = _headed(random, m)
    hair = Stamp(0, -0.12, random.uniform(0.5, 0.7), random.uniform(0.6, 0.8), m[1], 0.0, 2, 0.25)
    rest = [hair]
    if random.chance(0.7):
        rest.insert(0, Stamp(0, 1.3, 1.2, 0.85, m[0], 0.0, 4, 0.1))
    return [Part(rest, labelled=False), Part(stamps)]


def torso(random, m):
    """The trunk of a person, whose head and limbs are not the target."""
    wide, swing = random.uniform(0.25, 0.36), random.uniform(0.03, 0.1)
    head = [Stamp(s.x * 0.4, s.y * 0.4 - 0.7, s.a * 0.4, s.b * 0.4, s.material, s.turn, s.exponent,
                  s.ragged) for s in _headed(random, m)]  # fmt: skip
    leg = Stamp(0, 0.95, wide * 0.5, 0.55, m[1], 0.0, 4, 0.1)
    arm = Stamp(0, 0.05, wide * 0.3, 0.45, m[0], 0.0, 4, 0.1)
    moved = lambda stamp, x: [Stamp(**{**vars(stamp), "x": x})]  # noqa: E731
    return [
        Part(moved(leg, -0.4 * wide), (0.0, 0.45), swing, 0.0, 0.0, False),
        Part(moved(leg, 0.4 * wide), (0.0, 0.45), swing, 0.5, 0.0, False),
        Part(_body(random, m, 0.0, 0.0, wide, 0.5)),
        Part(
            [*head, *moved(arm, wide), *moved(arm, -wide)],
            (0.0, -0.45),
            0.3 * swing,
            0.0,
            0.0,
            False,
        ),
    ]


def patch(random, m):
    """A piece in the midst of a larger thing of several."""
    a, b = random.uniform(0.35, 0.5, 2)
    size = random.uniform(1.3, 2.0)
    x, y = random.uniform(-0.7, 0.7) * a * size, random.uniform(-0.7, 0.7) * b * size
    larger = _body(random, m[1:], x, y, 1.3 * a * size, 1.3 * b * size)
    return [Part(larger, labelled=False), Part(_body(random, m, 0.0, 0.0, a, b))]


def wheel(random, m):
    """A wheel, or another round thing, that turns below a larger body."""
    spoke = Stamp(0.2, 0.0, 0.2, 0.06, m[2], 0.0, 4, 0.05)
    rim = [Stamp(0, 0, 0.5, 0.5, m[0], 0.0, 2, 0.02), Stamp(0, 0, 0.34, 0.34, m[1], 0.0, 2, 0.02)]
    rim += [spoke, *_details(random, m, 0.0, 0.0, 0.4, 0.4, 0, 3)]
    wide, high = random.uniform(0.9, 1.7), random.uniform(0.4, 0.9)
    x = random.uniform(-0.8, 0.8) * wide
    body = _body(random, m[1:], x, -0.25 - 0.7 * high, wide, high)
    spin = random.choose((0.0, 1.0, random.uniform(0.2, 0.6)))
    return [Part(body, labelled=False), Part(rim, (0.0, 0.0), 0.0, 0.0, spin)]


def held(random, m):
    """A thing in a hand, whose fingers lie on it; the arm comes with it."""
    a, b = random.uniform(0.3, 0.5, 2)
    skin, turn = _skin(random), random.uniform(0.05, 0.45)  # the arm comes from below
    dx, dy = cosine(turn), sine(turn)
    x, y = dx * a, dy * b
    size, long = random.uniform(0.16, 0.26), random.uniform(0.6, 1.3)
    sleeve = material(random, 0.2)
    arm = [
        Stamp(x + dx * long, y + dy * long, long, size * 0.8, skin, turn, 4, 0.06),
        Stamp(x + dx * long * 1.6, y + dy * long * 1.6, long, size * 1.3, sleeve, turn, 4, 0.1),
        Stamp(x + 0.5 * dx * size, y + 0.5 * dy * size, size, size, skin, turn, 2, 0.15),
    ]
    fingers = []
    for k in range(random.integer(1, 4)):
        at = (k - 1) * size * 0.5
        fingers.append(Stamp(x - dy * at - dx * size * 0.4, y + dx * at - dy * size * 0.4,
                             size * 0.6, size * 0.2, skin, turn, 2, 0.05))  # fmt: skip
    return [
        Part(arm, labelled=False),
        Part(_body(random, m, 0.0, 0.0, a, b)),
        Part(fingers, labelled=False),
    ]


PIECES = {  # rig, and the range of the box's width over its height
    "collage": (collage, 0.5, 1.9),
    "slab": (slab, 0.5, 1.9),
    "cluster": (cluster, 0.6, 1.7),
    "chain": (chain, 0.5, 1.9),
    "ragdoll": (ragdoll, 0.5, 1.8),
    "leaf": (leaf, 0.5, 1.8),
    "bust": (bust, 0.65, 0.95),
    "face": (face, 0.65, 0.95),
    "torso": (torso, 0.5, 0.8),
    "patch": (patch, 0.5, 1.8),
    "wheel": (wheel, 0.8, 1.2),
    "held": (held, 0.5, 1.8),
}
