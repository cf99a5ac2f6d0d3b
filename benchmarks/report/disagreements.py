"""Frames where trackers disagree most: what to look at when two curves differ."""

from dataclasses import dataclass

import numpy as np

from benchmarks.scores import Scores

COUNT = 10
OF_ONE_SEQUENCE = 2
APART = 50  # frames between two of a sequence


@dataclass(frozen=True)
class Disagreement:
    """A frame: its sequence, its index from 0, how far the trackers' overlaps spread there.

    Attributes:
        spread: standard deviation of the overlaps; 0.5 where half of them have 1, half have 0.
        overlaps: tracker -> overlap, without those for which the frame does not count.
    """

    sequence: str
    index: int
    spread: float
    overlaps: dict[str, float]


def disagreements(scores: Scores) -> list[Disagreement]:
    """Up to COUNT frames, largest spread first; of a sequence OF_ONE_SEQUENCE, APART frames apart.

    The standard deviation and not the range: of many trackers nearly always one has lost the
    target and another has not.
    """
    found = []
    for name in scores.truth:
        overlaps = np.stack([scores.overlaps[tracker][name] for tracker in scores.trackers])
        spreads = _spreads(overlaps)
        for _ in range(OF_ONE_SEQUENCE):
            index = int(spreads.argmax())
            if spreads[index] <= 0:
                break
            values = dict(zip(scores.trackers, overlaps[:, index].tolist(), strict=True))
            counted = {tracker: value for tracker, value in values.items() if value == value}
            found.append(Disagreement(name, index, float(spreads[index]), counted))
            spreads[max(0, index - APART + 1) : index + APART] = 0
    return sorted(found, key=lambda one: -one.spread)[:COUNT]


def _spreads(overlaps: np.ndarray) -> np.ndarray:
    """Standard deviation (N,) of what counts in (T, N); 0 where fewer than two do."""
    counted = ~np.isnan(overlaps)
    counts = np.maximum(counted.sum(0), 1)
    values = np.where(counted, overlaps, 0)
    squares = np.where(counted, (values - values.sum(0) / counts) ** 2, 0)
    return np.sqrt(squares.sum(0) / counts)
