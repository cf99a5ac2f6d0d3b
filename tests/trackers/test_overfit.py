"""Learning works: every tracker learns three clips by heart and follows them."""

import pytest
import torch
from conftest import first_frames

from backbones import ResNet, SiamFCAlexNet
from datasets.clips import ClipDataset
from datasets.sampling import ClipAugmentation, ClipSampling
from datasets.sequence import Part
from datasets.synthetic import synthetic
from engine.evaluation import Evaluation
from heads.cacf import CACF
from heads.cract import CRACTHead
from heads.hrom import HROMHead
from heads.rar import RARHead
from heads.rasnet import RASNetHead
from ops.boxes import overlap
from trackers import (
    CorrelationFilterTracker,
    CRACTTracker,
    RegionProposalTracker,
    ScalePyramidTracker,
)
from trackers.base import join


def rar():
    backbone = ResNet(depth=18, outputs=["conv2"], stride=4)
    head = RARHead(backbone.channels, backbone.strides, 4, 4, width=16, out_channels=16)
    return CorrelationFilterTracker(backbone, head, CACF(), input_size=63)


def siamfc(attention=False):
    backbone = SiamFCAlexNet(width=0.25)
    options = dict.fromkeys(("general", "residual", "channel"), attention)
    head = RASNetHead(backbone.channels, backbone.strides, **options)
    return ScalePyramidTracker(backbone, head, search_size=223)


def rasnet():
    return siamfc(attention=True)


def hrom():
    backbone = SiamFCAlexNet(width=0.25)
    sizes = {"out_channels": 32, "hidden": 32, "context_channels": 32}
    head = HROMHead(backbone.channels, backbone.strides, **sizes)
    return RegionProposalTracker(backbone, head, 95, 159, window_influence=0)


def cract():
    backbone = ResNet(depth=18, outputs=["conv3"], stride=8)
    head = CRACTHead(backbone.channels, backbone.strides, width=32, hidden=64)
    return CRACTTracker(backbone, head, 63, 127, first_samples=(20, 100), samples=(5, 20))


SEARCHES = ClipSampling(4, 1, 3, 1, 0.0, 0.0, search_shift=0.15, search_scale=0.1, negatives=0.0)
IN_ORDER = ClipSampling(4, 3, 3, 1, 0.0, 0.0, search_shift=0.1, search_scale=0.0, negatives=0.0)


@pytest.mark.parametrize(
    ("build", "sampling", "rate", "steps"),
    [
        (rar, IN_ORDER, 0.02, 30),
        (siamfc, SEARCHES, 0.05, 40),
        (rasnet, SEARCHES, 0.05, 40),
        (hrom, SEARCHES, 0.04, 100),
        (cract, SEARCHES, 0.03, 60),
    ],
)
def test_three_clips_are_learned_and_tracked(build, sampling, rate, steps):
    """Clips of four frames, which are the whole of their sequences."""
    torch.manual_seed(0)
    tracker = build().train()
    footage = synthetic("val", count=4, length=80).sequences
    sequences = [first_frames(footage[index], 4) for index in (0, 1, 3)]  # 2 jumps by its width
    geometry, parts = tracker.geometry(), [(Part(s.name, [s]),) for s in sequences]
    clips = [ClipDataset(part, geometry, sampling, ClipAugmentation()) for part in parts]
    batches = [join([c.batch([(0, index)]).cut(geometry) for c in clips]) for index in range(4)]
    optimizer = torch.optim.SGD(tracker.parameters(), rate, momentum=0.9)
    losses = []
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = rate * 0.3 ** (step / steps)
        loss = sum(tracker.loss(batches[step % len(batches)])[0].values())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(tracker.parameters(), 10)
        optimizer.step()
        losses.append(loss.item())
    assert sum(losses[-4:]) < 0.5 * sum(losses[:4])
    for sequence, boxes in Evaluation(tracker.eval(), 3).run(sequences):
        assert overlap(boxes, sequence.boxes)[1:].mean() > 0.7
