import math

import numpy as np
import pytest
import torch
from conftest import sliding
from torch import nn

from backbones import Pixels
from datasets.clips import ClipDataset
from datasets.sampling import ClipAugmentation, ClipSampling
from datasets.sequence import Part
from heads.hrom import HROMHead
from heads.rpn import Proposals
from heads.rpn.anchors import RATIOS
from ops.boxes import keep_in_picture, overlap
from ops.clip import Clip
from ops.crop import Frames
from ops.errors import InputError
from trackers import RegionProposalTracker
from trackers.base import join, select


def small_hrom(deformable=True, **settings):
    """About the paper's geometry in cells, on pixels averaged over 4 x 4."""
    torch.manual_seed(0)
    sizes = {"out_channels": 16, "hidden": 16, "context_channels": 16}
    head = HROMHead((3,), (4,), stride=4, deformable=deformable, **sizes)
    sizes = {"template_size": 63, "search_size": 127}
    return RegionProposalTracker(Pixels(4), head, **{**sizes, **settings})


class Scripted(nn.Module):
    """A head that always answers the same: background, but for some anchors.

    Args:
        answers: (ratio, row, column) -> (score, offsets).
    """

    stride = 8

    def __init__(self, answers, cells=25):
        super().__init__()
        self.logits, self.offsets = torch.zeros(5, cells, cells, 2), torch.zeros(5, cells, cells, 4)
        self.logits[..., 0] = 40
        for place, (score, offsets) in answers.items():
            self.logits[place] = torch.tensor([math.log(1 - score), math.log(score)])
            self.offsets[place] = torch.tensor(offsets)

    def template(self, levels):
        return levels[0].mean((1, 2, 3))

    def forward(self, template, levels):
        answers = [
            t.flatten(0, 2).expand(len(template), -1, -1) for t in (self.logits, self.offsets)
        ]
        return Proposals(*answers, RATIOS, 64.0)


def scripted(answers, **settings):
    return RegionProposalTracker(Pixels(4), Scripted(answers), **settings)


def step(tracker, box, size=(400, 300)):
    """Box and score one frame after `box`."""
    frames = Frames.stack([np.zeros((size[1], size[0], 3), np.uint8)])
    memory = tracker.init(frames, torch.tensor([box]).float())
    memory, found, scores = tracker.update(frames, memory)
    assert torch.equal(memory.boxes, found)
    return found[0].tolist(), scores.item()


# ---------------------------------------------------------------------- tracking


def test_a_chosen_proposal_in_picture_pixels_by_hand():
    """A 40 x 40 target has a template window of 80 x 80 pixels: a crop pixel is 80 / 127 of one.

    The anchor is the square one, two columns right and one row up of the middle; the offsets move
    it by an eighth of its 64 pixels to the left and make it twice as high.
    """
    answers = {(2, 11, 14): (0.9, [-0.125, 0.0, 0.0, math.log(2)])}
    tracker = scripted(answers, penalty=0.0, window_influence=0.0, learning_rate=1.0)
    (x, y, w, h), score = step(tracker, [180, 130, 40, 40])
    pixel = 80 / 127
    assert math.isclose(score, 0.9, rel_tol=1e-5)
    center = (200 + (2 * 8 - 8) * pixel, 150 - 8 * pixel)
    assert np.allclose([x + w / 2, y + h / 2], center, atol=1e-3)
    # Sizes go score * penalty * rate = 0.9 of the way.
    assert np.allclose(w, 0.1 * 40 + 0.9 * 64 * pixel, atol=1e-3)
    assert np.allclose(h, 0.1 * 40 + 0.9 * 128 * pixel, atol=1e-3)


def test_the_size_penalty_slows_the_size_down():
    answers = {(2, 12, 12): (0.8, [0.0, 0.0, math.log(63.5 / 64), math.log(127 / 64)])}
    tracker = scripted(answers, penalty=0.2, window_influence=0.42, learning_rate=0.5)
    (_, _, w, h), _ = step(tracker, [180, 130, 40, 40])
    # In crop pixels 63.5 x 63.5 becomes 63.5 x 127: SiamRPN's squares of context have sides 127
    # and sqrt((63.5 + 95.25) (127 + 95.25)), the aspect halves.
    change = 2 * math.sqrt(158.75 * 222.25) / 127
    rate = 0.5 * 0.8 * math.exp(-0.2 * (change - 1))
    assert np.allclose([w, h], [40, 40 * (1 - rate) + 80 * rate], atol=1e-3)


@pytest.mark.parametrize(("influence", "chosen"), [(0.0, 6), (0.42, 2)])
def test_the_window_prefers_what_is_near(influence, chosen):
    answers = {(2, 12, 12 + cells): (score, [0.0] * 4) for cells, score in ((2, 0.8), (6, 0.9))}
    tracker = scripted(answers, penalty=0.0, window_influence=influence)
    (x, _, w, _), score = step(tracker, [180, 130, 40, 40])
    assert math.isclose(x + w / 2, 200 + 8 * chosen * 80 / 127, abs_tol=1e-3)
    assert math.isclose(score, {2: 0.8, 6: 0.9}[chosen], rel_tol=1e-5)  # the network's own


@pytest.mark.parametrize(("penalty", "ratio"), [(0.0, 4), (0.3, 2)])
def test_the_penalty_prefers_the_last_shape(penalty, ratio):
    answers = {(2, 12, 12): (0.8, [0.0] * 4), (4, 12, 12): (0.9, [0.0] * 4)}
    tracker = scripted(answers, penalty=penalty, window_influence=0.0, learning_rate=1.0)
    (_, _, w, h), score = step(tracker, [180, 130, 40, 40])
    assert (h / w > 2) == (ratio == 4)
    assert math.isclose(score, 0.9 if ratio == 4 else 0.8, rel_tol=1e-5)


def test_boxes_stay_in_the_picture_whatever_is_proposed():
    answers = {(2, 0, 0): (0.99, [-60.0, -60.0, 90.0, 90.0])}
    tracker = scripted(answers, penalty=0.0, window_influence=0.0, learning_rate=1.0)
    (x, y, w, h), _ = step(tracker, [5, 5, 20, 20])
    assert 0 <= x + w / 2 <= 400 and 0 <= y + h / 2 <= 300
    assert 4 <= w <= 400 and 4 <= h <= 300


def learned():
    """A small HROM after a few steps on the sliding patch."""
    tracker = small_hrom(deformable=False)  # most of a step's time on a CPU
    sequence = sliding("slide", 12, (200, 150), start=(50, 40), step=(3, 2))
    sampling = ClipSampling(
        frames=2,
        templates=1,
        searches=1,
        max_gap=4,
        template_shift=0.0,
        template_scale=0.0,
        search_shift=0.25,
        search_scale=0.1,
        negatives=0.0,
    )
    geometry = tracker.geometry()
    clips = ClipDataset((Part("slide", [sequence]),), geometry, sampling, ClipAugmentation())
    batches = [clips.batch([(epoch, i) for i in range(8)]).cut(geometry) for epoch in range(4)]
    optimizer = torch.optim.SGD(tracker.parameters(), 0.05, momentum=0.9)
    history = []
    for index in range(60):
        loss = sum(tracker.loss(batches[index % 4])[0].values())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(tracker.parameters(), 10)
        optimizer.step()
        history.append(loss.item())
    return tracker.eval(), sequence, history


def test_a_sliding_patch_is_learned_and_followed():
    tracker, sequence, history = learned()
    assert sum(history[-4:]) < 0.2 * sum(history[:4])
    memory = tracker.init(
        Frames.stack([sequence.frame(0)]), torch.tensor(sequence.boxes[:1]).float()
    )
    for index in range(1, len(sequence)):
        memory, boxes, scores = tracker.update(Frames.stack([sequence.frame(index)]), memory)
        assert overlap(boxes[0].double(), torch.tensor(sequence.boxes[index])) > 0.6
        assert scores > 0.5


def pictures(count, seed=0):
    random = np.random.default_rng(seed)
    return [random.integers(0, 256, (90 + 10 * i, 120, 3), np.uint8) for i in range(count)]


BOXES = torch.tensor([[30.0, 30, 20, 20], [50, 40, 30, 20], [60, 20, 15, 25]])


def test_memory_is_selected_and_joined_and_targets_are_independent():
    tracker = small_hrom().eval()
    first, second = pictures(3), pictures(3, seed=1)
    whole = tracker.init(Frames.stack(first), BOXES)
    order = torch.tensor([2, 0, 1])
    again = join([select(whole, torch.tensor([2])), select(whole, torch.tensor([0, 1]))])
    assert torch.equal(again.boxes, BOXES[order])
    assert torch.equal(again.template.kernels.regression, whole.template.kernels.regression[order])
    _, boxes, scores = tracker.update(Frames.stack(second), whole)
    _, reordered, _ = tracker.update(Frames.stack([second[i] for i in order]), again)
    torch.testing.assert_close(reordered, boxes[order], rtol=1e-3, atol=1e-2)
    for index in range(3):
        alone = tracker.init(Frames.stack([first[index]]), BOXES[index : index + 1])
        _, box, score = tracker.update(Frames.stack([second[index]]), alone)
        torch.testing.assert_close(box[0], boxes[index], rtol=1e-3, atol=1e-2)
        torch.testing.assert_close(score[0], scores[index], rtol=1e-3, atol=1e-4)


# ---------------------------------------------------------------------- training


def a_clip(tracker, batch=2, searches=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    z, x = tracker.template_size, tracker.search_size

    def crops(count, size):
        return torch.randint(0, 256, (batch, count, 3, size, size), generator=generator).float()

    middle = torch.tensor([z / 4, z / 4, z / 2, z / 2]).expand(batch, 2, 4)
    places = torch.randint(20, x - 60, (batch, searches, 2), generator=generator).float()
    sizes = torch.tensor([z / 2, z / 2.5]).expand_as(places)
    return Clip(
        crops(2, z),
        middle,
        crops(searches, x),
        torch.cat([places, sizes], -1),
        torch.ones(batch, searches),
        torch.ones(batch, searches, dtype=torch.bool),
        torch.arange(batch),
    )


@torch.no_grad()
def test_every_search_meets_the_first_template_of_its_clip():
    tracker = small_hrom().eval()
    clip = a_clip(tracker)
    _, seen = tracker.loss(clip)
    assert seen["responses"].shape == (2, 3, 25, 25)
    # Kernels are cut from template cell 4 of 15 on, so cell 4 means "not moved" against the
    # template's centre at 31.5: the first is 4 cells of 4 pixels before, its edge half a cell more.
    assert seen["response_area"].tolist() == [13.5, 13.5, 100, 100]
    for b in range(2):
        template = tracker.head.template(tracker.backbone(clip.templates[b, :1]))
        for t in range(3):
            levels = tracker.backbone(clip.searches[b, t : t + 1])
            alone = tracker.head(template, levels).responses()[0]
            torch.testing.assert_close(seen["responses"][b, t], alone, rtol=1e-3, atol=1e-4)


@torch.no_grad()
def test_the_truth_as_answer_costs_nothing_and_is_tracked_back():
    """Training's anchors and tracking's are the same: perfect answers to a clip's boxes come out
    as these boxes."""
    tracker = scripted({})
    boxes = torch.tensor([[[100.0, 90, 60, 70]]])
    clip = a_clip(tracker, batch=1, searches=1)
    clip.search_boxes = boxes
    proposals = tracker.head(torch.zeros(1), [])
    anchors = tracker.anchors(proposals)
    size = anchors[:, 2:]
    middle = boxes[0, 0, :2] + boxes[0, 0, 2:] / 2 - anchors[:, :2] - size / 2
    answers = torch.cat([middle / size, (boxes[0, 0, 2:] / size).log()], 1)
    tracker.head.offsets = answers.view(5, 25, 25, 4)
    losses, _ = tracker.loss(clip)
    assert losses["regression"] < 1e-6
    candidates = tracker.candidates(tracker.head(torch.zeros(1), []), boxes[0, :, 2:])
    torch.testing.assert_close(candidates.boxes, boxes.expand(1, 3125, 4), rtol=1e-4, atol=1e-2)


def test_every_weight_gets_a_gradient():
    tracker = small_hrom().train()
    losses, _ = tracker.loss(a_clip(tracker))
    assert set(losses) == {"classification", "regression"} and losses["regression"] > 0
    sum(losses.values()).backward()
    without = [n for n, p in tracker.named_parameters() if p.grad is None or not p.grad.any()]
    assert not without


@torch.no_grad()
def test_find_says_what_update_does():
    tracker = small_hrom().eval()
    frames = Frames.stack(pictures(3))
    memory = tracker.init(frames, BOXES)
    found, scores, search = tracker.find(frames, memory)
    _, boxes, updated = tracker.update(frames, memory)
    assert torch.equal(keep_in_picture(found, frames.sizes), boxes)
    assert torch.equal(scores, updated) and search.windows.shape == (3, 4)


def test_negative_pairs_reach_the_loss():
    tracker = small_hrom().train()
    clip = a_clip(tracker)
    clip.matches = torch.zeros(2, 3, dtype=torch.bool)
    losses, _ = tracker.loss(clip)
    assert losses["regression"] == 0 and losses["classification"] > 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"window_influence": 1.5}, "tracking.window_influence=1.5: expected a number from 0 to 1"),
        ({"learning_rate": 2}, "tracking.learning_rate=2: expected a number from 0 to 1"),
        ({"penalty": -0.1}, "tracking.penalty=-0.1: expected a number of at least 0"),
        ({"search_size": 128}, "tracker.template_size=63, tracker.search_size=128"),
    ],
)
def test_settings_that_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        small_hrom(**settings)
