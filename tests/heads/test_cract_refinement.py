"""CRACT's refinement: which proposals, how they move, what is learned from them."""

import math

import pytest
import torch
from test_cract_pooling import cell_centers, coordinates
from torch import nn
from torchvision.ops import box_convert, nms

from heads.cract.head import CRACTHead, CRACTTemplate, Maps
from heads.cract.loss import refinement_loss, training_proposals
from heads.cract.proposals import suppress
from heads.cract.refinement import Regressor
from ops.boxes import encode_offsets, overlap

BOXES = torch.tensor(
    [[[60.0, 70, 48, 24], [110, 90, 60, 40]], [[70, 60, 70, 100], [90.25, 80, 36, 64]]]
)


def test_suppression_is_torchvisions():
    generator = torch.Generator().manual_seed(0)
    corners = 200 * torch.rand(3, 300, 2, generator=generator)
    boxes = torch.cat([corners, 20 + 60 * torch.rand(3, 300, 2, generator=generator)], -1)
    scores = torch.rand(3, 300, generator=generator)
    indices, kept = suppress(boxes, scores, 12, 0.3)
    assert kept.all()
    for row in range(3):
        expected = nms(box_convert(boxes[row], "xywh", "xyxy"), scores[row], 0.3)[:12]
        assert torch.equal(indices[row], expected)


def test_suppression_says_where_nothing_is_left():
    boxes = torch.tensor([[[0.0, 0, 10, 10], [0, 0, 10, 11], [50, 50, 10, 10]]])
    indices, kept = suppress(boxes, torch.tensor([[0.1, 0.9, 0.5]]), 3, 0.7)
    assert indices[0, :2].tolist() == [1, 2] and kept.tolist() == [[True, True, False]]


class Fixed(nn.Module):
    """Says the same whatever it is asked."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, features, target):
        return self.answer


def head(**settings):
    torch.manual_seed(0)
    return CRACTHead((8, 12), (8, 8), width=16, hidden=24, **settings)


def test_alignment_pools_where_equation_4_says():
    """On a map that says where its cells are. Each proposal has offsets of its own."""
    offsets = torch.tensor(
        [[[0.1, -0.2, 0.3, 0.1], [0, 0, -0.5, 0]], [[-0.3, 0.2, 0, -0.4], [0.25, 0.1, 0.2, 0.2]]]
    )
    cract = head()
    cract.regressor = Fixed(offsets)
    maps = Maps(None, coordinates(31, 8, 255).expand(2, -1, -1, -1))
    template = CRACTTemplate(None, torch.zeros(2, 2, 46))
    for align in (True, False):
        refined = cract.refine(template, maps, BOXES, 255, align)
        for b in range(2):
            for n in range(2):
                x, y, w, h = BOXES[b, n].tolist()
                rx, ry, rw, rh = offsets[b, n].tolist()
                center = x + w / 2 + w * rx, y + h / 2 + h * ry
                size = w * math.exp(rw), h * math.exp(rh)
                moved = center[0] - size[0] / 2, center[1] - size[1] / 2, *size
                assert torch.allclose(refined.boxes[b, n], torch.tensor(moved), atol=1e-4)
                place = torch.tensor(moved) if align else BOXES[b, n]
                expected = cell_centers(place, (6, 3, 1))
                assert torch.allclose(refined.features[b, n], expected, atol=1e-3)


def test_no_proposal_goes_out_of_all_bounds():
    cract = head()
    offsets = torch.tensor([[[50.0, -50, 50, -50]]]).requires_grad_()
    cract.regressor = Fixed(offsets)
    maps, template = Maps(None, torch.zeros(1, 2, 31, 31)), CRACTTemplate(None, None)
    refined = cract.refine(template, maps, torch.tensor([[[100.0, 100, 20, 30]]]), 255)
    width, height = 20 * math.exp(4), 30 * math.exp(-4)
    expected = [110 + 80 - width / 2, 115 - 120 - height / 2, width, height]
    assert torch.allclose(refined.boxes[0, 0], torch.tensor(expected), rtol=1e-4)
    assert refined.offsets is offsets and not refined.boxes.requires_grad


def test_regressed_offsets_are_in_units():
    torch.manual_seed(0)
    regressor = Regressor(3, 5, 4, 6)
    nn.init.normal_(regressor.layers[-1].weight)
    features, target = torch.randn(1, 1, 3, 5), torch.randn(1, 3, 5)
    said = regressor.layers(regressor.mix(torch.cat([features[0], target], 1)))[0]
    offsets = regressor(features, target)[0, 0]
    assert said.abs().min() > 1e-2
    assert torch.allclose(offsets, said * torch.tensor([0.1, 0.1, 0.2, 0.2]))
    assert torch.allclose(regressor.normalized(offsets), said)


def test_the_regressor_compares_each_proposal_with_its_target():
    torch.manual_seed(0)
    regressor = Regressor(3, 5, 4, 6)
    nn.init.normal_(regressor.layers[-1].weight)
    features, target = torch.randn(2, 4, 3, 5), torch.randn(2, 3, 5)
    answers = regressor(features, target)
    assert answers.shape == (2, 4, 4)
    for b in range(2):
        for n in range(4):
            alone = regressor(features[b : b + 1, n : n + 1], target[b : b + 1])
            assert torch.allclose(answers[b, n], alone[0, 0], atol=1e-6)
    other = regressor(features, target.flip(0))
    assert not torch.allclose(answers, other, atol=1e-3)


@pytest.mark.parametrize(
    ("channels", "strides"), [((8, 12), (8, 8)), ((3,), (4,)), ((4, 6, 9), (4, 8, 16))]
)
def test_any_levels_make_maps(channels, strides):
    cract = CRACTHead(channels, strides, width=16, hidden=24)
    levels = [torch.randn(2, c, 128 // s, 128 // s) for c, s in zip(channels, strides, strict=True)]
    maps = cract.maps(levels)
    assert maps.coarse.shape == (2, channels[-1], 16, 16) and maps.fused.shape == (2, 16, 16, 16)
    template = cract.template(levels, BOXES[:, 0] / 2, 127)
    assert template.kernels.regression.shape[-2:] == (8, 8)
    assert template.target.shape == (2, 16, 46)
    alone = cract.pool(maps.fused, BOXES[:, :1] / 2, 127)[:, 0]
    assert torch.equal(template.target, alone)

    assert not torch.equal(cract.maps([-levels[0], *levels[1:]]).fused, maps.fused)  # all are fused


TRUTHS = torch.tensor([[100.0, 90, 60, 50], [80, 100, 40, 70]])
KEYS = torch.tensor([3, 5])


def test_training_proposals_are_the_best_and_some_around_the_truth():
    generator = torch.Generator().manual_seed(0)
    corners = 180 * torch.rand(2, 400, 2, generator=generator)
    boxes = torch.cat([corners, 40 + 30 * torch.rand(2, 400, 2, generator=generator)], -1)
    boxes[:, 200:] = boxes[:, :200] + 1  # each twice
    scores = torch.rand(2, 200, generator=generator).repeat(1, 2)
    proposals = training_proposals(boxes, scores, TRUTHS, KEYS)
    assert proposals.shape == (2, 64, 4)
    best = boxes[torch.arange(2), scores.argmax(1)]
    assert torch.equal(proposals[:, 0], best)
    among = overlap(proposals[:, :32, None], proposals[:, None, :32])
    assert (among - torch.eye(32)).max() <= 0.7  # after suppression
    drawn = overlap(proposals[:, 32:], TRUTHS[:, None])
    assert ((drawn > 0.5).sum(1) > 8).all() and (drawn < 1).all()


def losses(cract, proposals, matches, align=True, seed=0):
    generator = torch.Generator().manual_seed(seed)
    maps = Maps(None, torch.randn(2, 16, 31, 31, generator=generator))
    template = CRACTTemplate(None, torch.randn(2, 16, 46, generator=generator))
    return refinement_loss(cract, template, maps, proposals, TRUTHS, matches, KEYS, 255, align), (
        template,
        maps,
    )


@pytest.mark.parametrize("align", [True, False])
def test_the_losses_by_hand(align):
    """Few proposals, all of which are learned: in plain loops."""
    cract = head()
    nn.init.normal_(cract.regressor.layers[-1].weight, std=0.1)
    cract.regressor.layers[-1].bias.data[0] = -4  # by 0.4 sides to the left, onto the truth or off
    moves = torch.tensor([[0, 0, 0, 0], [6, 4, 0, 0], [30, 0, 0, 0], [-6, 5, 3, 5], [90, 0, 0, 0]])
    moves = torch.cat([moves, torch.tensor([[16, 0, 0, 0]])])  # overlaps the first by 0.58
    proposals = TRUTHS[:, None] + moves
    matches = torch.tensor([True, False])
    found, (template, maps) = losses(cract, proposals, matches, align)

    refined = cract.refine(template, maps, proposals, 255, align)
    logits = cract.identifier(refined.features, template.target)
    regression, entropies = [], []
    units = torch.tensor([0.1, 0.1, 0.2, 0.2])
    for b in range(2):
        for n in range(len(moves)):
            positive = overlap(proposals[b, n], TRUTHS[b]) > 0.5 and bool(matches[b])
            if positive:
                wanted = encode_offsets(TRUTHS[b], proposals[b, n])
                errors = ((refined.offsets[b, n] - wanted) / units).abs()
                terms = torch.where(errors < 1, 0.5 * errors**2, errors - 0.5)
                regression.append(terms.sum())
            place = refined.boxes[b, n] if align else proposals[b, n]
            label = int(overlap(place, TRUTHS[b]) > 0.5 and bool(matches[b]))
            entropies.append(-logits[b, n].log_softmax(-1)[label])
    assert len(regression) == 4
    expected = sum(regression) / len(regression), sum(entropies) / len(entropies)
    assert torch.isclose(found["box_regression"], expected[0], rtol=1e-4)
    assert torch.isclose(found["identification"], expected[1], rtol=1e-4)


def test_negative_pairs_have_nothing_to_regress():
    cract = head()
    proposals = (TRUTHS[:, None] + torch.tensor([2.0, 2, 0, 0])).expand(2, 40, 4)
    found, _ = losses(cract, proposals, torch.tensor([False, False]))
    assert found["box_regression"] == 0
    cract.identifier = Fixed(torch.tensor([9.0, -9.0]).expand(2, 32, 2))  # "not the target"
    assert losses(cract, proposals, torch.tensor([False, False]))[0]["identification"] < 1e-3
    assert losses(cract, proposals, torch.tensor([True, True]))[0]["identification"] > 10
