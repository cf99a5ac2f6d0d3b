from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import sliding
from torch import nn

from backbones import ResNet
from heads.cract import CRACTHead
from heads.cract.head import CRACTTemplate, Maps
from heads.rpn import Ranking
from ops.boxes import decode_offsets
from ops.clip import Clip
from ops.crop import Frames
from ops.errors import InputError
from trackers import CRACTTracker
from trackers.base import join, select
from trackers.cract import CRACTMemory
from trackers.region_proposal import Candidates
from trackers.siamese import SiameseMemory

SMALL = dict(
    template_size=63, search_size=127, first_samples=(16, 40), samples=(4, 10), interval=2,
    long_frames=8, short_frames=4, first_iterations=(2, 3), iterations=2,
)  # fmt: skip


def small(**settings):
    torch.manual_seed(0)
    backbone = ResNet(depth=18, outputs=["conv2", "conv3"], stride=8)
    head = CRACTHead(backbone.channels, backbone.strides, width=16, hidden=16)
    return CRACTTracker(backbone, head, **SMALL | settings)


def pictures(count, seed=0):
    sizes = [(90, 120), (100, 80), (140, 150)]
    random = np.random.default_rng(seed)
    return [random.integers(0, 256, (*sizes[i], 3), np.uint8) for i in range(count)]


BOXES = torch.tensor([[30.0, 30, 20, 20], [20, 40, 30, 20], [60, 20, 15, 25]])


# ---------------------------------------------------------------- Eq. 9, 10


class Said(nn.Module):
    """Identifier and regressor that say what was prepared for them."""

    def __init__(self, answer):
        super().__init__()
        self.answer, self.asked = answer, 0

    def forward(self, features, target):
        self.asked += 1
        return self.answer


def chosen(alpha, beta, coarse, logits, answers, offsets=None):
    """What the tracker chooses among N proposals a target that do not overlap."""
    tracker = small(alpha=alpha, beta=beta, proposals=coarse.shape[1])
    batch, count = coarse.shape
    boxes = torch.tensor([[10.0 + 30 * n, 20, 16, 24] for n in range(count)]).expand(batch, -1, 4)
    offsets = torch.zeros(batch, count, 4) if offsets is None else offsets
    order = coarse.argsort(1, descending=True)  # in which refinement sees them

    def sorted_(values):
        return torch.stack([value[places] for value, places in zip(values, order, strict=True)])

    tracker.head.regressor = Said(sorted_(offsets))
    tracker.head.identifier = Said(sorted_(logits))
    discriminator = SimpleNamespace(classify=lambda features: sorted_(answers))
    memory = SimpleNamespace(
        template=CRACTTemplate(None, torch.zeros(batch, 16, 46)),
        online=SimpleNamespace(discriminator=discriminator),
    )
    # c of Eq. 10 is the ranking's; the network's own order is the opposite one.
    candidates = Candidates(boxes, 1 - coarse, Ranking(coarse, 0.5 * coarse))
    choice = tracker.choose(candidates, Maps(None, torch.zeros(batch, 16, 16, 16)), memory)
    return choice, boxes, tracker


def test_the_choice_by_hand():
    generator = torch.Generator().manual_seed(0)
    coarse, answers = torch.rand(6, 4, generator=generator), torch.rand(6, 4, generator=generator)
    logits = 2 * torch.randn(6, 4, 2, generator=generator)
    offsets = 0.1 * torch.randn(6, 4, 4, generator=generator)
    choice, boxes, _ = chosen(0.4, 0.8, coarse, logits, answers, offsets)
    winners = set()
    for b in range(6):
        scores = []
        for n in range(4):
            negative, positive = logits[b, n].exp().tolist()
            s = 0.4 * positive / (negative + positive) + 0.6 * answers[b, n].item()
            scores.append(0.8 * s + 0.2 * coarse[b, n].item())
        best = int(np.argmax(scores))
        winners.add(best == int(coarse[b].argmax()))
        assert choice.scores[b].item() == pytest.approx(scores[best], abs=1e-5)
        expected = decode_offsets(offsets[b, best], boxes[b, best])
        assert torch.allclose(choice.boxes[b], expected, atol=1e-4)
        assert choice.rates[b] == 0.5 * coarse[b, best]
    assert winners == {True, False}


def test_alone_neither_needs_the_other():
    coarse, answers = torch.tensor([[0.5, 0.4]]), torch.tensor([[0.1, 0.9]])
    logits = torch.tensor([[[0.0, 2.0], [2.0, 0.0]]])
    choice, boxes, tracker = chosen(1.0, 1.0, coarse, logits, float("nan") * answers)
    assert torch.allclose(choice.boxes[0], boxes[0, 0])
    choice, boxes, tracker = chosen(0.0, 1.0, coarse, float("nan") * logits, answers)
    assert torch.allclose(choice.boxes[0], boxes[0, 1]) and tracker.head.identifier.asked == 0


def test_of_proposals_that_overlap_one_is_refined():
    """The second is nearly the first, so there are but two for three places."""
    tracker = small(alpha=1.0, proposals=3)
    boxes = torch.tensor([[[20.0, 20, 20, 20], [20, 21, 20, 20], [70, 70, 20, 20]]])
    tracker.head.regressor = Said(torch.zeros(1, 3, 4))
    tracker.head.identifier = Said(torch.tensor([[[9.0, 0], [0, 0], [0, 99]]]))  # none, a few, all
    coarse = torch.tensor([[0.9, 0.8, 0.3]])
    memory = SimpleNamespace(template=CRACTTemplate(None, torch.zeros(1, 16, 46)))
    candidates = Candidates(boxes, coarse, Ranking(coarse, coarse))
    maps = Maps(None, torch.zeros(1, 16, 16, 16))
    choice = tracker.choose(candidates, maps, memory)
    assert torch.allclose(choice.boxes[0], boxes[0, 2])  # not the third place, which is empty
    tracker.suppression = 0.95  # the second is one of its own, and the third place the third's
    tracker.head.identifier = Said(torch.tensor([[[9.0, 0], [0, 99], [9, 0]]]))
    assert torch.allclose(tracker.choose(candidates, maps, memory).boxes[0], boxes[0, 1])


# ---------------------------------------------------------------- memory


def test_without_a_discriminator_nothing_is_kept_of_it():
    frames = Frames.stack(pictures(2))
    tracker = small(alpha=1.0).eval()
    memory = tracker.init(frames, BOXES[:2])
    assert type(memory) is SiameseMemory
    memory, boxes, scores = tracker.update(frames, memory)
    assert type(memory) is SiameseMemory and torch.isfinite(boxes).all()
    assert boxes.shape == (2, 4) and scores.shape == (2,)


def test_memory_is_selected_and_joined():
    tracker, frames = small().eval(), pictures(3)
    whole = tracker.init(Frames.stack(frames), BOXES)
    whole, _, _ = tracker.update(Frames.stack(frames), whole)
    again = join([select(whole, torch.tensor([2])), select(whole, torch.tensor([0, 1]))])
    order = torch.tensor([2, 0, 1])
    assert type(again) is CRACTMemory
    assert torch.equal(again.boxes, whole.boxes[order])
    assert torch.equal(again.template.target, whole.template.target[order])
    assert torch.equal(again.online.discriminator.hidden, whole.online.discriminator.hidden[order])
    assert torch.equal(again.online.samples.positives, whole.online.samples.positives[order])
    after = tracker.update(Frames.stack([frames[i] for i in order]), again)
    expected = tracker.update(Frames.stack(frames), whole)
    assert torch.allclose(after[1], expected[1][order], atol=1e-2)


def test_the_discriminator_depends_on_seed_box_and_picture():
    frames = pictures(1)
    start = [
        (0, frames, BOXES[:1]),
        (0, frames, BOXES[:1]),
        (1, frames, BOXES[:1]),
        (0, frames, BOXES[:1] + 0.5),
        (0, pictures(1, seed=1), BOXES[:1]),
    ]
    keys = [
        small(seed=seed).eval().init(Frames.stack(frames), box).online.keys.item()
        for seed, frames, box in start
    ]
    assert keys[0] == keys[1] and len(set(keys)) == 4


def test_the_first_frame_tells_the_target_from_the_rest():
    """Of a textured patch on a textured picture, with a network that has learned nothing."""
    sequence = sliding("slide", 1, (160, 120), start=(60, 40), box=(30.0, 30.0))
    tracker = small(first_samples=(30, 100), first_iterations=(4, 8)).eval()
    frames, box = Frames.stack([sequence.frame(0)]), torch.tensor(sequence.boxes).float()
    memory = tracker.init(frames, box)
    search = tracker.search(frames, box)
    scale = 127 / search.windows[0, 2]
    places = torch.tensor([[0.0, 0], [0.5, 0], [-0.5, 0.5], [0, 45], [-50, 0], [40, 40]]) * scale
    side = 30 * scale
    boxes = torch.cat([places + 127 / 2 - side / 2, side.expand(6, 2)], 1)[None]
    features = tracker.head.pool(search.features.fused, boxes, 127)
    scores = memory.online.discriminator.classify(features.mT)[0]
    assert scores[:3].min() > 0.7 and scores[3:].max() < 0.3


def test_an_untrained_network_keeps_its_boxes_in_the_picture():
    frames = Frames.stack(pictures(3))
    tracker = small().eval()
    for parameter in tracker.head.parameters():
        parameter.data.mul_(5)  # says the wildest things
    memory = tracker.init(frames, BOXES)
    for _ in range(3):
        memory, boxes, _ = tracker.update(frames, memory)
        assert torch.isfinite(boxes).all() and (boxes[:, 2:] >= 4).all()
        middles = boxes[:, :2] + boxes[:, 2:] / 2
        assert (middles >= 0).all() and (middles <= frames.sizes).all()


# ---------------------------------------------------------------- training


def a_clip(tracker, batch=2, count=1):
    geometry, generator = tracker.geometry(), torch.Generator().manual_seed(0)

    def crops(count, size, factor):
        pixels = torch.randint(0, 256, (batch, count, 3, size, size), generator=generator)
        side = size / factor / 2
        box = torch.tensor([(size - side) / 2, (size - side) / 2, side, side])
        return pixels.float(), box.expand(batch, count, 4).clone()

    return Clip(
        *crops(1, geometry.template_size, geometry.template_factor),
        *crops(count, geometry.search_size, geometry.search_factor),
        torch.ones(batch, count),
        torch.ones(batch, count, dtype=torch.bool),
        torch.arange(batch),
    )


@pytest.mark.parametrize("align", [True, False])
def test_every_weight_that_is_learned_offline_gets_a_gradient(align):
    tracker = small(align=align).train()
    losses, seen = tracker.loss(a_clip(tracker))
    assert set(losses) == {"classification", "regression", "box_regression", "identification"}
    sum(losses.values()).backward()
    without = [n for n, p in tracker.named_parameters() if p.grad is None or not p.grad.any()]
    assert not without
    assert seen["responses"].shape[:2] == (2, 1)


def test_searches_of_a_clip_are_learned_with_their_template():
    """Two clips of two searches each, against the same four pairs as clips of one."""
    tracker = small().eval()
    clip = a_clip(tracker, count=2)
    clip.matches[1] = False
    singles = Clip(
        *(x.repeat_interleave(2, 0) for x in (clip.templates, clip.template_boxes)),
        *(x.flatten(0, 1)[:, None] for x in (clip.searches, clip.search_boxes)),
        *(x.flatten(0, 1)[:, None] for x in (clip.distances, clip.matches)),
        torch.arange(4),
    )
    whole, split = tracker.pairs(clip), tracker.pairs(singles)
    assert len(set(whole.keys.tolist())) == 4  # each search draws its own
    split = tracker.pair_losses(replace(split, keys=whole.keys))
    for name, value in tracker.loss(clip)[0].items():
        assert torch.isclose(value, split[name], rtol=1e-3), name


def test_losses_under_autocast():
    tracker = small().train()
    with torch.autocast("cpu", torch.bfloat16):
        losses, _ = tracker.loss(a_clip(tracker))
    sum(losses.values()).backward()
    assert all(torch.isfinite(loss) and loss.dtype == torch.float32 for loss in losses.values())
    assert all(torch.isfinite(p.grad).all() for p in tracker.parameters())


# ---------------------------------------------------------------- settings


def test_tracking_under_autocast():
    """Two frames, the second of which is due."""
    tracker, frames = small().eval(), Frames.stack(pictures(2))
    plain = tracker.init(frames, BOXES[:2])
    with torch.autocast("cpu", torch.bfloat16):
        memory = tracker.init(frames, BOXES[:2])
        for _ in range(2):
            memory, boxes, scores = tracker.update(frames, memory)
    assert torch.isfinite(boxes).all() and torch.isfinite(scores).all()
    assert memory.online.samples.collected.max() <= 1 and memory.online.frames.tolist() == [2, 2]
    for name, value in vars(memory.online.discriminator).items():
        assert value.dtype == torch.float32
        assert value.shape == getattr(plain.online.discriminator, name).shape


@pytest.mark.parametrize("setting", [{"alpha": 1.5}, {"proposals": 0}, {"interval": 0}])
def test_settings_are_checked(setting):
    with pytest.raises(InputError, match=f"tracking.{next(iter(setting))}="):
        small(**setting)
