"""Poses over time: where a figure and the camera are in each frame, and what follows from it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from datasets.synthetic.draws import rotation
from datasets.synthetic.figures import TEXELS, Figure, swung

SHEAR = 4096  # steps in which the ground's shear is measured


@dataclass
class Camera:
    """Which part of the scenery each frame shows.

    look: (N, 2) texel in the middle of the picture; zoom: (N,) pixels a texel; roll: (N,) turns;
    size: (W, H) of the picture. The ground below texel row `level` is nearer the lower it lies, so
    that it passes faster: by a share of `slant` more a texel.
    """

    look: np.ndarray
    zoom: np.ndarray
    roll: np.ndarray
    size: tuple[int, int]
    level: int = 0
    slant: float = 0.0

    @cached_property
    def shear(self) -> np.ndarray:
        """How many texels (N,) the ground lags behind for each texel that it lies below `level`, a
        multiple of 1 / SHEAR; 0 in the first frame.
        """
        travel = self.look[:, 0] - self.look[0, 0]
        return np.floor(self.slant * travel * SHEAR + 0.5) / SHEAR

    @cached_property
    def motion(self) -> np.ndarray:
        """Pixels a frame (N, 2) that the scenery moves in the middle of the picture."""
        speed = -_speed(self.look) * self.zoom[:, None]
        return _turn(speed, rotation(self.roll))

    def to_picture(self, point: np.ndarray, nearness: float = 1.0) -> np.ndarray:
        """Pixels (N, 2) of scenery point (2,) in every frame; of something before the scenery,
        which was there in the first frame, where `nearness` is more than 1.
        """
        look = self.look + (nearness - 1.0) * (self.look - self.look[0])
        offset = point - look
        offset[:, 0] -= max(float(point[1]) - self.level, 0.0) * self.shear
        return _turn(offset * self.zoom[:, None], rotation(self.roll)) + np.array(self.size) / 2

    def to_scenery(self, points: np.ndarray) -> np.ndarray:
        """Texels (N, 2) under pixels (N, 2), one a frame."""
        offset = points - np.array(self.size) / 2
        texels = _turn(offset, rotation(-self.roll)) / self.zoom[:, None] + self.look
        texels[:, 0] += np.maximum(texels[:, 1] - self.level, 0.0) * self.shear
        return texels

    def inverse(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Matrix (2, 2) and offset (2,): texel = matrix pixel + offset, in frame `index`, before
        the ground's shear."""
        matrix = rotation(-self.roll[index]) / self.zoom[index]
        middle = np.array(self.size) / 2
        return matrix, self.look[index] - _turn(middle, matrix)


def _turn(points, matrix):
    """Matrices (..., 2, 2) times points (..., 2), elementwise (draws.py says why)."""
    x, y = points[..., 0], points[..., 1]
    return np.stack(
        [
            matrix[..., 0, 0] * x + matrix[..., 0, 1] * y,
            matrix[..., 1, 0] * x + matrix[..., 1, 1] * y,
        ],
        -1,
    )


def _speed(path):
    """Central differences (N, 2) of a path (N, 2), one-sided at its ends."""
    padded = np.concatenate([path[:1], path, path[-1:]])
    span = np.full((len(path), 1), 2.0)
    span[[0, -1]] = 1.0
    return (padded[2:] - padded[:-2]) / span


def bow(x, first, second):
    """Sideways displacement of a bent body at x, -1..1 along it: a C and an S."""
    x = np.clip(x, -1.25, 1.25)
    return (first + second * x) * (x * x - 0.5)


def unturned(x, yaw):
    """Where, in half widths, that part of a figure's side lies in its texture which a turn in depth
    shows at x: the middle has moved by -yaw, the rims stay where they are."""
    return x + yaw * np.maximum(1.0 - x * x, 0.0)


def turned(x, yaw):
    """The inverse of `unturned`, for |yaw| < 0.5."""
    far = x - yaw
    root = np.sqrt(np.maximum(1.0 - 4.0 * yaw * far, 0.0))
    return np.where(np.abs(x) < 1.0, 2.0 * far / (1.0 + root), x)


@dataclass
class Actor:
    """A figure with its pose in each of N frames.

    centre: (N, 2) pixels; stretch: (N, 2) along the figure's x and y; turn: (N,) turns;
    bend: (N, 4) pixels at nominal size: C and S of a bow of x along y, then of y along x;
    yaw: (N,) turn in depth, see `unturned`;
    clock, vigour: (N,) see Figure.angles; front: drawn after the target; lookalike: of the same
    figure as the target, or of its kind and colour.
    """

    figure: Figure
    centre: np.ndarray
    stretch: np.ndarray
    turn: np.ndarray
    bend: np.ndarray
    yaw: np.ndarray
    clock: np.ndarray
    vigour: np.ndarray
    front: bool = False
    lookalike: bool = False

    @cached_property
    def angles(self) -> np.ndarray:
        """Turns (N, limbs) of each limb, clock and vigour final."""
        return self.figure.angles(self.clock, self.vigour)

    def relative(self, points: np.ndarray) -> np.ndarray:
        """Figure points (N, K, 2), limbs already swung -> pixels (N, K, 2) about the centre."""
        half = self.figure.half
        b = self.bend[:, None]
        x, y = points[..., 0], points[..., 1]
        x = x + bow(y / half[1], b[..., 0], b[..., 1])
        y = y + bow(x / half[0], b[..., 2], b[..., 3])
        x = half[0] * turned(x / half[0], self.yaw[:, None])
        shaped = np.stack([x, y], -1) * self.stretch[:, None]
        return _turn(shaped, rotation(self.turn)[:, None])

    def outlines(self) -> list[np.ndarray]:
        """The limbs' outlines (N, K, 2) in pixels about the centre."""
        return [
            self.relative(swung(limb, self.angles[:, k]))
            for k, limb in enumerate(self.figure.limbs)
        ]

    @cached_property
    def limb_reach(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest x, y (limbs, N, 2) of each limb about the centre, poses final."""
        outlines = self.outlines()
        low = np.stack([outline.min(1) for outline in outlines])
        return low, np.stack([outline.max(1) for outline in outlines])

    @cached_property
    def labelled_reach(self) -> tuple[np.ndarray, np.ndarray]:
        """`limb_reach` of the labelled limbs alone."""
        chosen = [k for k, limb in enumerate(self.figure.limbs) if limb.labelled]
        low, high = self.limb_reach
        return low[chosen], high[chosen]

    def extents(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest x, y (N, 2) of the labelled limbs about the figure's centre."""
        low, high = self.labelled_reach
        return low.min(0), high.max(0)

    @cached_property
    def straight(self) -> np.ndarray:
        """Frames (N,) in which the figure is neither bent nor turned in depth."""
        return ~(self.bend.any(1) | (self.yaw != 0))

    @cached_property
    def motion(self) -> np.ndarray:
        """Pixels a frame (N, 2) that the centre moves."""
        return _speed(self.centre)

    @cached_property
    def unpose(self) -> np.ndarray:
        """Matrices (N, 2, 2) from pixels about the centre to the bent figure."""
        return rotation(-self.turn) / self.stretch[:, :, None]

    @cached_property
    def _texels(self):
        """For every frame and limb: matrix (2, 2) and offset (2,) from the figure to texels, bent
        figure for those of a figure that bends, else straight from the picture.
        """
        limbs = self.figure.limbs
        swing = rotation(-self.angles)  # (N, limbs, 2, 2)
        pivot = np.stack([limb.pivot for limb in limbs])
        origin = np.stack([limb.origin for limb in limbs])
        matrix = TEXELS * swing
        offset = TEXELS * (pivot - origin) - _turn(pivot, matrix)
        pose = self.unpose[:, None]
        columns = (_turn(pose[..., k], matrix) for k in (0, 1))
        whole = np.stack(list(columns), -1)
        shift = offset - _turn(np.broadcast_to(self.centre[:, None], offset.shape), whole)
        pick = self.straight[:, None, None]
        return np.where(pick[..., None], whole, matrix), np.where(pick, shift, offset)

    def to_texels(self, index: int, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Matrix (2, 2) and offset (2,) to the texels of limb `number` in frame `index`: from the
        picture where the figure is not bent, from the straightened figure where it is.
        """
        matrix, offset = self._texels
        return matrix[index, number], offset[index, number]


def visible(actor: Actor, size: tuple[int, int]) -> np.ndarray:
    """Frames (N,) in which the box of a labelled limb reaches into a picture of `size`."""
    low, high = (reach + actor.centre for reach in actor.labelled_reach)
    return ((high > 0.5) & (low < np.array(size) - 0.5)).all(-1).any(0)
