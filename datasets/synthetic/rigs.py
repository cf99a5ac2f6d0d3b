"""Rigs of the recognisable kinds of figures; those of random pieces are in pieces.py.

A rig is a list of Parts (or of their fields), one for each limb in drawing order, in units in which
the whole is about 1 long; figures.py scales it. `m` are four materials, the main one first.
"""

import numpy as np

from datasets.synthetic.pieces import PIECES
from datasets.synthetic.textures import Stamp, material


def _walker(random, m):
    lean, wide = random.uniform(0.9, 1.15), random.uniform(0.85, 1.25)
    skin = material(random, 0.3, ("plain",), np.array([196.0, 150.0, 120.0]) * lean * 0.85)
    swing = random.uniform(0.05, 0.11)
    leg = [Stamp(0, 0.28, 0.075 * wide, 0.25, m[1], 0.0, 4, 0.1)]
    shoe = Stamp(0.03, 0.5, 0.09, 0.04, m[3], 0.0, 2, 0.1)
    arm = [Stamp(0, -0.02, 0.05 * wide, 0.2, m[0], 0.0, 4, 0.1), Stamp(0, 0.17, 0.04, 0.05, skin)]
    body = [
        Stamp(0, -0.08, 0.15 * wide, 0.22, m[0], 0.0, 4, 0.15),
        Stamp(0, -0.38, 0.085, 0.11, skin, 0.0, 2, 0.1),
        Stamp(0, -0.43, 0.09, 0.07, m[2], 0.0, 2, 0.3),
    ]
    if random.chance(0.4):  # a bag
        side = random.sign()
        body.append(Stamp(side * 0.13, -0.06, 0.09, 0.13, m[3], 0.0, 4, 0.15))
    hip, shoulder = (0, 0.1), (0, -0.22)
    return [
        (arm, shoulder, swing, 0.0, 0.0),
        ([*leg, shoe], hip, swing, 0.5, 0.0),
        ([*leg, shoe], hip, swing, 0.0, 0.0),
        (body, (0, 0), 0.0, 0.0, 0.0),
        (arm, shoulder, swing, 0.5, 0.0),
    ]


def _vehicle(random, m):
    tall, roof = random.uniform(0.16, 0.26), random.uniform(0.2, 0.38)
    glass = material(random, 0.1, ("plain",), np.array([70.0, 85.0, 100.0]))
    tyre = material(random, 0.05, ("checks",), np.array([45.0, 45.0, 48.0]))
    back = random.uniform(-0.15, 0.1)
    body = [
        Stamp(back, -tall * 0.75, roof, tall * 0.8, m[0], 0.0, 4, 0.05),
        Stamp(back - roof * 0.45, -tall * 0.85, roof * 0.36, tall * 0.4, glass, 0.0, 4, 0.03),
        Stamp(back + roof * 0.42, -tall * 0.85, roof * 0.36, tall * 0.4, glass, 0.0, 4, 0.03),
        Stamp(0, 0.04, 0.55, tall * 0.75, m[0], 0.0, 4, 0.05),
        Stamp(0, 0.1, 0.53, tall * 0.16, m[1], 0.0, 8, 0.02),
        Stamp(0.5, 0.0, 0.05, 0.05, m[2], 0.0, 2, 0.05),
        Stamp(-0.5, 0.0, 0.04, 0.06, m[3], 0.0, 4, 0.05),
    ]
    wheel = random.uniform(0.09, 0.12)
    base = 0.04 + tall * 0.7
    wheels = [
        ([Stamp(x, base, wheel, wheel, tyre), Stamp(x, base, wheel / 2, wheel / 2, m[2])],
         (x, base), 0.0, 0.0, 1.0)
        for x in (-0.32, 0.34)
    ]  # fmt: skip
    return [(body, (0, 0), 0.0, 0.0, 0.0), *wheels]


def _fish(random, m):
    b = random.uniform(0.16, 0.3)
    eye = material(random, 0.1, ("plain",), np.array([30.0, 30.0, 35.0]))
    tail = [
        Stamp(0.55, -0.1, 0.16, 0.07, m[1], 0.9, 2, 0.25),
        Stamp(0.55, 0.1, 0.16, 0.07, m[1], 0.1, 2, 0.25),
    ]
    body = [
        Stamp(0.05, -b * 0.95, 0.2, b * 0.35, m[1], 0.03, 2, 0.3),
        Stamp(0.0, 0.0, 0.46, b, m[0], 0.0, 2, 0.12),
        Stamp(-0.3, -0.03, 0.13, b * 0.6, m[2], 0.0, 2, 0.15),
        Stamp(-0.34, -0.05, 0.035, 0.035, eye),
    ]
    fin = [Stamp(0.05, b * 0.6, 0.14, 0.06, m[3], 0.1, 2, 0.2)]
    swing = random.uniform(0.06, 0.12)
    return [
        (tail, (0.4, 0), swing, 0.0, 0.0),
        (body, (0, 0), 0.0, 0.0, 0.0),
        (fin, (-0.05, b * 0.5), swing, 0.3, 0.0),
    ]


def _bird(random, m):
    b, reach = random.uniform(0.12, 0.18), random.uniform(0.22, 0.32)
    beak = material(random, 0.5, ("plain",), np.array([205.0, 150.0, 60.0]))
    wing = [Stamp(0.05, -reach, 0.15, reach, m[1], 0.03, 2, 0.2)]
    body = [
        Stamp(0.42, 0.02, 0.2, 0.07, m[3], 0.03, 2, 0.2),
        Stamp(0.0, 0.0, 0.4, b, m[0], 0.0, 2, 0.1),
        Stamp(-0.4, -0.08, 0.13, 0.12, m[2], 0.0, 2, 0.1),
        Stamp(-0.54, -0.06, 0.07, 0.03, beak),
    ]
    swing = random.uniform(0.1, 0.18)
    return [
        (wing, (0.02, 0), -swing, 0.0, 0.0),
        (body, (0, 0), 0.0, 0.0, 0.0),
        (wing, (0.02, 0), swing, 0.1, 0.0),
    ]


def _animal(random, m):
    b, long = random.uniform(0.14, 0.22), random.uniform(0.18, 0.3)
    leg = lambda x, part: [Stamp(x, b + long * 0.5, 0.05, long * 0.75, m[part], 0.0, 4, 0.15)]  # noqa: E731
    eye = material(random, 0.1, ("plain",), np.array([30.0, 30.0, 35.0]))
    body = [
        Stamp(0.0, 0.0, 0.4, b, m[0], 0.0, 2, 0.2),
        Stamp(-0.36, -b * 0.9, 0.09, 0.17, m[0], 0.93, 2, 0.15),
        Stamp(-0.45, -b * 1.6, 0.14, 0.09, m[1], 0.97, 2, 0.15),
        Stamp(-0.38, -b * 2.2, 0.04, 0.09, m[2], 0.04, 2, 0.1),
        Stamp(-0.48, -b * 1.7, 0.025, 0.025, eye),
    ]
    tail = [Stamp(0.48, -b * 0.6, 0.16, 0.04, m[2], 0.9, 2, 0.25)]
    swing = random.uniform(0.05, 0.1)
    return [
        (leg(-0.24, 3), (-0.24, b * 0.6), swing, 0.5, 0.0),
        (leg(0.3, 3), (0.3, b * 0.6), swing, 0.0, 0.0),
        (tail, (0.37, -b * 0.5), swing, 0.25, 0.0),
        (leg(-0.3, 0), (-0.3, b * 0.6), swing, 0.0, 0.0),
        (leg(0.25, 0), (0.25, b * 0.6), swing, 0.5, 0.0),
        (body, (0, 0), 0.0, 0.0, 0.0),
    ]


def _head(random, m):
    wide = random.uniform(0.3, 0.38)
    tone = random.uniform(0.45, 1.1)
    skin = material(random, 0.3, ("plain",), np.array([200.0, 155.0, 130.0]) * tone)
    dark = material(random, 0.1, ("plain",), np.array([50.0, 40.0, 38.0]))
    mouth = material(random, 0.3, ("plain",), np.array([150.0, 75.0, 75.0]) * tone)
    stamps = [
        Stamp(0, -0.18, wide * 1.18, 0.36, m[1], 0.0, 2, 0.25),
        Stamp(0, 0.02, wide, 0.44, skin, 0.0, 2, 0.05),
        Stamp(0, -0.34, wide * 1.02, 0.16, m[1], 0.0, 2, 0.4),
        Stamp(-0.13, -0.05, 0.06, 0.035, dark, 0.0, 2, 0.1),
        Stamp(0.13, -0.05, 0.06, 0.035, dark, 0.0, 2, 0.1),
        Stamp(-0.13, -0.13, 0.08, 0.02, m[1], 0.98, 2, 0.1),
        Stamp(0.13, -0.13, 0.08, 0.02, m[1], 0.02, 2, 0.1),
        Stamp(0.0, 0.08, 0.045, 0.1, skin, 0.0, 2, 0.1),
        Stamp(0, 0.25, 0.11, 0.035, mouth, 0.0, 2, 0.15),
    ]
    shirt = [Stamp(0, 0.55, 0.42, 0.17, m[0], 0.0, 4, 0.1)] if random.chance(0.5) else []
    return [([*shirt, *stamps], (0, 0.4), 0.02, 0.0, 0.0)]


def _blob(random, m):
    a, b = random.uniform(0.3, 0.5), random.uniform(0.3, 0.5)
    stamps = [Stamp(0, 0, a, b, m[0], 0.0, random.choose((2, 2, 4)), random.uniform(0.1, 0.4))]
    for _ in range(random.integer(1, 5)):
        size = random.uniform(0.25, 0.6)
        x, y = random.uniform(-0.6, 0.6, 2)
        part = random.choose(m[1:])
        stamps.append(Stamp(x * a, y * b, a * size, b * size, part,
                            random.uniform(0, 1), random.choose((2, 4)), 0.3))  # fmt: skip
    return [(stamps, (0, 0), 0.0, 0.0, 0.0)]


def _box(random, m):
    a, b = random.uniform(0.3, 0.5), random.uniform(0.28, 0.5)
    stamps = [Stamp(0, 0, a, b, m[0], 0.0, 16, 0.05)]
    for _ in range(random.integer(2, 5)):
        x, y = random.uniform(-0.5, 0.5, 2)
        w, h = random.uniform(0.15, 0.45, 2)
        part = random.choose(m[1:])
        stamps.append(Stamp(x * a, y * b, a * w, b * h, part, 0.0, random.choose((2, 8)), 0.03))
    return [(stamps, (0, 0), 0.0, 0.0, 0.0)]


KINDS = {  # rig, and the range of the box's width over its height
    "walker": (_walker, 0.38, 0.6),
    "vehicle": (_vehicle, 1.3, 2.0),
    "fish": (_fish, 1.2, 2.1),
    "bird": (_bird, 1.1, 1.9),
    "animal": (_animal, 1.0, 1.7),
    "head": (_head, 0.7, 1.0),
    "blob": (_blob, 0.6, 1.7),
    "box": (_box, 0.6, 1.7),
    **PIECES,
}
