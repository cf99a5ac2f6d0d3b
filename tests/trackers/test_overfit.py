"""Learning works: three clips learned by heart, and followed."""

import torch
from conftest import Recorded

from backbones import ResNet
from datasets.clips import ClipDataset, ClipSampling
from datasets.synthetic import synthetic
from engine.evaluation import Evaluation
from heads.cacf import CACF
from heads.rar import RARHead
from ops.boxes import overlap
from ops.clip import Clip
from trackers import CorrelationFilterTracker


def every(sequence, step, count):
    """`count` frames of a sequence, `step` apart."""
    chosen = range(0, step * count, step)
    return Recorded(sequence.name, [sequence.frame(i) for i in chosen], sequence.boxes[chosen])


def test_three_clips_are_learned_and_tracked():
    """Clips of four frames, which are the whole of their sequences."""
    torch.manual_seed(0)
    backbone = ResNet(depth=18, outputs=["conv2"], stride=4)
    head = RARHead(backbone.channels, backbone.strides, 4, 8, width=32, out_channels=16)
    tracker = CorrelationFilterTracker(backbone, head, CACF(), input_size=96)
    footage = synthetic("val", count=3, length=80).sequences
    sequences = [every(sequence, 1, 4) for sequence in footage]
    sampling = ClipSampling(4, 3, 3, 1, 0.0, 0.0, search_shift=0.1, search_scale=0.0, negatives=0.0)
    clips = [ClipDataset([sequence], tracker.geometry(), sampling)[0, 0] for sequence in sequences]
    batch = Clip.collate(clips)
    optimizer = torch.optim.SGD(tracker.parameters(), 0.02, momentum=0.9)
    losses = []
    for _ in range(60):
        loss = tracker.loss(batch)[0]["response"]
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(tracker.parameters(), 10)
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.1 * losses[0]
    for sequence, boxes in Evaluation(tracker.eval(), 3).run(sequences):
        assert overlap(boxes, sequence.boxes).min() > 0.7
