"""Counting the pixels that two regions cover, many pairs at once, as VOT's toolkits paint them.

A quadrilateral is painted row by row: where its edges cross a row are the *crossings*, cut to whole
pixels towards zero; the row is filled between them. Nearly all quadrilaterals go down on one side
and up on the other, so that a row has one span of pixels. All rows of all pairs then are flat
arrays, one chain of edges after the other; no loop runs over pairs or rows. What is twisted or
dented takes `_count_irregular`, which follows the toolkits' filling step by step.
"""

from dataclasses import dataclass

import numpy as np

ROWS_AT_ONCE = 1 << 16  # the arrays of so many rows stay in a cache


@dataclass(frozen=True)
class Painting:
    """What differs between the toolkits once corners stand in a window's pixels.

    Attributes:
        whole_corners: corners are whole pixels and a row is filled from crossing to crossing, both
            inclusive; otherwise (legacy) an edge crosses the rows in (low, high] and the last
            pixel of a span is left out.
        level_edges: a horizontal edge crosses its row (at its second corner), and a span of a
            single pixel is painted.
    """

    whole_corners: bool
    level_edges: bool


@dataclass(frozen=True)
class Pairs:
    """N pairs of regions, each in a window of pixels of its own, outside which nothing is painted.

    Attributes:
        x, y: (2, 4, N) corners of the first and second region, in the window's pixels; float64, or
            float32 where the toolkit computes with it.
        box: (2, N) bool, regions whose sides are parallel to the axes.
        width, height: (N,) int32 of the window.
    """

    x: np.ndarray
    y: np.ndarray
    box: np.ndarray
    width: np.ndarray
    height: np.ndarray

    def __getitem__(self, rows: np.ndarray) -> "Pairs":
        return Pairs(
            self.x[..., rows],
            self.y[..., rows],
            self.box[:, rows],
            self.width[rows],
            self.height[rows],
        )


@dataclass(frozen=True)
class _Spans:
    """The pixels of one region of each of n pairs: one span a row.

    Attributes:
        top, bottom: (n,) first and last row; bottom < top where nothing is painted.
        start: (n,) where a region's rows begin in `left` and `right`; None for boxes, whose rows
            are alike: `left` and `right` then are (n,).
        left, right: (rows,) first and last pixel of each row, right = left - 1 in an empty one.
        area: (n,) pixels.
    """

    top: np.ndarray
    bottom: np.ndarray
    start: np.ndarray | None
    left: np.ndarray
    right: np.ndarray
    area: np.ndarray

    def rows(self, first: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Left and right pixel of `count` (n,) rows from row `first` (n,) on, one after another."""
        if self.start is None:
            return np.repeat(self.left, count), np.repeat(self.right, count)
        place = np.repeat(self.start + first - self.top - _starts(count), count)
        place += np.arange(len(place))
        return self.left[place], self.right[place]


def pixel_counts(pairs: Pairs, painting: Painting) -> np.ndarray:
    """(3, N): pixels of each first region, of each second, and of both."""
    counts = np.zeros((3, pairs.box.shape[1]))
    regular = pairs.box.copy()
    for side in range(2):
        polygons = np.flatnonzero(~pairs.box[side])
        regular[side, polygons] = _has_one_span(
            pairs.x[side][:, polygons], pairs.y[side][:, polygons], painting
        )
    # Which painter a pair needs: 0 to 3 by which regions are boxes, 4 where one is not regular.
    kinds = np.where(regular.all(0), pairs.box[0] + 2 * pairs.box[1], 4)
    for kind in range(5):
        for rows in _parts(np.flatnonzero(kinds == kind), pairs.height):
            count = _count_irregular if kind == 4 else _count_spans
            counts[:, rows] = count(pairs[rows], painting)
    return counts


def _parts(rows: np.ndarray, heights: np.ndarray) -> list[np.ndarray]:
    """Split the pairs `rows` where about ROWS_AT_ONCE rows of pixels are full."""
    if len(rows) == 0:
        return []
    filled = np.cumsum(heights[rows]) // ROWS_AT_ONCE
    return np.split(rows, np.flatnonzero(np.diff(filled)) + 1)


def _starts(counts: np.ndarray) -> np.ndarray:
    """Where each run begins if runs of `counts` elements follow one another."""
    ends = np.cumsum(counts)
    return ends - counts


def _sums(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Sums of consecutive runs of `counts` values; 0 for an empty run."""
    sums = np.zeros(len(counts), np.int64)
    some = counts > 0
    if some.any():
        sums[some] = np.add.reduceat(values, _starts(counts)[some], dtype=np.int64)
    return sums


def _before(corners: np.ndarray) -> np.ndarray:
    """(4, n): for each corner, to which an edge leads, the corner where that edge comes from."""
    return corners[[3, 0, 1, 2]]


def _has_one_span(x: np.ndarray, y: np.ndarray, painting: Painting) -> np.ndarray:
    """Which of quadrilaterals (4, n) are filled from the outermost crossing to the other: (n,).

    They go down once and up once (all edges together climb twice the height), and have horizontal
    edges only at the top and at the bottom, one at each.
    """
    y = y.astype(np.float64)
    top, bottom = y.min(0), y.max(0)
    climbs = np.abs(_before(y) - y)
    one_descent = climbs.sum(0) == 2 * (bottom - top)
    if not painting.whole_corners:
        return one_descent
    level = (climbs == 0) & (_before(x) != x)
    at_top, at_bottom = (level & (y == top)).sum(0), (level & (y == bottom)).sum(0)
    return one_descent & (at_top <= 1) & (at_bottom <= 1) & (level.sum(0) == at_top + at_bottom)


def _count_spans(pairs: Pairs, painting: Painting) -> np.ndarray:
    """(3, n) counts of pairs that are boxes alike: all first regions are or none, second too."""
    first, second = (
        (_box_spans if pairs.box[side, 0] else _polygon_spans)(
            pairs.x[side], pairs.y[side], pairs.width, pairs.height, painting
        )
        for side in range(2)
    )
    top = np.maximum(first.top, second.top)
    count = np.maximum(np.minimum(first.bottom, second.bottom) - top + 1, 0)
    left, right = first.rows(top, count)
    second_left, second_right = second.rows(top, count)
    shared = np.minimum(right, second_right, out=right)
    shared -= np.maximum(left, second_left, out=left)
    shared += 1
    np.maximum(shared, 0, out=shared)
    return np.stack([first.area, second.area, _sums(shared, count)])


def _box_spans(x, y, width, height, painting: Painting) -> _Spans:
    """Spans of boxes given by corners (4, n)."""
    left, right = np.trunc(x.min(0)).astype(np.int32), np.trunc(x.max(0)).astype(np.int32)
    top, bottom = np.floor(y.min(0)).astype(np.int32), np.floor(y.max(0)).astype(np.int32)
    if not painting.whole_corners:
        right = _legacy_end(right, width)
        top = top + 1
    elif not painting.level_edges:
        bottom = np.where((left == right) | (top == bottom), top - 1, bottom)
    left, top = np.maximum(left, 0), np.maximum(top, 0)
    right, bottom = np.minimum(right, width - 1), np.minimum(bottom, height - 1)
    area = np.maximum(right - left + 1, 0) * np.maximum(bottom - top + 1, 0).astype(np.int64)
    return _Spans(top, bottom, None, left, right, area)


def _legacy_end(right: np.ndarray, width: np.ndarray) -> np.ndarray:
    """The last pixel of spans that end before `right`; what leaves the window loses one more."""
    return np.where(right > width, width - 1, right) - 1


def _polygon_spans(x, y, width, height, painting: Painting) -> _Spans:
    """Spans of quadrilaterals (4, n) of which `_has_one_span` is true."""
    run, rise = _before(x) - x, _before(y) - y
    low, high = np.minimum(y, _before(y)), np.maximum(y, _before(y))
    # Rows of each edge, so that those of one side follow one another without gap or overlap.
    if painting.whole_corners:
        first, last = low, high - (high < y.max(0))
    else:
        first, last = np.floor(low) + 1, np.floor(high)
    first, last = np.maximum(first, 0), np.minimum(last, height - 1)
    count = np.maximum(last - first + 1, 0).astype(np.int64)
    # All edges pair by pair, within a pair from top to bottom.
    order = (np.argsort(low, axis=0) * x.shape[1] + np.arange(x.shape[1])).T.ravel()
    edges = [values.ravel()[order] for values in (first - y, rise, run, x)]
    count, rise = count.ravel()[order], rise.ravel()[order]
    sides = [np.where(rise < 0, count, 0), np.where(rise > 0, count, 0)]
    left, right = (_crossings(*edges, side) for side in sides)
    left, right = np.minimum(left, right), np.maximum(left, right)
    rows = sides[0].reshape(-1, 4).sum(1)
    if not painting.whole_corners:
        right = _legacy_end(right, np.repeat(width, rows))
    elif not painting.level_edges:
        right -= left == right
    if (x.min(0) < 0).any() or (x.max(0) >= width).any():
        np.maximum(left, 0, out=left)
        right = np.minimum(right, np.repeat(width - 1, rows))
        np.maximum(right, left - 1, out=right)
    top = np.maximum(first.min(0), 0).astype(np.int64)
    area = _sums(right - left, rows) + rows
    return _Spans(top, top + rows - 1, _starts(rows), left, right, area)


def _crossings(to_first, rise, run, x, count) -> np.ndarray:
    """Pixels where edges cross `count` rows each, one after another: (rows,) int32.

    x + (row - y) / rise * run, in this order of operations, which decides the last bit and with it
    a pixel. `to_first` is first row - y.
    """
    rows = np.repeat(to_first - _starts(count), count)
    rows += np.arange(len(rows))
    rows = rows.astype(x.dtype, copy=False)
    rows /= np.repeat(rise, count)
    rows *= np.repeat(run, count)
    rows += np.repeat(x, count)
    return rows.astype(np.int32)


def _count_irregular(pairs: Pairs, painting: Painting) -> np.ndarray:
    """(3, n) counts of any pairs."""
    pair = np.repeat(np.arange(len(pairs.height)), pairs.height)
    row = np.arange(len(pair)) - np.repeat(_starts(pairs.height), pairs.height)
    width = pairs.width[pair]
    sides = [
        _irregular_spans(pairs.x[side][:, pair], pairs.y[side][:, pair], row, width, painting)
        for side in range(2)
    ]
    areas = [sum(np.maximum(right - left + 1, 0) for left, right in spans) for spans in sides]
    shared = sum(
        np.maximum(np.minimum(right, other_right) - np.maximum(left, other_left) + 1, 0)
        for left, right in sides[0]
        for other_left, other_right in sides[1]
    )
    return np.stack([_sums(values, pairs.height) for values in (*areas, shared)])


def _irregular_spans(x, y, row, width, painting: Painting) -> list[tuple[np.ndarray, np.ndarray]]:
    """Disjoint spans (rows,), (rows,) of rows `row` (rows,) through corners (4, rows)."""
    run, rise = _before(x) - x, _before(y) - y
    low, high = np.minimum(y, _before(y)), np.maximum(y, _before(y))
    with np.errstate(divide="ignore", invalid="ignore"):
        crossings = np.where(rise == 0, x, x + (row.astype(x.dtype) - y) / rise * run)
    if painting.whole_corners:
        crosses = (low <= row) & (row <= high) & (painting.level_edges | (rise != 0))
    else:
        crosses = (low < row) & (row <= high)
    count = crosses.sum(0)
    far = np.iinfo(np.int32).max
    crossings = np.where(crosses, np.trunc(crossings), far).astype(np.int64)
    crossings = np.concatenate([np.sort(crossings, axis=0), np.full((2, len(row)), far)])
    spans, at, painted = [], np.zeros(len(row), int), np.full(len(row), -1)
    for _ in range(3):
        left, right = np.take_along_axis(crossings, np.stack([at, at + 1]), 0)
        # Of two equal crossings (a corner) the first is skipped, unless it is the last chance.
        skipped = painting.whole_corners & (left == right)
        skipped &= (at < count - 2) | (not painting.level_edges)
        filled = (at < count - 1) & ~skipped
        end = right if painting.whole_corners else _legacy_end(right, width)
        end = np.where(filled, np.minimum(end, width - 1), -1)
        spans.append((np.maximum(left, painted + 1), end))
        painted = np.maximum(painted, end)
        at = at + np.where(skipped, 1, 2)
    return spans
