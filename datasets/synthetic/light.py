"""The light on a scene over time."""

from dataclasses import dataclass

import numpy as np

from datasets.synthetic.draws import Random, bump, smoothstep


@dataclass
class Light:
    """gain: (N, 3) factors of the colours; haze: (2,) the levels that black and white become;
    grey: without colour; shade: (N,) how far a soft shadow has moved over the picture, in its own
    wavelengths; depth of that shadow, 0 for none; slope: its direction.
    """

    gain: np.ndarray
    haze: tuple[float, float]
    grey: bool
    shade: np.ndarray
    depth: float
    slope: tuple[float, float]

    def at(self, points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Brightness factors (N,) at points (N, 2) of the picture, one a frame."""
        where = points[:, 0] * self.slope[0] + points[:, 1] * self.slope[1]
        dark = shadow_profile(where / size[0] + self.shade)
        return self.gain[:, 1] * (1.0 - self.depth * dark)


def shadow_profile(wavelengths):
    """Darkness 0..1 of a soft-edged shadow that covers a third of each wavelength."""
    x = wavelengths - np.floor(wavelengths)
    return smoothstep((x - 0.3) * 8) * (1.0 - smoothstep((x - 0.6) * 8))


def make_light(random: Random, frames: int, varies: bool) -> Light:
    """A light that hardly changes, or swells, is switched, or throws a moving shadow."""
    gain = 1.0 + 0.03 * random.wander(frames, 15, 1)
    depth = 0.0
    if varies:
        style = random.choose(("swell", "switch", "shadow"))
        if style == "swell":
            gain = gain + 0.75 * random.wander(frames, random.uniform(8, 20), 1)
        elif style == "switch":
            step = bump(np.arange(frames), random.uniform(0.1, 0.6) * frames, 1.5,
                        random.uniform(0.2, 0.5) * frames)[:, None]  # fmt: skip
            gain = gain * (1.0 + step * random.choose((-0.6, -0.5, 0.7)))
        else:
            depth = random.uniform(0.5, 0.7)
    tint = 1.0 + 0.03 * random.wander(frames, 30, 3)
    gain = np.clip(gain, 0.35, 1.8) * tint
    shade = random.uniform(0, 1) + random.sign() * np.arange(frames) * random.uniform(0.012, 0.03)
    slope = (random.uniform(0.6, 1.0), random.uniform(-0.6, 0.6))
    haze = (random.uniform(-25, 45), random.uniform(205, 275))
    return Light(gain, haze, random.chance(0.1), shade, depth, slope)
