"""The box convention, defined once.

A box is (x, y, w, h), floating point, in 0-based continuous picture pixels: pixel i covers the
interval [i, i + 1), so a box covers [x, x + w) by [y, y + h) and its centre is (x + w/2, y + h/2).
A picture of W x H pixels is the box (0, 0, W, H). A row of NaN is an absent target. Files in
another convention are converted where they are read and written, nowhere else.

Every function takes numpy arrays or torch tensors (and does not import torch for the former).
"""

import sys

import numpy as np


def array_library(array):
    """numpy or torch, whichever `array` belongs to."""
    return np if isinstance(array, np.ndarray) else sys.modules["torch"]


def centers(boxes):
    """Centres (..., 2) of boxes (..., 4)."""
    return boxes[..., :2] + boxes[..., 2:] / 2


def from_centers(center, size):
    """Boxes (..., 4) from centres (..., 2) and sizes (..., 2)."""
    return array_library(center).concatenate([center - size / 2, size], -1)


def overlap(a, b):
    """Intersection over union of boxes (..., 4) and (..., 4), pairwise: (...).

    NaN where a box is NaN or where the union is empty (both boxes without area).
    """
    library = array_library(a)
    low = library.maximum(a[..., :2], b[..., :2])
    high = library.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
    sides = library.clip(high - low, 0, None)
    intersection = sides[..., 0] * sides[..., 1]
    union = a[..., 2] * a[..., 3] + b[..., 2] * b[..., 3] - intersection
    union = library.where(union > 0, union, union * float("nan"))
    return intersection / union


def valid(boxes):
    """Whether each of boxes (..., 4) is finite with a positive width and height: (...) bool."""
    finite = array_library(boxes).isfinite(boxes).all(-1)
    return finite & (boxes[..., 2] > 0) & (boxes[..., 3] > 0)


def can_start(box, width, height):
    """Whether a tracker can start from a box (4,): it has an area, and some of it lies in a picture
    of width x height pixels."""
    x, y, w, h = box
    return bool(valid(box)) and x + w > 0 and y + h > 0 and x < width and y < height


def context_sides(boxes):
    """Sides (..., 2) of SiamFC's square around boxes (..., 4): both sqrt((w + p) (h + p)), where
    p = (w + h) / 2 is the context. A template of 127 pixels shows this square."""
    sizes = boxes[..., 2:]
    padded = sizes + sizes.mean(-1)[..., None]
    side = (padded[..., :1] * padded[..., 1:]) ** 0.5
    return array_library(boxes).concatenate([side, side], -1)


def encode_offsets(boxes, anchors):
    """Boxes (..., 4) relative to anchors (..., 4), as a network learns them (Fast R-CNN).

    Returns (..., 4): the centre's shift in anchor sides, x and y, and the logarithms of the ratios
    of widths and heights.
    """
    library = array_library(boxes)
    shifts = (centers(boxes) - centers(anchors)) / anchors[..., 2:]
    return library.concatenate([shifts, library.log(boxes[..., 2:] / anchors[..., 2:])], -1)


def decode_offsets(offsets, anchors):
    """The inverse of `encode_offsets` (CRACT, Eq. 4): boxes (..., 4)."""
    library = array_library(offsets)
    center = centers(anchors) + offsets[..., :2] * anchors[..., 2:]
    return from_centers(center, anchors[..., 2:] * library.exp(offsets[..., 2:]))


def keep_in_picture(boxes, sizes, smallest: float = 4.0):
    """Boxes (..., 4) with their centres in pictures of sizes (..., 2) and their sides between
    `smallest` pixels and the picture's own: however a target leaves or shrinks, it can be found
    again."""
    library = array_library(boxes)
    size = library.clip(library.minimum(boxes[..., 2:], sizes), smallest, None)
    center = library.minimum(library.clip(centers(boxes), 0, None), sizes)
    return from_centers(center, size)
