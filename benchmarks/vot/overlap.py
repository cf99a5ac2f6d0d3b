"""Overlap of regions as VOT's toolkits measure it: pixels of both over pixels of either.

A region is a row of eight numbers in the coordinates of VOT's files (x and y of a pixel's centre
are whole numbers): four corners x1, y1, ..., x4, y4, or x, y, width, height and four NaN.

Three ways to paint a region are in use:

- `pysot`: corners are rounded (half away from zero) and both ends of a row are inclusive, so a box
  of w x h covers (w + 1) x (h + 1) pixels. Regions whose bounding boxes do not overlap by more
  than a line have overlap 0. This is region.c of the TraX library, which the MATLAB toolkit since
  VOT-2016 and pysot use.
- `vot_toolkit` (0.9.0, the official Python toolkit): numbers are rounded half to even, a box's
  width and height by themselves, and a box covers w x h pixels.
- `legacy` (VOT-2013 to VOT-2015): corners are not rounded, an edge's lower end and a row's last
  pixel are left out.
"""

import numpy as np

from benchmarks.vot.raster import Painting, Pairs, pixel_counts

FAR = 2.0**29  # pixels; what lies beyond is brought here, where whole numbers have 32 bits

PAINTINGS = {
    "pysot": Painting(whole_corners=True, level_edges=False),
    "vot_toolkit": Painting(whole_corners=True, level_edges=True),
    "legacy": Painting(whole_corners=False, level_edges=False),
}


def as_regions(rows: np.ndarray) -> np.ndarray:
    """Boxes (N, 4) or regions (N, 8) -> regions (N, 8)."""
    rows = np.asarray(rows, np.float64)
    return rows if rows.shape[1] == 8 else np.pad(rows, ((0, 0), (0, 4)), constant_values=np.nan)


def is_box(regions: np.ndarray) -> np.ndarray:
    """Which of regions (N, 8) are boxes (or nothing): (N,) bool."""
    return np.isnan(regions[:, 4])


def furthest(regions: np.ndarray) -> np.ndarray:
    """(N, 2): the largest x and y of regions (N, 8)."""
    ends = regions[:, :2] + np.maximum(regions[:, 2:4], 0)
    corners = regions.reshape(-1, 4, 2)
    polygons = np.maximum.reduce([corners[:, corner] for corner in range(4)])
    return np.where(is_box(regions)[:, None], ends, polygons)


def overlaps(
    first: np.ndarray, second: np.ndarray, bounds: np.ndarray | None, painting: str
) -> np.ndarray:
    """Overlap of N pairs of regions: (N,), NaN where a region is not known (NaN, inf).

    Args:
        first, second: (N, 8) or (N, 4) regions.
        bounds: (N, 2) or (2,) width and height of the picture, outside which nothing counts; None
            paints without bounds. `pysot` also counts column `width` and row `height` itself.
        painting: a key of PAINTINGS.

    Two regions without any pixel have overlap NaN in `pysot` and `legacy` (0 / 0), 0 in
    `vot_toolkit`; there, regions that both lie in one line have overlap 1. One thing is not
    reproduced: without bounds that toolkit cuts boxes short if a region has negative coordinates.
    """
    regions = np.stack([as_regions(first), as_regions(second)])  # (2, N, 8)
    box = np.isnan(regions[..., 4])
    result = np.full(box.shape[1], np.nan)
    known = np.isfinite(regions[..., :4]).all((0, 2))
    known &= (box | np.isfinite(regions[..., 4:]).all(2)).all(0)
    if bounds is not None:
        bounds = np.broadcast_to(np.asarray(bounds, np.float64), (len(known), 2))[known]
    frame = _toolkit_frame if painting == "vot_toolkit" else _trax_frame
    if known.any():
        result[known] = frame(regions[:, known], box[:, known], bounds, PAINTINGS[painting])
    return result


def failed(
    truth: np.ndarray,
    predicted: np.ndarray,
    picture_size: tuple[int, int] | None,
    painting: str = "pysot",
) -> bool:
    """Whether a tracker has lost its target in a frame: the overlap is 0 (or cannot be told).

    Args:
        truth: (8,) or (4,) region.
        predicted: (4,) or (8,) region.
        picture_size: width and height, None for VOT-2015, which does not bound by the picture.
        painting: a key of PAINTINGS.
    """
    return not overlaps(truth[None], predicted[None], picture_size, painting)[0] > 0


def _trax_frame(regions, box, bounds, painting: Painting) -> np.ndarray:
    """Overlaps (N,) of regions (2, N, 8) as region.c computes them, in single precision."""
    x, y = _corners(regions, box, regions[..., 2:4])
    edges = np.stack([x.min(1), y.min(1), x.max(1), y.max(1)], axis=1)  # (2, 4, N)
    if painting.whole_corners:
        edges[:, :2], edges[:, 2:] = np.floor(edges[:, :2]), np.ceil(edges[:, 2:])
    if bounds is not None:
        np.maximum(edges[:, :2], 0, out=edges[:, :2])
        np.minimum(edges[:, 2:], bounds.T, out=edges[:, 2:])
    origin, end = edges[:, :2].min(0), edges[:, 2:].max(0)
    size = np.trunc(end - origin).astype(np.int32) + 1  # (2, N)
    decided = _apart(edges.astype(np.float64)) | (size < 1).any(0)
    x, y = x - origin[0], y - origin[1]
    if painting.whole_corners:
        x, y = _round_away(x), _round_away(y)
    left = ~decided
    result = np.zeros(len(decided))
    first, second, both = pixel_counts(Pairs(x, y, box, *size)[left], painting)
    with np.errstate(invalid="ignore"):
        result[left] = both / (first + second - both)
    return result


def _apart(edges: np.ndarray) -> np.ndarray:
    """Pairs that region.c calls disjoint by bounding boxes (2, 4, N) left, top, right, bottom."""
    area = (edges[:, 2] - edges[:, 0]) * (edges[:, 3] - edges[:, 1])
    low, high = edges[:, :2].max(0), edges[:, 2:].min(0)
    both = (high[0] - low[0]) * (high[1] - low[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        unlike = (area[0] / area[1] < 1e-10) | (area[1] / area[0] < 1e-10)
        return unlike | (both / (area[0] + area[1] - both) <= 0)


def _toolkit_frame(regions, box, bounds, painting: Painting) -> np.ndarray:
    """Overlaps (N,) of regions (2, N, 8) as vot-toolkit 0.9.0 computes them."""
    regions = np.round(regions.astype(np.float32))
    x, y = _corners(regions, box, regions[..., 2:4] - 1)
    # A box with a negative side ends before it begins, for its extent too.
    low = [np.where(box, corner[:, 0], corner.min(1)).min(0) for corner in (x, y)]
    high = [np.where(box, corner[:, 2], corner.max(1)).max(0) for corner in (x, y)]
    origin, end = np.stack(low), np.stack(high)
    result = np.where((origin >= end).any(0), 1.0, np.nan)
    if bounds is not None:
        origin, end = np.maximum(origin, 0), np.minimum(end, bounds.T - 1)
        result[np.isnan(result) & (origin >= end).any(0)] = 0
    # A box without a width or height is not painted: it is moved above the window.
    y = np.where((box & (regions[..., 2:4] < 1).any(2))[:, None], origin[1] - 1, y)
    x, y = (x - origin[0]).astype(np.float64), (y - origin[1]).astype(np.float64)
    left = np.isnan(result)
    size = (end - origin).astype(np.int32) + 1
    first, second, both = pixel_counts(Pairs(x, y, box, *size)[left], painting)
    result[left] = both / np.maximum(first + second - both, 1)
    return result


def _corners(regions, box, extent) -> tuple[np.ndarray, np.ndarray]:
    """x and y (2, 4, N) float32 of corners; boxes reach from x, y to x, y + `extent` (2, N, 2)."""
    corners = regions.reshape(2, -1, 4, 2).transpose(3, 0, 2, 1)  # (x and y, 2, 4, N)
    x, y = np.ascontiguousarray(corners, np.float32)  # (2, 4, N) each
    near, far = regions[..., :2], regions[..., :2] + extent
    for side in range(2):
        rows = np.flatnonzero(box[side])
        x[side][:, rows] = np.where([[0], [1], [1], [0]], far[side, rows, 0], near[side, rows, 0])
        y[side][:, rows] = np.where([[0], [0], [1], [1]], far[side, rows, 1], near[side, rows, 1])
    return np.clip(x, -FAR, FAR, out=x), np.clip(y, -FAR, FAR, out=y)


def _round_away(values: np.ndarray) -> np.ndarray:
    """The nearest whole number, halves away from zero, float64."""
    values = values.astype(np.float64)
    return np.trunc(values + np.copysign(0.5, values))
