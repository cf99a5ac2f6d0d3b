"""Two processes with half of a batch each learn what one process learns from all of it."""

from datetime import timedelta

import pytest
import torch
from torch import distributed, multiprocessing

from backbones import Pixels, ResNet, SiamFCAlexNet
from heads.cacf import CACF
from heads.cract import CRACTHead
from heads.hrom import HROMHead
from heads.rar import RARHead
from heads.rasnet import RASNetHead
from ops.ranks import counts_per_rank
from tools.time_step import random_clip
from trackers import (
    CorrelationFilterTracker,
    CRACTTracker,
    RegionProposalTracker,
    ScalePyramidTracker,
)
from trackers.base import select


def rar():
    head = RARHead((3,), (2,), 2, 8, width=8, out_channels=8)
    return CorrelationFilterTracker(Pixels(2), head, CACF(), input_size=33)


def rasnet():
    backbone = SiamFCAlexNet(width=0.125)
    head = RASNetHead(backbone.channels, backbone.strides)
    return ScalePyramidTracker(backbone, head, 103, 135, distance_sigma=30.0)


def hrom():
    sizes = {"out_channels": 16, "hidden": 16, "context_channels": 16}
    return RegionProposalTracker(Pixels(4), HROMHead((3,), (4,), stride=4, **sizes), 63, 127)


def cract():
    backbone = ResNet(depth=18, outputs=["conv2"], stride=8)
    head = CRACTHead(backbone.channels, backbone.strides, width=16, hidden=16)
    return CRACTTracker(backbone, head, 63, 127)


BUILD = {"rar": rar, "rasnet": rasnet, "hrom": hrom, "cract": cract}


def batch(tracker):
    """Four clips; the first searches another sequence, so the first two have fewer targets."""
    frames = 2 if tracker.geometry().in_order else 1
    clip = random_clip(tracker.geometry(), 4, frames, frames)
    clip.matches[0] = False
    return clip


def learn(name, part=slice(None)):
    """Losses and gradients by name. BatchNorm does not look at the batch here."""
    torch.manual_seed(0)
    tracker = BUILD[name]().eval()
    losses, _ = tracker.loss(select(batch(tracker), part))
    sum(losses.values()).backward()
    found = {name: loss.detach() for name, loss in losses.items()}
    return found | {name: p.grad for name, p in tracker.named_parameters()}


def meet(rank, folder):
    """What a rank does: its half of each batch, and the means over ranks."""
    torch.set_num_threads(1)
    store = f"file://{folder}/store"
    distributed.init_process_group(
        "gloo", store, rank=rank, world_size=2, timeout=timedelta(seconds=60)
    )
    halves = {name: learn(name, slice(2 * rank, 2 * rank + 2)) for name in BUILD}
    means = {name: {key: shared(v) for key, v in half.items()} for name, half in halves.items()}
    counts = counts_per_rank(torch.tensor([[0, 0], [3 * rank, 4]]))
    torch.save({"halves": halves, "together": means, "counts": counts}, f"{folder}/{rank}.pt")
    distributed.destroy_process_group()


def shared(value):
    value = value / 2
    distributed.all_reduce(value)
    return value


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ranks")
    multiprocessing.spawn(meet, (str(folder),), nprocs=2)
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


@pytest.mark.parametrize("name", BUILD)
def test_losses_and_gradients_are_the_whole_batchs(name, ranks):
    expected = learn(name)
    for rank in ranks:
        assert rank["together"][name].keys() == expected.keys()
        for key, value in expected.items():
            # The halves may nearly cancel: rounding is told by them, too.
            numbers = (value, *(each["halves"][name][key] for each in ranks))
            scale = max(number.abs().max().item() for number in numbers)
            torch.testing.assert_close(
                rank["together"][name][key], value, rtol=1e-3, atol=1e-4 * scale, msg=key
            )


@pytest.mark.parametrize("name", ["hrom", "cract"])
def test_a_rank_alone_would_have_divided_by_another_number(name, ranks):
    """Or the test above could not tell. Of three pairs, two are the second rank's."""
    for rank in range(2):
        alone = learn(name, slice(2 * rank, 2 * rank + 2))
        beside = ranks[rank]["halves"][name]
        for key in {"regression", "box_regression"} & alone.keys():
            quotient = alone[key] / beside[key]
            assert quotient < 0.9 if rank else quotient > 1.2


def test_counts_are_the_mean_of_all_ranks_and_one_in_all_at_least(ranks):
    for rank in ranks:
        assert rank["counts"].tolist() == [[0.5, 0.5], [1.5, 4.0]]
    assert counts_per_rank(torch.tensor([0, 3])).tolist() == [1.0, 3.0]
