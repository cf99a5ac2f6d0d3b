"""1/f noise, of which all grain is cut."""

import numpy as np

from datasets.synthetic.draws import Random


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
