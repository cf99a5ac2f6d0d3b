"""The region proposal network against plain loops and numbers worked out by hand."""

import math

import pytest
import torch

from heads.rpn import (
    RPN,
    Proposals,
    label_anchors,
    make_anchors,
    rank,
    rpn_loss,
    smooth_size,
)
from heads.rpn.anchors import RATIOS
from ops.random import derive
from ops.windows import hann, response_window

CENTERS = 63.5 + 8 * (torch.arange(25) - 4.0)  # of 25 cells with 127 and 255 pixels
BOXES = torch.tensor([[90.0, 84, 60, 80], [30, 150, 70, 40], [140, 140, 64, 64]])
MATCHES = torch.tensor([True, False, True])


def iou(a, b):
    """Of two boxes in plain numbers."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def keys(batch=3, seed=0):
    return derive(torch.arange(batch), seed)


# ---------------------------------------------------------------------- anchors


def test_anchors_by_hand():
    anchors = make_anchors(torch.tensor([10.0, 18.0]), (1.0, 4.0), side=8.0)
    expected = [[6, 6, 8, 8], [14, 6, 8, 8], [6, 14, 8, 8], [14, 14, 8, 8]]
    expected += [[8, 2, 4, 16], [16, 2, 4, 16], [8, 10, 4, 16], [16, 10, 4, 16]]
    assert torch.equal(anchors, torch.tensor(expected).float())


def test_anchors_of_the_paper():
    anchors = make_anchors(CENTERS)
    assert anchors.shape == (5 * 25 * 25, 4)
    widths, heights = anchors[:, 2], anchors[:, 3]
    torch.testing.assert_close(widths * heights, torch.full((3125,), 64.0**2))
    expected = torch.tensor([0.33, 0.5, 1, 2, 3]).repeat_interleave(625)
    torch.testing.assert_close(heights / widths, expected)
    middle = anchors.view(5, 25, 25, 4)[:, 12, 12]
    torch.testing.assert_close(middle[:, :2] + middle[:, 2:] / 2, torch.full((5, 2), 127.5))


def test_labels_against_a_loop():
    anchors = make_anchors(CENTERS)
    labels = label_anchors(anchors, BOXES, MATCHES, keys())
    assert labels.shape == (3, 3125)
    for row, box, match in zip(labels, BOXES.tolist(), MATCHES.tolist(), strict=True):
        overlaps = [iou(anchor, box) for anchor in anchors.tolist()]
        candidates = {i for i, value in enumerate(overlaps) if value > 0.6}
        background = {i for i, value in enumerate(overlaps) if value < 0.3}
        ones = {i for i, value in enumerate(row.tolist()) if value == 1}
        zeros = {i for i, value in enumerate(row.tolist()) if value == 0}
        assert candidates
        positives = min(16, len(candidates))
        if match:
            assert ones <= candidates and len(ones) == positives
            assert zeros <= background and len(zeros) == 64 - positives
        else:  # the other object is background
            assert not ones
            assert zeros <= candidates | background
            assert len(zeros) == 64 and len(zeros & candidates) == positives


def test_at_most_16_of_64_and_fewer_where_there_are_fewer():
    box = torch.tensor([[0.0, 0, 10, 10]])
    anchors = torch.cat([box.expand(20, 4), torch.tensor([[50.0, 50, 10, 10]]).expand(100, 4)])
    match = torch.ones(1, dtype=torch.bool)
    labels = label_anchors(anchors, box, match, keys(1))
    assert [int((labels == value).sum()) for value in (1, 0, -1)] == [16, 48, 56]
    few = torch.cat([anchors[:3], anchors[-5:]])
    assert label_anchors(few, box, match, keys(1)).tolist() == [[1] * 3 + [0] * 5]


def test_every_candidate_is_drawn_at_times_and_keys_repeat_the_draw():
    anchors = make_anchors(torch.arange(100.0, 180, 4), (1.0,))
    box, matches = BOXES[2:], MATCHES[2:]
    candidates = torch.tensor([iou(anchor, box[0].tolist()) > 0.6 for anchor in anchors.tolist()])
    assert candidates.sum() > 16
    drawn = torch.zeros(len(anchors))
    for seed in range(40):
        labels = label_anchors(anchors, box, matches, keys(1, seed))
        beside = label_anchors(
            anchors, BOXES[[0, 2]], MATCHES[[0, 2]], torch.cat([keys(1, 99), keys(1, seed)])
        )
        assert torch.equal(labels[0], beside[1])  # whatever else is in its batch
        drawn += labels[0] == 1
    assert torch.equal(drawn > 0, candidates)
    assert (drawn < 40).all()


# ---------------------------------------------------------------------- network


def small_rpn(channels=6, hidden=4):
    torch.manual_seed(0)
    rpn = RPN(channels, hidden)
    for branch in (rpn.classification, rpn.regression):  # not the statistics of a new network
        for module in branch.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                torch.nn.init.uniform_(module.running_mean, -0.2, 0.2)
                torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
    return rpn.eval()


@torch.no_grad()
def test_answers_belong_to_the_anchors_order():
    """Cell by cell: what the branch says of the products at one place is that place's anchors'."""
    rpn = small_rpn()
    template, search = torch.randn(2, 6, 3, 3), torch.randn(2, 6, 7, 7)
    proposals = rpn(rpn.kernels(template), search)
    assert proposals.cells == 5
    for branch, answers in (
        (rpn.classification, proposals.logits),
        (rpn.regression, proposals.offsets),
    ):
        kernel, region = branch.template(template), branch.search(search)  # (2, 4, 3, 3), 7, 7
        grid = answers.view(2, 5, 5, 5, -1)  # by ratio, row, column
        for target, row, column in ((0, 0, 0), (1, 2, 4), (0, 4, 1)):
            part = region[target, :, row : row + 3, column : column + 3]
            product = (part * kernel[target]).sum((1, 2))  # (4,)
            expected = branch.answer(product.view(1, 4, 1, 1)).view(5, -1)
            torch.testing.assert_close(grid[target, :, row, column], expected)


def test_sizes_of_the_paper():
    rpn = small_rpn()
    kernels = rpn.kernels(torch.randn(1, 6, 8, 8))
    assert kernels.classification.shape == kernels.regression.shape == (1, 4, 8, 8)
    proposals = rpn(kernels, torch.randn(1, 6, 32, 32))
    assert proposals.logits.shape == (1, 3125, 2) and proposals.offsets.shape == (1, 3125, 4)
    assert proposals.cells == 25
    anchors = proposals.anchors(CENTERS)
    torch.testing.assert_close(anchors, make_anchors(CENTERS, RATIOS, 64.0))
    halved = proposals.anchors(CENTERS, template_size=63)  # targets are half as large there
    torch.testing.assert_close(halved[:, 2:], anchors[:, 2:] * 63 / 127)


def test_every_branch_has_its_own_weights_and_gets_a_gradient():
    rpn = small_rpn().train()
    proposals = rpn(rpn.kernels(torch.randn(3, 6, 8, 8)), torch.randn(3, 6, 32, 32))
    losses = rpn_loss(proposals, proposals.anchors(CENTERS), BOXES, MATCHES, keys())
    for name, other in (("classification", "regression"), ("regression", "classification")):
        rpn.zero_grad()
        losses[name].backward(retain_graph=True)
        assert all(p.grad is not None and p.grad.any() for p in getattr(rpn, name).parameters())
        assert not any(
            p.grad is not None and p.grad.any() for p in getattr(rpn, other).parameters()
        )


def some_proposals(batch=3, cells=25, scale=1.0, seed=0):
    count = 5 * cells * cells
    logits, offsets = (torch.randn(batch, count, n, generator=generator(seed)) for n in (2, 4))
    return Proposals((logits * scale).requires_grad_(), (offsets * scale).requires_grad_(),
                     RATIOS, 64.0)  # fmt: skip


def test_scores_responses_and_boxes_by_hand():
    logits = torch.tensor([[[0.0, 0.0], [0.0, math.log(3)]]])
    offsets = torch.tensor([[[0.0, 0.0, 0.0, 0.0], [0.5, -0.25, math.log(2), 1e9]]])
    proposals = Proposals(logits, offsets, (1.0, 4.0), 8.0)
    assert proposals.cells == 1
    torch.testing.assert_close(proposals.scores(), torch.tensor([[0.5, 0.75]]))
    assert torch.equal(proposals.responses(), proposals.scores().amax(1).view(1, 1, 1))
    boxes = proposals.boxes(proposals.anchors(torch.tensor([10.0])))
    # The second anchor is 4 x 16 around (10, 10); its height is held at 64 times the anchor's.
    expected = [[[6, 6, 8, 8], [10 + 0.5 * 4 - 4, 10 - 0.25 * 16 - 512, 8, 1024]]]
    torch.testing.assert_close(boxes, torch.tensor(expected).float())


def test_responses_are_the_best_ratio_of_each_cell():
    proposals = some_proposals(batch=2, cells=3)
    scores = proposals.scores().view(2, 5, 3, 3)
    for row in range(3):
        for column in range(3):
            expected = scores[:, :, row, column].max(1).values
            assert torch.equal(proposals.responses()[:, row, column], expected)


# ---------------------------------------------------------------------- loss


@pytest.mark.parametrize("scale", [0.3, 3.0])  # both parts of the smooth L1
def test_loss_against_a_loop(scale):
    anchors, proposals = make_anchors(CENTERS), some_proposals(scale=scale)
    found = rpn_loss(proposals, anchors, BOXES, MATCHES, keys(seed=1))
    labels = label_anchors(anchors, BOXES, MATCHES, keys(seed=1))
    entropies, distances = {0: [], 1: []}, []
    for b, i in (labels >= 0).nonzero().tolist():
        label = int(labels[b, i])
        pair = proposals.logits[b, i].tolist()
        entropies[label].append(math.log(sum(map(math.exp, pair))) - pair[label])
        if label == 1:
            (x, y, w, h), (ax, ay, aw, ah) = BOXES[b].tolist(), anchors[i].tolist()
            wanted = [(x + w / 2 - ax - aw / 2) / aw, (y + h / 2 - ay - ah / 2) / ah]
            wanted += [math.log(w / aw), math.log(h / ah)]
            errors = [abs(a - b) for a, b in zip(proposals.offsets[b, i].tolist(), wanted,
                                                 strict=True)]  # fmt: skip
            distances.append(sum(e - 0.5 if e > 1 else e * e / 2 for e in errors))
    assert len(entropies[1]) == len(distances) > 16
    means = [sum(values) / len(values) for values in (*entropies.values(), distances)]
    assert math.isclose(found["classification"].item(), (means[0] + means[1]) / 2, rel_tol=1e-4)
    assert math.isclose(found["regression"].item(), means[2], rel_tol=1e-4)


def test_negative_pairs_alone_are_learned_as_background():
    proposals = some_proposals()
    matches = torch.zeros(3, dtype=torch.bool)
    losses = rpn_loss(proposals, make_anchors(CENTERS), BOXES, matches, keys())
    assert losses["regression"].item() == 0
    sum(losses.values()).backward()
    assert not proposals.offsets.grad.any()
    learned = proposals.logits.grad.abs().sum(-1) > 0
    assert learned.sum(1).tolist() == [64] * 3
    assert (proposals.logits.grad[learned][:, 1] > 0).all()  # the target's logit is to fall


def test_perfect_answers_cost_nothing():
    anchors = make_anchors(CENTERS)
    proposals = some_proposals()
    with torch.no_grad():
        for box, offsets, logits in zip(BOXES, proposals.offsets, proposals.logits, strict=True):
            size = anchors[:, 2:]
            middle = box[:2] + box[2:] / 2 - anchors[:, :2] - size / 2
            offsets.copy_(torch.cat([middle / size, (box[2:] / size).log()], 1))
            near = torch.tensor([iou(anchor, box.tolist()) > 0.45 for anchor in anchors.tolist()])
            logits.copy_(torch.stack([~near, near], 1) * 40.0)
    losses = rpn_loss(proposals, anchors, BOXES, torch.ones(3, dtype=torch.bool), keys())
    assert losses["classification"] < 1e-6 and losses["regression"] < 1e-6


# ---------------------------------------------------------------------- selection


def test_penalty_and_window_by_hand():
    """SiamRPN, section 4.3, of a 10 x 10 target. With context its square has a side of 20, that of
    a 20 x 10 box sqrt(35 * 25) = 29.58. Aspects 2 and 1: the penalty is exp(-k (2 * 1.479 - 1))."""
    boxes = torch.tensor([[[0.0, 0, 20, 10], [0, 0, 10, 10], [5, 5, 10, 20], [0, 0, 20, 20]]])
    scores = torch.tensor([[0.8, 0.6, 0.8, 1.0]])
    window = torch.tensor([[0.25, 1.0]])  # two cells, so two ratios
    ranking = rank(scores, boxes, torch.tensor([[10.0, 10.0]]), window, 0.1, 0.4)
    change = 2 * math.sqrt(35 * 25) / 20
    rates = [0.8 * math.exp(-0.1 * (change - 1)), 0.6, 0.8 * math.exp(-0.1 * (change - 1)),
             math.exp(-0.1)]  # fmt: skip
    torch.testing.assert_close(ranking.rates, torch.tensor([rates]))
    expected = [0.6 * rate + 0.4 * w for rate, w in zip(rates, (0.25, 1, 0.25, 1), strict=True)]
    torch.testing.assert_close(ranking.scores, torch.tensor([expected]))


def test_smaller_and_larger_are_penalised_alike():
    boxes = torch.tensor([[[0.0, 0, 20, 40], [0, 0, 5, 10]]])
    ranking = rank(torch.ones(1, 2), boxes, torch.tensor([[10.0, 20]]), torch.ones(1, 1), 0.3, 0)
    torch.testing.assert_close(ranking.rates, torch.full((1, 2), math.exp(-0.3)))


def test_smoothing_by_hand():
    boxes, sizes = torch.tensor([[100.0, 50, 20, 40]]), torch.tensor([[10.0, 10.0]])
    smooth = smooth_size(boxes, sizes, torch.tensor([0.5]), 0.4)  # 0.2 of the way
    torch.testing.assert_close(smooth, torch.tensor([[110.0 - 6, 70 - 8, 12, 16]]))


def test_window_is_hanns_and_has_its_peak_at_the_middle():
    torch.testing.assert_close(response_window(CENTERS, 127.5, 8), hann(25, 25))
    even = response_window(CENTERS[:24], 127.5, 8)  # the middle of these is at 123.5
    assert torch.argmax(even) == 12 * 24 + 12 and even[12, 12] == 1
    assert torch.equal(even, even.T) and (even > 0).all()
    torch.testing.assert_close(even[12, 11], even[12, 13])
