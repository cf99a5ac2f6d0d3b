"""What scoring knows of a sequence: no pictures."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Truth:
    """One sequence as annotated. Whatever has these attributes will do (datasets' sequences have).

    Attributes:
        name: unique within the benchmark.
        boxes: (N, 4) float64, 0-based (ops/boxes.py), NaN where the target is absent.
        attributes: names of the challenges in it, possibly none.
        absent: (N,) bool, frames that the benchmark flags as showing no target although they may
            have a box (LaSOT); None where it has no such flags.
        cover: (N,) visible share of the target in eighths, 0 to 8 (GOT-10k); None without.
        polygons: (N, 8) x1, y1, ..., x4, y4 as VOT's files have them, where a box is x, y, w, h and
            four NaN; None on other benchmarks.
        tags: name -> (N,) bool, challenges frame by frame (VOT).
        picture_size: (width, height), None where it is not known.
    """

    name: str
    boxes: np.ndarray
    attributes: tuple[str, ...] = ()
    absent: np.ndarray | None = None
    cover: np.ndarray | None = None
    polygons: np.ndarray | None = None
    tags: dict[str, np.ndarray] = field(default_factory=dict)
    picture_size: tuple[int, int] | None = None

    def __len__(self) -> int:
        return len(self.boxes)
