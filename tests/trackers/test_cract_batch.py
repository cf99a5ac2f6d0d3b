"""CRACT tracks a target alone as it does beside others."""

import numpy as np
import pytest
import torch
from conftest import Recorded
from torch import nn

from backbones import ResNet
from datasets.clips import ClipDataset
from datasets.sampling import ClipAugmentation, ClipSampling
from datasets.sequence import Part
from heads.cract import CRACTHead
from ops.boxes import overlap
from ops.crop import Frames
from trackers import CRACTTracker
from trackers.base import join

FRAMES = 25


def painted(name, start, step, size, colors):
    """A box of two colours that slides over a noisy picture: simple enough that a small network
    moves every proposal onto it, and not an accident of rounding which one it takes."""
    random = np.random.default_rng(len(name))
    background = random.integers(60, 140, (150, 200, 3), np.uint8)
    (width, height), frames, boxes = size, [], []
    for index in range(FRAMES):
        x, y = start[0] + index * step[0], start[1] + index * step[1]
        frame = background.copy()
        frame[y : y + height, x : x + width // 2] = colors[0]
        frame[y : y + height, x + width // 2 : x + width] = colors[1]
        frames.append(frame)
        boxes.append([x, y, width, height])
    return Recorded(name, frames, boxes)


SEQUENCES = [
    painted("warm", (50, 40), (3, 2), (20, 24), ((255, 0, 0), (255, 255, 0))),
    painted("blueish", (150, 90), (-3, -1), (28, 20), ((0, 0, 255), (255, 255, 255))),
]
SAMPLING = ClipSampling(2, 1, 1, 4, 0.0, 0.0, search_shift=0.2, search_scale=0.1, negatives=0.0)


@pytest.fixture(scope="module")
def learned():
    """A small network that has learned both sequences; the paper's settings of tracking."""
    torch.manual_seed(0)
    backbone = ResNet(depth=18, outputs=["conv2"], stride=8)
    head = CRACTHead(backbone.channels, backbone.strides, width=32, hidden=64, pool_sizes=(3, 1))
    tracker = CRACTTracker(backbone, head, 63, 127)
    geometry = tracker.geometry()
    parts = [(Part(sequence.name, [sequence]),) for sequence in SEQUENCES]
    clips = [ClipDataset(part, geometry, SAMPLING, ClipAugmentation()) for part in parts]
    keys = [[(epoch, index) for index in range(4)] for epoch in range(4)]
    batches = [join([c.batch(some).cut(geometry) for c in clips]) for some in keys]
    optimizer = torch.optim.SGD(tracker.parameters(), 0.02, momentum=0.9)
    for step in range(90):
        optimizer.param_groups[0]["lr"] = 0.02 * 0.3 ** (step / 90)
        loss = sum(tracker.loss(batches[step % 4])[0].values())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(tracker.parameters(), 10)
        optimizer.step()
    return tracker.eval()


@pytest.mark.parametrize(("alpha", "pixels", "difference"), [(1.0, 0.01, 1e-3), (0.4, 6.0, 0.2)])
def test_targets_are_tracked_alone_as_together(learned, alpha, pixels, difference):
    """With a discriminator and its two updates what is drawn and when is equal, but learning
    amplifies rounding (see CRACTTracker); without one nothing does."""
    learned.alpha = alpha
    boxes = torch.from_numpy(np.stack([sequence.boxes[0] for sequence in SEQUENCES])).float()
    singles = [slice(0, 1), slice(1, 2)]
    together = learned.init(pictures(0), boxes)
    alone = [learned.init(pictures(0, row), boxes[row]) for row in singles]
    for index in range(1, FRAMES):
        together, boxes, scores = learned.update(pictures(index), together)
        truths = torch.tensor([sequence.boxes[index] for sequence in SEQUENCES])
        assert (overlap(boxes, truths) > 0.5).all()
        for target, row in enumerate(singles):
            alone[target], box, score = learned.update(pictures(index, row), alone[target])
            assert overlap(box, truths[row]) > 0.5
            assert (box - boxes[row]).abs().max() < pixels
            assert (score - scores[row]).abs() < difference
    if alpha == 1:
        return
    assert together.online.samples.collected.tolist() == [2, 2]
    for target, row in enumerate(singles):
        one, both = alone[target].online, together.online
        assert torch.equal(one.keys, both.keys[row]) and torch.equal(one.frames, both.frames[row])
        assert torch.equal(one.samples.collected, both.samples.collected[row])
        new, old = one.discriminator.hidden, both.discriminator.hidden[row]
        assert (new - old).norm() < 0.05 * old.norm()


def pictures(index, row=slice(None)):
    return Frames.stack([sequence.frame(index) for sequence in SEQUENCES[row]])
