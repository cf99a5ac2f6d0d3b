"""Evaluation protocols, each a generator of a few lines.

A protocol yields requests, `Start` ("start here with this box") or `Track` ("track this frame"),
and is sent the box (4,) for each; what it returns is the result. It knows nothing of trackers,
pictures or batches: engine/evaluation.py drives many of them at once.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass

import numpy as np

from ops.errors import InputError


@dataclass(frozen=True)
class Start:
    """Start at `frame` with `box` (4,)."""

    frame: int
    box: np.ndarray


@dataclass(frozen=True)
class Track:
    """Track `frame`, coming from the frame of the request before."""

    frame: int


Protocol = Generator[Start | Track, np.ndarray, np.ndarray]


def ope(boxes: np.ndarray) -> Protocol:
    """One-pass evaluation: start on the first frame, never restart.

    Args:
        boxes: (N, 4) the truth.

    Returns:
        (N, 4) boxes, the first of them the one it was started with.
    """
    results = [(yield Start(0, boxes[0]))]
    for frame in range(1, len(boxes)):
        results.append((yield Track(frame)))
    return np.stack(results)


PROTOCOLS = {"ope": ope}


def find_protocol(name: str) -> Callable[[np.ndarray], Protocol]:
    """The protocol of this name. Raises InputError for an unknown one."""
    if name not in PROTOCOLS:
        raise InputError(f"evaluation.protocol={name}: expected {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name]
