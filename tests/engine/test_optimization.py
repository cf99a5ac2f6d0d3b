"""What changes the weights, against torch's plain SGD and by hand."""

import copy
import math

import pytest
import torch
from torch import nn

from backbones import Pixels, SiamFCAlexNet
from engine.optimization import build_optimizer, clip_gradients, compile_network, set_rates
from heads.cacf import CACF
from heads.rar import RARHead
from heads.rasnet import RASNetHead
from trackers import CorrelationFilterTracker, ScalePyramidTracker

CPU = torch.device("cpu")
SETTINGS = {"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 1e-2, "backbone_factor": 0.1}


class Small(nn.Module):
    """A network in two parts, as trackers are."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.backbone = nn.Sequential(
            nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 1)
        )
        self.head = nn.Conv2d(8, 4, 3)

    def forward(self, pictures):
        return self.head(self.backbone(pictures)).square().mean()


def pictures(step):
    return torch.randn(2, 3, 12, 12, generator=torch.Generator().manual_seed(step))


def learn(network, optimizer, steps):
    for step in steps:
        optimizer.zero_grad()
        network(pictures(step)).backward()
        optimizer.step()


def same(first, second, **tolerance):
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        torch.testing.assert_close(one, other, **tolerance)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_fused_step_is_plain_sgds(layout):
    network = Small().to(memory_format=layout)
    plain = copy.deepcopy(network)
    optimizer = build_optimizer(network, **SETTINGS, device=CPU)
    assert all(group["fused"] for group in optimizer.param_groups)
    parts = [
        {"params": plain.backbone.parameters(), "lr": 0.01},
        {"params": plain.head.parameters(), "lr": 0.1},
    ]
    by_torch = torch.optim.SGD(parts, momentum=0.9, weight_decay=1e-2, foreach=False)
    learn(network, optimizer, range(5))
    learn(plain, by_torch, range(5))
    same(network, plain, rtol=1e-5, atol=1e-7)


def test_groups_have_names_and_rates_of_their_own():
    network = Small()
    optimizer = build_optimizer(network, **SETTINGS, device=CPU)
    names = [group["name"] for group in optimizer.param_groups]
    counts = [len(group["params"]) for group in optimizer.param_groups]
    assert names == ["backbone", "rest"] and counts == [6, 2]
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([0.01, 0.1])
    rates = set_rates(optimizer, 0.5)
    assert rates == pytest.approx(
        {"learning_rate": 0.5, "learning_rate_backbone": 0.05, "learning_rate_rest": 0.5}
    )
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([0.05, 0.5])


def test_a_network_without_weights_in_a_part_has_no_such_group():
    network = Small()
    network.backbone.requires_grad_(False)
    optimizer = build_optimizer(network, **SETTINGS, device=CPU)
    assert [group["name"] for group in optimizer.param_groups] == ["rest"]
    assert list(set_rates(optimizer, 1.0)) == ["learning_rate", "learning_rate_rest"]


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_weights_that_are_frozen_at_first_follow_later(momentum):
    """Part of a group: it stays as it is, then moves as weights do that have just begun."""
    network, settings = Small(), SETTINGS | {"momentum": momentum}
    optimizer = build_optimizer(network, **settings, device=CPU)
    before = network.backbone[0].weight.clone()
    network.backbone[0].requires_grad_(False)
    learn(network, optimizer, range(3))
    assert torch.equal(network.backbone[0].weight, before)
    network.backbone[0].requires_grad_()
    learn(network, optimizer, [3])
    gradient = network.backbone[0].weight.grad
    expected = before - 0.01 * (gradient + 1e-2 * before)
    torch.testing.assert_close(network.backbone[0].weight.detach(), expected)


def test_it_goes_on_from_its_state_bit_for_bit(tmp_path):
    network = Small()
    optimizer = build_optimizer(network, **SETTINGS, device=CPU)
    learn(network, optimizer, range(3))
    state = {"model": network.state_dict(), "optimizer": optimizer.state_dict()}
    torch.save(state, tmp_path / "state.pt")
    learn(network, optimizer, range(3, 6))

    again = Small()
    other = build_optimizer(again, **SETTINGS, device=CPU)
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    again.load_state_dict(state["model"])
    other.load_state_dict(state["optimizer"])
    assert [group["name"] for group in other.param_groups] == ["backbone", "rest"]
    learn(again, other, range(3, 6))
    same(network, again, rtol=0, atol=0)


def test_long_gradients_are_shortened_and_short_ones_are_left():
    weights = [
        nn.Parameter(torch.zeros(2)),
        nn.Parameter(torch.zeros(1, 1)),
        nn.Parameter(torch.zeros(3)),
    ]
    weights[0].grad, weights[1].grad = torch.tensor([3.0, 0.0]), torch.tensor([[4.0]])
    assert clip_gradients(iter(weights), 10.0) == 5
    assert weights[0].grad.tolist() == [3, 0]
    assert clip_gradients(weights, 2.5) == 5
    torch.testing.assert_close(weights[0].grad, torch.tensor([1.5, 0]), rtol=1e-5, atol=0)
    torch.testing.assert_close(weights[1].grad, torch.tensor([[2.0]]), rtol=1e-5, atol=0)


@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_a_gradient_that_is_not_finite_is_told(value):
    weight = nn.Parameter(torch.zeros(2))
    weight.grad = torch.tensor([1.0, value])
    assert not math.isfinite(clip_gradients([weight], 1.0))


def small_rar():
    head = RARHead((3,), (2,), 2, 4, width=4, out_channels=4)
    return CorrelationFilterTracker(Pixels(2), head, CACF(), input_size=33)


def small_siamfc():
    backbone = SiamFCAlexNet(width=0.125)
    head = RASNetHead(backbone.channels, backbone.strides)
    return ScalePyramidTracker(backbone, head, 103, 135)


@pytest.mark.parametrize(("build", "head"), [(small_rar, True), (small_siamfc, False)])
def test_a_compiled_network_keeps_its_keys(build, head):
    tracker = build()
    keys = list(tracker.state_dict())
    compile_network(tracker)
    assert list(tracker.state_dict()) == keys
    assert is_compiled(tracker.backbone) and is_compiled(tracker.head) is head


def is_compiled(module):
    return module._compiled_call_impl is not None
