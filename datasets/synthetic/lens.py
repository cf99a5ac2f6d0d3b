"""What a soft lens does to a picture."""

import numpy as np


def soften(picture: np.ndarray, strength: float) -> np.ndarray:
    """`picture` (H, W, 3) uint8, in place, as a lens is soft: a binomial filter [1 2 1] along both
    axes, `strength` times, a multiple of 0.5; the rim stays as it is. For the half the mean of with
    and without is taken.
    """
    while strength > 0:
        soft = _filtered(picture)
        if strength < 1:
            inner = picture[1:-1, 1:-1].astype(np.uint16)
            soft = (inner + soft + 1) >> 1
        picture[1:-1, 1:-1] = soft
        strength -= 1
    return picture


def _filtered(picture):
    pairs = picture[:, :-1].astype(np.uint16)
    pairs += picture[:, 1:]
    triples = pairs[:, :-1] + pairs[:, 1:]
    pairs = triples[:-1] + triples[1:]
    soft = pairs[:-1] + pairs[1:]
    soft += 8
    soft >>= 4
    return soft
