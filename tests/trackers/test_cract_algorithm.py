"""CRACT's Algorithm 1, line by line, on a picture that says where its pixels are.

Red is the column and green the row of each pixel, and the network's maps are its pixels, so that
what is pooled in a box is the place of the box in the picture. What the region proposal network,
the regressor and the identifier answer is written down; the expectation is computed by hand.
"""

import math

import numpy as np
import pytest
import torch
from torch import nn

from heads.cract import CRACTHead
from heads.cract.loss import refinement_loss
from heads.cract.online import OnlineLearning
from heads.rpn import Proposals
from ops.boxes import overlap
from ops.clip import Clip
from ops.crop import Frames
from trackers import CRACTTracker
from trackers import cract as module

TEMPLATE, SEARCH, CELLS = 63, 127, 9
RATIO, SCORE = 1.0, 0.8
SIDE = 64 * TEMPLATE / 127  # of the one anchor in each cell
WIDE, HIGH = 250, 180  # the picture
BOX = [110.0, 70, 24, 16]
# Of two cells beside the middle: where they lie, their score, offsets of RPN and of regressor.
LEFT = {"cell": (4, 3), "score": 0.7, "shift": [0.0, 0.1, 0.2, 0.0], "refine": [0.0, 0.0, 0.0, 0.0]}
RIGHT = {
    "cell": (4, 6),
    "score": 0.6,
    "shift": [0.1, 0, -0.2, -0.5],
    "refine": [-0.2, 0.1, 0.1, 0.2],
}


class Places(nn.Module):
    """Every eighth pixel, with its centre where PRoIAlign thinks it is."""

    channels, strides = (3,), (8,)

    def forward(self, pictures):
        return [pictures[..., 7::8, 7::8]]


class ScriptedRPN(nn.Module):
    """Kernels of anything; proposals that lie in two cells."""

    def __init__(self):
        super().__init__()
        self.logits = torch.tensor([40.0, 0.0]).repeat(1, CELLS, CELLS, 1)
        self.offsets = torch.zeros(1, CELLS, CELLS, 4)
        for proposal in (LEFT, RIGHT):
            place = 0, *proposal["cell"]
            self.logits[place] = torch.tensor([1 - proposal["score"], proposal["score"]]).log()
            self.offsets[place] = torch.tensor(proposal["shift"])

    def kernels(self, template):
        return template.mean((1, 2, 3))

    def forward(self, kernels, search):
        answers = (t.flatten(0, 2).expand(len(search), -1, -1) for t in (self.logits, self.offsets))
        return Proposals(*answers, (RATIO,), 64.0)


class Said(nn.Module):
    """Answers what was prepared and remembers what it was asked about."""

    def __init__(self, answer):
        super().__init__()
        self.answer, self.asked = torch.tensor([answer]), []

    def forward(self, features, target):
        self.asked.append((features, target))
        return self.answer.expand(len(features), -1, -1)

    def normalized(self, offsets):
        return offsets


def scripted(**settings):
    """In which the identifier believes the right proposal, though RPN prefers the left one."""
    torch.manual_seed(0)
    head = CRACTHead((3,), (8,), width=3, hidden=4)
    head.fuse, head.rpn = Take(), ScriptedRPN()
    head.regressor = Said([LEFT["refine"], RIGHT["refine"]])
    head.identifier = Said([[1.0, 0.0], [0.0, 2.0]])
    defaults = dict(
        penalty=0.1, window_influence=0.3, learning_rate=0.5, proposals=2, alpha=0.9, beta=0.8,
        first_samples=(20, 40), samples=(5, 10), interval=1, first_iterations=(1, 2), iterations=1,
        short_frames=2, long_frames=4,
    )  # fmt: skip
    return CRACTTracker(Places(), head, TEMPLATE, SEARCH, **{**defaults, **settings}).eval()


class Take(nn.Module):
    """The one level, as it is."""

    def forward(self, levels):
        return levels[0]


def picture():
    rows, columns = np.mgrid[:HIGH, :WIDE]
    return np.stack([columns, rows, np.zeros_like(rows)], -1).astype(np.uint8)


def places(box):
    """(3, 46) what PRoIAlign reads in a box of picture pixels, where the colour is place - 0.5."""
    x, y, w, h = box
    cells = [
        (x + w * (c + 0.5) / n - 0.5, y + h * (r + 0.5) / n - 0.5, 0)
        for n in (6, 3, 1)
        for r in range(n)
        for c in range(n)
    ]
    return torch.tensor(cells).T


def context(box):
    """Side of SiamFC's square."""
    _, _, w, h = box
    return math.sqrt((w + (w + h) / 2) * (h + (w + h) / 2))


class Frame:
    """By hand: one frame after a box, in picture pixels; `pixel` is a search crop pixel's size."""

    def __init__(self, box):
        x, y, w, h = self.box = box
        self.pixel = context(box) / TEMPLATE
        self.corner = x + w / 2 - SEARCH / 2 * self.pixel, y + h / 2 - SEARCH / 2 * self.pixel

    def in_crop(self, box):
        x, y, w, h = (value / self.pixel for value in box)
        return [x - self.corner[0] / self.pixel, y - self.corner[1] / self.pixel, w, h]

    def in_picture(self, box):
        x, y, w, h = (value * self.pixel for value in box)
        return [x + self.corner[0], y + self.corner[1], w, h]

    def proposal(self, proposal):
        """Box in crop pixels; cell 4 of 9 lies in the middle, at 63.5."""
        row, column = proposal["cell"]
        anchor = [TEMPLATE / 2 + 8 * column - SIDE / 2, TEMPLATE / 2 + 8 * row - SIDE / 2]
        return moved([*anchor, SIDE, SIDE], proposal["shift"])

    def found(self, proposal):
        """The refined box after smoothing, in picture pixels, and its rate and coarse score."""
        x, y, w, h = self.proposal(proposal)
        _, _, w0, h0 = self.in_crop(self.box)
        side = context([0, 0, w, h]) / context([0, 0, w0, h0])
        shape = (w / h) / (w0 / h0)
        change = max(side, 1 / side) * max(shape, 1 / shape)
        rate = math.exp(-0.1 * (change - 1)) * proposal["score"]
        row, column = proposal["cell"]
        window = math.prod(math.cos(math.pi / 2 * (i - 4) / 5) ** 2 for i in (row, column))
        coarse = 0.7 * rate + 0.3 * window
        x, y, w, h = moved([x, y, w, h], proposal["refine"])
        w1, h1 = (last + 0.5 * rate * (new - last) for last, new in ((w0, w), (h0, h)))
        return self.in_picture([x + w / 2 - w1 / 2, y + h / 2 - h1 / 2, w1, h1]), coarse


def moved(box, offsets):
    """Eq. 4."""
    (x, y, w, h), (dx, dy, dw, dh) = box, offsets
    width, height = w * math.exp(dw), h * math.exp(dh)
    return [x + w / 2 + dx * w - width / 2, y + h / 2 + dy * h - height / 2, width, height]


def close(found, expected, tolerance=2e-2):
    torch.testing.assert_close(
        found, torch.as_tensor(expected, dtype=found.dtype), rtol=1e-4, atol=tolerance
    )


@pytest.fixture
def told(monkeypatch):
    """What the discriminator's learning was told: (boxes, scores or None, maps)."""
    told, start, step = [], OnlineLearning.start, OnlineLearning.step

    def started(self, keys, maps, boxes, pool, crop_size):
        told.append((boxes, None, maps))
        return start(self, keys, maps, boxes, pool, crop_size)

    def stepped(self, memory, maps, boxes, scores, pool, crop_size):
        told.append((boxes, scores, maps))
        return step(self, memory, maps, boxes, scores, pool, crop_size)

    monkeypatch.setattr(OnlineLearning, "start", started)
    monkeypatch.setattr(OnlineLearning, "step", stepped)
    return told


@pytest.mark.parametrize("align", [True, False])
def test_algorithm_1(align, told):
    tracker, frames = scripted(align=align), Frames.stack([picture()])
    memory = tracker.init(frames, torch.tensor([BOX]))  # lines 1, 2
    close(memory.template.target[0], places(BOX), 0.05)
    frame = Frame(BOX)
    assert min(frame.corner) > 10  # the window does not lie at the origin
    close(told[0][0][0], frame.in_crop(BOX))
    after, boxes, scores = tracker.update(frames, memory)

    features, target = tracker.head.regressor.asked[0]  # lines 4 to 7
    proposals = [frame.proposal(p) for p in (LEFT, RIGHT)]
    for index, box in enumerate(proposals):
        close(features[0, index], places(frame.in_picture(box)), 0.05)
    assert torch.equal(target, memory.template.target)
    features, target = tracker.head.identifier.asked[0]  # lines 8 to 10
    for index, (box, proposal) in enumerate(zip(proposals, (LEFT, RIGHT), strict=True)):
        place = moved(box, proposal["refine"]) if align else box
        close(features[0, index], places(frame.in_picture(place)), 0.05)
    assert torch.equal(target, memory.template.target)

    expected, coarse = frame.found(RIGHT)  # line 11
    close(boxes[0], expected)
    answer = memory.online.discriminator.classify(features.mT)[0, 1]
    identified = math.exp(2) / (1 + math.exp(2))
    close(scores[0], 0.8 * (0.9 * identified + 0.1 * answer) + 0.2 * coarse, 1e-3)

    placed, told_scores, maps = told[1]  # line 12
    close(placed[0], frame.in_crop(expected))
    assert torch.equal(told_scores, scores) and torch.equal(after.boxes, boxes)
    assert torch.equal(maps[0], tracker.search(frames, torch.tensor([BOX])).features.fused[0])
    assert after.online.samples.collected.tolist() == [1]


def test_boxes_are_kept_in_the_picture(told):
    """The refined centre lies beside the picture; learned is what was kept."""
    tracker, frames = scripted(learning_rate=1.0), Frames.stack([picture()])
    tracker.head.regressor.answer = torch.tensor([[[0.0] * 4, [3.0, 0, 0, 0]]])
    start = [200.0, 70, 24, 16]
    _, boxes, _ = tracker.update(frames, tracker.init(frames, torch.tensor([start])))
    x, _, w, _ = boxes[0].tolist()
    assert x + w / 2 == pytest.approx(WIDE, abs=1e-3)
    close(told[1][0][0], Frame(start).in_crop(boxes[0].tolist()))


@pytest.mark.parametrize("align", [True, False])
def test_what_is_learned_offline(align, monkeypatch):
    """The template is pooled at its own box, and what is refined are proposals, not anchors."""
    asked = {}

    def loss(head, template, maps, proposals, *rest):
        asked.update(template=template, proposals=proposals, rest=rest)
        return refinement_loss(head, template, maps, proposals, *rest)

    monkeypatch.setattr(module, "refinement_loss", loss)
    tracker = scripted(align=align)
    tracker.head.regressor.answer = torch.zeros(1, 32, 4)
    tracker.head.identifier.answer = torch.zeros(1, 32, 2)
    rows, columns = torch.meshgrid(torch.arange(SEARCH), torch.arange(SEARCH), indexing="ij")
    crops = torch.stack([columns, rows, torch.zeros_like(rows)])[None, None].float()
    clip = Clip(
        crops[..., :TEMPLATE, :TEMPLATE],
        torch.tensor([[[20.0, 16, 26, 30]]]),
        crops,
        torch.tensor([[[50.0, 60, 20, 24]]]),
        torch.ones(1, 1),
        torch.ones(1, 1, dtype=torch.bool),
        torch.zeros(1, dtype=torch.long),
    )
    tracker.loss(clip)
    close(asked["template"].target[0], places([20.0, 16, 26, 30]), 0.05)
    best = torch.tensor([Frame(BOX).proposal(p) for p in (LEFT, RIGHT)])
    close(asked["proposals"][0, :2], best)
    truths, matches, _, crop_size, aligned = asked["rest"]
    close(truths, [[50.0, 60, 20, 24]])
    assert matches.tolist() == [True] and crop_size == SEARCH and aligned is align
    assert overlap(asked["proposals"][0, 32:], truths).min() > 0.01  # drawn around the truth
