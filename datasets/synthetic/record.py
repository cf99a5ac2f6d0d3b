"""How a camera records what it sees: soft lens, coarse sensor, noise, block compression.

Exact, as render.py is: integers, or floating point whose every intermediate value is an integer
that float32 holds, so that matrix products come out alike in any order of summation.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from datasets.synthetic.draws import Random

# An orthogonal transform in integers close to the DCT, that of the AVS video standard (GB/T
# 20090.2); rows are frequencies.
BASIS = np.array(
    [
        [8, 8, 8, 8, 8, 8, 8, 8],
        [10, 9, 6, 2, -2, -6, -9, -10],
        [10, 4, -4, -10, -10, -4, 4, 10],
        [9, -2, -10, -6, 6, 10, 2, -9],
        [8, -8, -8, 8, 8, -8, -8, 8],
        [6, -10, 2, 9, -9, -2, 10, -6],
        [4, -10, 10, -4, -4, 10, -10, 4],
        [2, -6, 9, -10, 10, -9, 6, -2],
    ]
)
POWER = np.multiply.outer((BASIS * BASIS).sum(1), (BASIS * BASIS).sum(1)).reshape(64)
FORWARD = np.kron(BASIS, BASIS).T.astype(np.float32).copy()  # (64 pixels, 64 frequencies)
BACK = np.kron(BASIS, BASIS).astype(np.float32)
FINE = 2048  # parts of a grey level in which coefficients are restored; sums stay below 2^24


@dataclass
class Record:
    """softness: how often the lens softens (lens.py); coarse: recorded at half the size;
    grain: strength of the noise; steps: (luma, chroma) quantiser steps (64,) of the compression in
    grey levels x 8, each frequency's, or None.
    """

    softness: int
    coarse: bool
    grain: float
    steps: tuple[np.ndarray, np.ndarray] | None


def make_record(random: Random, small: bool) -> Record:
    """Draws a camera; one for a `small` target does not take more of what is left of it."""
    softness = 0 if small else random.choose((0, 0, 0, 0, 0, 1, 1, 2))
    coarse = random.chance(0.1) and not small
    share = random.uniform(0, 1)
    grain = random.uniform(0.0, 0.01) if random.chance(0.3) else 0.01 + 0.08 * share * share
    steps = None
    share = random.uniform(0, 1)
    coarsest, slope = 3.0 + 27.0 * share * share, random.uniform(0.1, 0.4)
    if random.chance(0.4):
        order = np.add.outer(np.arange(8), np.arange(8)).reshape(64)
        luma = coarsest * (1.0 + slope * order)
        steps = luma, luma * random.uniform(1.0, 1.6)
    return Record(softness, coarse, grain, steps)


def halved(picture: np.ndarray) -> np.ndarray:
    """Means of 2 x 2 pixels, rounded half up; an odd row or column is doubled first."""
    height, width = picture.shape[:2]
    if height % 2 or width % 2:
        picture = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), "edge")
    rows = picture[::2].astype(np.uint16)
    rows += picture[1::2]
    means = rows[:, ::2] + rows[:, 1::2]
    means += 2
    means >>= 2
    return means.astype(np.uint8)


def doubled(picture: np.ndarray) -> np.ndarray:
    """Twice as many pixels along both axes, bilinear between pixel centres, rounded half up."""
    height, width = picture.shape[:2]
    padded = np.pad(picture, ((1, 1), (1, 1), (0, 0)), "edge").astype(np.uint16)
    near = 3 * padded
    tall = np.empty((2 * height, width + 2, picture.shape[2]), np.uint16)
    np.add(near[1:-1], padded[:-2], out=tall[::2])
    np.add(near[1:-1], padded[2:], out=tall[1::2])
    near = 3 * tall
    out = np.empty((2 * height, 2 * width, picture.shape[2]), np.uint16)
    np.add(near[:, 1:-1], tall[:, :-2], out=out[:, ::2])
    np.add(near[:, 1:-1], tall[:, 2:], out=out[:, 1::2])
    out += 8
    out >>= 4
    return out.astype(np.uint8)


def coded(plane: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """What is left of a plane of whole levels in -128..128, (H, W) float32, H and W multiples
    of 8, after each 8 x 8 block's frequencies are rounded to multiples of steps (64,)."""
    height, width = plane.shape
    blocks = plane.reshape(height // 8, 8, width // 8, 8).transpose(0, 2, 1, 3).reshape(-1, 64)
    root = np.sqrt(POWER.astype(np.float64))
    levels = _product(blocks, FORWARD)
    levels *= (1 / (steps * root)).astype(np.float32)
    levels += np.float32(0.5)
    np.floor(levels, out=levels)
    levels *= (steps * FINE / root).astype(np.float32)
    levels += np.float32(0.5)
    np.floor(levels, out=levels)
    blocks = _product(levels, BACK)
    blocks *= np.float32(1 / FINE)
    blocks += np.float32(0.5)
    np.floor(blocks, out=blocks)
    blocks = blocks.reshape(height // 8, width // 8, 8, 8).transpose(0, 2, 1, 3)
    return blocks.reshape(height, width)


def _product(rows, matrix):
    """rows @ matrix, (N, 64), few rows at a time: so small a product starts no threads, which would
    get in the way of readers that work side by side."""
    out = np.empty_like(rows)
    for start in range(0, len(rows), 48):
        np.matmul(rows[start : start + 48], matrix, out=out[start : start + 48])
    return out


def compress(
    picture: np.ndarray, steps: tuple[np.ndarray, np.ndarray], grey: bool = False
) -> np.ndarray:
    """What block compression leaves of (H, W, 3) uint8 RGB: luma in full, the differences of red
    and blue to it at half the size. `grey` says that the three channels are the same."""
    height, width = picture.shape[:2]
    if height % 16 or width % 16:
        picture = np.pad(picture, ((0, -height % 16), (0, -width % 16), (0, 0)), "edge")
    red, green, blue = (np.ascontiguousarray(plane) for plane in cv2.split(picture))
    luma = green
    if not grey:
        luma = red * np.uint16(77) + green * np.uint16(150) + blue * np.uint16(29)
        luma = ((luma + np.uint16(128)) >> 8).astype(np.uint8)
    shown = coded(luma.astype(np.float32) - np.float32(128), steps[0])
    shown = shown.astype(np.int16) + np.int16(128)
    if grey:
        planes = [np.clip(shown, 0, 255).astype(np.uint8)] * 3
    else:
        total = _sums(luma)
        to_red, to_blue = (
            2 * coded(np.floor((_sums(plane) - total) * np.float32(0.125)), steps[1])
            for plane in (red, blue)
        )
        to_green = np.floor(
            (np.float32(77) * to_red + np.float32(29) * to_blue) * np.float32(-1 / 150)
        )
        planes = [
            np.clip(shown + _spread(part.astype(np.int16)), 0, 255).astype(np.uint8)
            for part in (to_red, to_green, to_blue)
        ]
    return cv2.merge(planes)[:height, :width]


def _sums(plane):
    """Sums of 2 x 2 pixels of (H, W) uint8, (H / 2, W / 2) float32."""
    rows = plane[::2].astype(np.float32)
    rows += plane[1::2]
    return rows[:, ::2] + rows[:, 1::2]


def _spread(plane):
    """Each element of (H, W) int16 four times."""
    wide = cv2.merge([plane, plane]).reshape(len(plane), -1)
    return np.repeat(wide, 2, axis=0)
