"""Where what is drawn of a target lies, measured in the drawing."""

from dataclasses import replace

import numpy as np

from datasets.synthetic.render import sprite


def mask(actor, index, size):
    """Where an actor is at least half opaque in a frame, drawn without blur: (H, W) bool. Of a
    figure that boxes are about a part of, that part alone is drawn.
    """
    out = np.zeros(size[::-1], bool)
    limbs = [limb for limb in actor.figure.limbs if limb.labelled]
    actor = replace(actor, figure=replace(actor.figure, limbs=limbs))
    drawn = sprite(actor, index, None, size)
    if drawn is not None:
        patch, (x, y) = drawn
        out[y : y + patch.shape[0], x : x + patch.shape[1]] = patch[..., 3] >= 128
    return out


def bounds(area):
    """Box x, y, w, h of the true pixels of (H, W)."""
    ys, xs = np.flatnonzero(area.any(1)), np.flatnonzero(area.any(0))
    return np.array([xs[0], ys[0], xs[-1] + 1 - xs[0], ys[-1] + 1 - ys[0]], np.float64)
