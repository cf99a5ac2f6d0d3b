"""The light on a scene over time."""

from dataclasses import dataclass

import numpy as np

from datasets.synthetic.draws import Random, bump, smoothstep

WALL = 110  # level of the wall by which brightness is told


@dataclass
class Light:
    """gain: (N, 3) factors of the colours; bend, contrast: the camera's tone curve, lighter in the
    middle and S-shaped; haze: (2,) the levels that black and white become; grey: without colour;
    shade: (N,) how far a soft shadow has moved over the picture, in its own wavelengths; depth: of
    that shadow, 0 for none; slope: its direction.
    """

    gain: np.ndarray
    bend: float
    contrast: float
    haze: tuple[float, float]
    grey: bool
    shade: np.ndarray
    depth: float
    slope: tuple[float, float]

    def shown(self, levels: np.ndarray) -> np.ndarray:
        """Levels 0..255 that lit surfaces of `levels` are recorded as, without the shadow."""
        tone = np.clip(levels / 255.0, 0.0, 1.0)
        tone = tone + self.bend * tone * (1.0 - tone)
        tone = tone + self.contrast * tone * (1.0 - tone) * (2.0 * tone - 1.0)
        black, white = self.haze
        return np.clip(black + tone * (white - black), 0.0, 255.0)

    def at(self, points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Levels (N,) that a grey wall of WALL has at points (N, 2) of the picture, one a frame."""
        where = points[:, 0] * self.slope[0] + points[:, 1] * self.slope[1]
        dark = shadow_profile(where / size[0] + self.shade)
        return self.shown(WALL * self.gain[:, 1]) * (1.0 - self.depth * dark)


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
    cast = 1.0 + random.uniform(0, 0.16) * random.uniform(-1, 1, 3)
    bend, contrast, haze = _tone(random)
    grey = random.chance(0.15)
    return Light(gain * cast, bend, contrast, haze, grey, shade, depth, slope)


def _tone(random):
    """A tone curve: bend, contrast and haze of a Light."""
    style = random.choose(("plain",) * 7 + ("dark", "pale", "hard"))
    if style == "dark":
        return random.uniform(-0.5, -0.2), 0.0, (random.uniform(-10, 8), random.uniform(160, 240))
    if style == "pale":
        return random.uniform(0.0, 0.5), -0.3, (random.uniform(30, 75), random.uniform(190, 245))
    if style == "hard":
        return random.uniform(-0.1, 0.5), random.uniform(0.4, 0.9), (-15.0, 275.0)
    bend, contrast = random.uniform(-0.2, 0.4), random.uniform(-0.1, 0.4)
    return bend, contrast, (random.uniform(-20, 30), random.uniform(225, 270))
