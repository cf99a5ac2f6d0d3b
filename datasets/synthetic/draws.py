"""Random numbers and smooth curves that are the same, bit for bit, on every machine.

Only operations that IEEE 754 defines exactly are used on floating point: elementwise + - * / and
square root, floor, comparisons, minima and maxima, each as its own numpy call. What depends on the
machine's libraries (sin, exp, pow, sums, dot products, np.interp, fused multiply-adds) is left
out, here and in the rest of the package. Random bits come from PCG64's raw stream, which NumPy
keeps stable (NEP 19), not from Generator's distributions, which it does not.
"""

import math

import numpy as np

TAU = 6.283185307179586


class Random:
    """A stream of draws named by a key of non-negative integers."""

    def __init__(self, *key: int):
        self._bits = np.random.PCG64(np.random.SeedSequence(key))

    def bytes(self, *shape: int) -> np.ndarray:
        """Uniform uint8 array of the given shape."""
        count = int(np.prod(shape))
        raw = self._bits.random_raw((count + 7) // 8)
        return raw.astype("<u8").view(np.uint8)[:count].reshape(shape)

    def uniform(self, low: float, high: float, *shape: int):
        """Uniform in [low, high): a float, or a float64 array of the given shape."""
        raw = self._bits.random_raw(shape or None)
        if not shape:
            return low + (high - low) * ((raw >> 11) * 2.0**-53)
        return low + (high - low) * ((raw >> np.uint64(11)) * 2.0**-53)

    def integer(self, low: int, high: int) -> int:
        """Uniform in low..high - 1."""
        return low + int(self._bits.random_raw() % (high - low))

    def chance(self, probability: float) -> bool:
        return self.uniform(0, 1) < probability

    def sign(self) -> float:
        return 1.0 if self.chance(0.5) else -1.0

    def choose(self, options):
        return options[self.integer(0, len(options))]

    def sample(self, weights: dict[str, float], count: int) -> list[str]:
        """`count` different keys, each drawn in proportion to its weight among those left."""
        left, drawn = dict(weights), []
        for _ in range(count):
            total = 0.0
            for weight in left.values():  # not sum(), which compensates from Python 3.12 on
                total += weight
            point = self.uniform(0, total)
            for key, weight in left.items():
                point -= weight
                if point < 0:
                    drawn.append(key)
                    del left[key]
                    break
        return drawn

    def wander(self, frames: int, period: float, *width: int) -> np.ndarray:
        """Smooth random curves (frames, *width), about within [-1, 1].

        Catmull-Rom splines through uniform random knots `period` frames apart.
        """
        knots = self.uniform(-1, 1, int(frames / period) + 5, *width)
        time = np.arange(frames) / period + self.uniform(0, 1)
        first = np.floor(time).astype(np.int64)
        t = (time - first).reshape(-1, *([1] * len(width)))
        a, b, c, d = (knots[first + k] for k in range(4))
        cubic = (3.0 * (b - c) + d - a) * t + (2.0 * a - 5.0 * b + 4.0 * c - d)
        return b + 0.5 * t * ((c - a) + t * cubic)


def sine(turns):
    """Sine of an angle or an array of them in turns, to 4e-6 (a Taylor polynomial)."""
    if isinstance(turns, np.ndarray):
        x = turns - np.floor(turns + 0.5)
        x = np.where(np.abs(x) > 0.25, np.copysign(0.5, x) - x, x) * TAU
    else:
        x = turns - math.floor(turns + 0.5)
        x = (math.copysign(0.5, x) - x if abs(x) > 0.25 else x) * TAU
    z = x * x
    series = 1 / 362880
    for factor in (-1 / 5040, 1 / 120, -1 / 6, 1.0):
        series = factor + z * series
    return x * series


def cosine(turns):
    return sine(turns + 0.25)


def rotation(turns: np.ndarray) -> np.ndarray:
    """Matrices (..., 2, 2) turning (x, y) clockwise on the picture (y points down)."""
    s, c = sine(turns), cosine(turns)
    return np.stack([np.stack([c, -s], -1), np.stack([s, c], -1)], -2)


def smoothstep(x):
    """0 below 0, 1 above 1, 3x^2 - 2x^3 between."""
    x = np.clip(x, 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


def bump(time, start: float, rise: float, hold: float):
    """0, rising over `rise` from `start`, 1 for `hold`, falling over `rise`, 0."""
    up = smoothstep((time - start) / rise)
    return up * (1.0 - smoothstep((time - start - rise - hold) / rise))
