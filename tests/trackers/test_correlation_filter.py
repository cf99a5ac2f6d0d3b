import cv2
import numpy as np
import pytest
import torch
from conftest import Recorded, sliding

from backbones import Pixels, ResNet
from heads.cacf import CACF
from heads.plain import PlainHead
from heads.rar import RARHead
from ops.boxes import overlap
from ops.clip import Clip
from ops.crop import Frames, crop
from ops.errors import InputError
from trackers import CorrelationFilterTracker
from trackers.base import join, select


def cacf(**settings):
    return CorrelationFilterTracker(
        Pixels(2), PlainHead((3,), (2,)), CACF(), **{"input_size": 63, **settings}
    ).eval()


def small_rar(**settings):
    torch.manual_seed(0)
    backbone = ResNet(depth=18, outputs=["conv2", "conv3"], stride=8)
    head = RARHead(backbone.channels, backbone.strides, 4, 8, width=16, out_channels=8)
    return CorrelationFilterTracker(backbone, head, CACF(), **{"input_size": 63, **settings})


def follow(tracker, sequence):
    memory = tracker.init(
        Frames.stack([sequence.frame(0)]), torch.tensor(sequence.boxes[:1]).float()
    )
    boxes = [sequence.boxes[0]]
    for index in range(1, len(sequence)):
        memory, box, _ = tracker.update(Frames.stack([sequence.frame(index)]), memory)
        boxes.append(box[0].numpy())
    return np.stack(boxes)


def test_a_sliding_patch_is_followed_to_a_pixel():
    sequence = sliding("slide", 20, (160, 120), step=(3, 2))
    boxes = follow(cacf(scales=1), sequence)
    assert np.abs(boxes[:, :2] - sequence.boxes[:, :2]).max() < 1.0


def test_untrained_rar_follows_a_sliding_patch():
    sequence = sliding("slide", 8, (160, 120))
    boxes = follow(small_rar().eval(), sequence)
    assert overlap(boxes, sequence.boxes).min() > 0.6


class Lifted(PlainHead):
    """Features of which all cells share some more."""

    def forward(self, levels, states):
        features, states = super().forward(levels, states)
        return features + torch.tensor([5.0, -3.0, 1.0])[:, None, None], states


def test_what_all_cells_share_does_not_count():
    sequence = sliding("slide", 8, (160, 120), step=(3, 2))
    plain, lifted = cacf(), cacf()
    lifted.head = Lifted((3,), (2,))
    np.testing.assert_allclose(follow(lifted, sequence), follow(plain, sequence), atol=1e-3)


def growing():
    """A textured square that grows by the pyramid's step in each frame."""
    texture = np.random.default_rng(0).integers(0, 256, (24, 24, 3), np.uint8)
    frames, boxes = [], []
    for index in range(20):
        side = round(40 * 1.02**index)
        frame = np.full((160, 200, 3), 90, np.uint8)
        left, top = 100 - side // 2, 80 - side // 2
        frame[top : top + side, left : left + side] = cv2.resize(texture, (side, side))
        frames.append(frame)
        boxes.append([left, top, side, side])
    return Recorded("grow", frames, boxes)


def test_the_scale_pyramid_follows_a_growing_target():
    sequence = growing()
    kept, scaled = (follow(cacf(scales=s, learning_rate=0.1), sequence)[-1] for s in (1, 3))
    truth = sequence.boxes[-1]
    assert overlap(scaled, truth) > 0.85 > overlap(kept, truth)


def test_contexts_lie_one_target_beside_the_template():
    tracker = cacf()
    picture = np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8)
    frames, box = Frames.stack([picture]), torch.tensor([[120.0, 80.0, 30.0, 21.0]])
    patches = tracker._regions(frames, box)[0]
    x, y, w, h = box[0].tolist()
    expected = [(x, y), (x - w, y), (x + w, y), (x, y - h), (x, y + h)]
    for patch, (left, top) in zip(patches, expected, strict=True):
        window = torch.tensor([[[left - w, top - h, 3 * w, 3 * h]]])
        alone = crop(frames, window, 63)[0, 0]
        assert (patch - alone).abs().max() < 0.1


def test_memory_is_selected_and_joined():
    tracker = small_rar().eval()
    pictures = [np.random.default_rng(i).integers(0, 256, (90, 120, 3), np.uint8) for i in range(3)]
    boxes = torch.tensor([[30.0, 30, 20, 20], [50, 40, 30, 20], [60, 20, 15, 25]])
    whole = tracker.init(Frames.stack(pictures), boxes)
    again = join([select(whole, torch.tensor([2])), select(whole, torch.tensor([0, 1]))])
    order = torch.tensor([2, 0, 1])
    assert torch.equal(again.boxes, boxes[order])
    assert torch.equal(again.filter.numerator, whole.filter.numerator[order])
    assert torch.equal(again.state[1].hidden, whole.state[1].hidden[order])


def a_clip(tracker, batch=2, frames=3, seed=0):
    geometry = tracker.geometry()
    generator = torch.Generator().manual_seed(seed)
    count = frames - 1

    def crops(size, factor):
        pixels = torch.randint(0, 256, (batch, count, 3, size, size), generator=generator)
        side = size / factor
        box = torch.tensor([(size - side) / 2, (size - side) / 2, side, side])
        return pixels.float(), box.expand(batch, count, 4).clone()

    return Clip(
        *crops(geometry.template_size, geometry.template_factor),
        *crops(geometry.search_size, geometry.search_factor),
        torch.ones(batch, count),
        torch.ones(batch, count, dtype=torch.bool),
        torch.arange(batch),
    )


def test_every_weight_gets_a_gradient_from_three_frames():
    tracker = small_rar().train()
    losses, _ = tracker.loss(a_clip(tracker))
    sum(losses.values()).backward()
    without = [n for n, p in tracker.named_parameters() if p.grad is None or not p.grad.any()]
    assert not without


@pytest.mark.parametrize("sigma", [None, 0.05])
def test_the_loss_of_a_clip_by_hand(sigma):
    """Eq. 12 frame by frame: state by template, filter summed over frames, labels at the shift,
    and, with a sigma, as high as the target's size says."""
    tracker = small_rar(scale_sigma=sigma).eval()
    clip = a_clip(tracker, batch=1, frames=4)
    moves = torch.tensor([[8.0, -4.0], [-12.0, 0.0], [2.0, 6.0]])  # crop pixels
    clip.search_boxes[0, :, :2] += moves
    heights = torch.tensor([1.0, 0.5, 0.1])
    # A Gaussian of sigma 0.05 has these heights as far from its middle as these logarithms.
    growths = torch.exp(0.05 * torch.sqrt(-2 * heights.log()) * torch.tensor([1.0, -1.0, 1.0]))
    stretch = torch.stack([growths * 1.1, growths / 1.1], -1)  # its aspect does not count
    clip.search_boxes[0, :, :2] -= 21 * (stretch - 1) / 2
    clip.search_boxes[0, :, 2:] = 21 * stretch
    heights = heights if sigma else torch.ones(3)
    with torch.no_grad():
        found = tracker.loss(clip)[0]["response"]
        state, filters, total = None, None, 0.0
        for t in range(3):
            patches = tracker._cut(clip.templates[:, t])
            learned, state = tracker._learn(tracker._levels(patches), state)
            filters = learned if filters is None else filters + learned
            levels = tracker._levels(clip.searches[:, t : t + 1])
            features, _ = tracker._represent(levels, state, 1)
            response = tracker.cacf.respond(filters, features)[0, 0]
            height, width = response.shape
            for row in range(height):
                for column in range(width):
                    dx = (column - moves[t, 0] / 4 + width / 2) % width - width / 2
                    dy = (row - moves[t, 1] / 4 + height / 2) % height - height / 2
                    sigma = 0.1 * 21 / 4
                    label = heights[t] * torch.exp(-(dx**2 + dy**2) / (2 * sigma**2))
                    total += (response[row, column] - label).square() / 3
    assert torch.isclose(found, total, rtol=1e-4)


def test_a_frame_advances_the_state_once_and_averages_the_filter():
    """From init's and update's own outcome, against the template patch computed beside it."""
    tracker = small_rar(learning_rate=0.25).eval()
    sequence = sliding("slide", 3, (160, 120))
    frames = [Frames.stack([sequence.frame(i)]) for i in range(3)]
    memory = tracker.init(frames[0], torch.tensor(sequence.boxes[:1]).float())
    for frame in frames[1:]:
        after, boxes, _ = tracker.update(frame, memory)
        with torch.no_grad():
            levels = tracker._levels(tracker._regions(frame, boxes)[:, :1])  # the target alone
            states = [lstm.lstm(x, s) for lstm, x, s in
                      zip(tracker.head.attentions, levels, memory.state, strict=True)]  # fmt: skip
            fresh, _ = tracker._learn(tracker._levels(tracker._regions(frame, boxes)), memory.state)
        for new, expected, old in zip(after.state, states, memory.state, strict=True):
            assert torch.allclose(new.cell, expected.cell, atol=1e-5)
            assert torch.allclose(new.hidden, expected.hidden, atol=1e-5)
            assert not torch.allclose(new.cell, old.cell, atol=1e-3)
        mixed = 0.75 * memory.filter.denominator + 0.25 * fresh.denominator
        assert torch.allclose(after.filter.denominator, mixed, rtol=1e-4)
        assert torch.equal(after.boxes, boxes)
        memory = after


@pytest.mark.parametrize("differentiable", [True, False])
def test_whether_training_differentiates_through_the_filter(differentiable):
    tracker = small_rar(templates_differentiable=differentiable)
    tracker.head = RARHead((64, 128), (4, 8), 4, 8, 16, 8, inter_frame=False)  # no other way back
    tracker.eval()  # BatchNorm would mix the patches
    clip = a_clip(tracker)
    clip.templates = clip.templates.requires_grad_()
    clip.searches = clip.searches.requires_grad_()
    tracker.loss(clip)[0]["response"].backward()
    assert clip.searches.grad.any()
    assert (clip.templates.grad is not None and bool(clip.templates.grad.any())) == differentiable


def test_a_filter_that_is_not_differentiated_through_knows_no_scale():
    """Otherwise weights that only grow would lower the loss of the frozen filter, without end."""
    tracker = small_rar(templates_differentiable=False).eval()
    clip = a_clip(tracker)
    before = tracker.loss(clip)[0]["response"]
    before.backward()
    output = [p for n, p in tracker.head.named_parameters() if n == "refinement.output.weight"]
    assert len(output) == 1  # of which the representation is a multiple
    along = (output[0].grad * output[0].detach()).sum().abs()
    assert along < 1e-3 * output[0].grad.norm() * output[0].norm()
    with torch.no_grad():
        output[0].mul_(30)
    assert torch.isclose(tracker.loss(clip)[0]["response"], before, rtol=1e-4)


def test_without_contexts_the_filter_sees_the_target_alone():
    picture = np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8)
    frames, box = Frames.stack([picture]), torch.tensor([[120.0, 80.0, 30.0, 21.0]])
    with_them, without = (cacf(contexts=c).init(frames, box).filter for c in (True, False))
    assert cacf(contexts=False)._regions(frames, box).shape[1] == 1
    assert torch.allclose(with_them.numerator, without.numerator, atol=1e-4)
    assert (with_them.denominator > without.denominator).all()


def test_the_scale_penalty_holds_the_size():
    sequence = growing()
    held = follow(cacf(learning_rate=0.1, scale_penalty=0.5), sequence)
    assert np.allclose(held[:, 2:], sequence.boxes[0, 2:])


@pytest.mark.parametrize("sigma", [0, -0.1, "wide", True])
def test_a_scale_sigma_that_is_no_width_is_refused(sigma):
    with pytest.raises(InputError, match=r"tracker\.scale_sigma=.*expected"):
        cacf(scale_sigma=sigma)


def test_input_size_must_fit_the_padding():
    with pytest.raises(InputError, match="tracker.input_size=64: expected a multiple of 3"):
        cacf(input_size=64)
