import numpy as np
import pytest
import torch
from conftest import Oracle, Recorded, numbered, sliding

from backbones import Pixels
from benchmarks.protocols import PROTOCOLS, Start, Track
from benchmarks.scoring import score
from engine.evaluation import Evaluation, check_starts
from heads.cacf import CACF
from heads.plain import PlainHead
from ops.errors import InputError
from trackers import CorrelationFilterTracker, FirstBox


def moving_boxes(length):
    return np.stack([[10.0 + i, 12.0, 20, 15] for i in range(length)])


def test_a_tracker_that_returns_the_truth_scores_20_of_21():
    boxes = moving_boxes(30)
    sequences = [numbered(f"s{n}", n, boxes[:n]) for n in (30, 7, 12, 1)]
    found = {s.name: b for s, b in Evaluation(Oracle(boxes), batch_size=2).run(sequences)}
    truth = {s.name: s.boxes for s in sequences}
    scores = score({"oracle": found}, truth, {})
    assert scores.means["oracle"]["success_auc"] == pytest.approx(20 / 21, abs=1e-12)
    assert scores.means["oracle"]["precision_20"] == 1


def test_batch_of_8_and_batch_of_1_give_the_same_boxes():
    """Sequences of different length and picture size, tracked by a filter that learns online."""
    sizes = [(160, 120), (130, 140), (200, 110), (120, 120)]
    sequences = [
        sliding(f"s{n}", 5 + 3 * n, sizes[n % 4], (20 + n, 30), (1 + n % 3, 1), seed=n)
        for n in range(11)
    ]
    tracker = CorrelationFilterTracker(
        Pixels(2), PlainHead((3,), (2,)), CACF(), input_size=63
    ).eval()
    single, batched = (
        {s.name: boxes for s, boxes in Evaluation(tracker, size).run(sequences)} for size in (1, 8)
    )
    assert set(single) == {s.name for s in sequences}
    for sequence in sequences:
        assert batched[sequence.name].shape == sequence.boxes.shape
        assert np.abs(single[sequence.name] - batched[sequence.name]).max() < 1e-2


def test_slots_are_refilled_and_never_more_than_the_batch():
    rounds = []
    sequences = [numbered(f"s{n}", n, moving_boxes(n)) for n in (3, 9, 4, 1, 6)]
    evaluation = Evaluation(Oracle(moving_boxes(9)), 3, on_round=rounds.append)
    assert len(list(evaluation.run(sequences))) == 5
    assert rounds == [3] * 4 + [2] * 5 + [1]  # the last one starts when the first two ended


def test_a_protocol_may_start_again(monkeypatch):
    """As VOT's reset does: a target leaves the batch of updates and joins the starts."""

    def again(boxes):
        results = []
        for frame in range(len(boxes)):
            request = Start(frame, boxes[frame]) if frame % 4 == 0 else Track(frame)
            results.append((yield request))
        return np.stack(results)

    monkeypatch.setitem(PROTOCOLS, "again", again)
    sequences = [numbered(f"s{n}", n, moving_boxes(n)) for n in (10, 6, 9)]
    found = {s.name: b for s, b in Evaluation(FirstBox(), 2, "again").run(sequences)}
    for sequence in sequences:
        starts = np.arange(len(sequence)) // 4 * 4
        np.testing.assert_array_equal(found[sequence.name], sequence.boxes[starts])


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ((200, 10, 20, 20), "lies outside the picture"),
        ((-30, 10, 20, 20), "lies outside the picture"),
        ((np.nan,) * 4, "no area to start from"),
        ((5, 5, 0, 10), "no area to start from"),
    ],
)
def test_a_first_box_that_cannot_be_tracked(box, words):
    sequence = Recorded("odd", [np.zeros((60, 80, 3), np.uint8)], [box])
    with pytest.raises(InputError, match=f"odd: .*{words}"):
        check_starts([sequence])
    check_starts([Recorded("fine", [np.zeros((60, 80, 3), np.uint8)], [(70, 50, 20, 20)])])


@pytest.mark.parametrize(
    "box", [(0, 0, 80, 60), (-10, -10, 100, 80), (78, 58, 20, 20), (1, 1, 1, 1)]
)
def test_odd_targets_are_tracked_without_failing(box):
    """One that fills the picture, one larger than it, one that leaves it, one of a pixel."""
    frames = [np.random.default_rng(i).integers(0, 256, (60, 80, 3), np.uint8) for i in range(4)]
    sequence = Recorded("odd", frames, [box] * 4)
    tracker = CorrelationFilterTracker(
        Pixels(2), PlainHead((3,), (2,)), CACF(), input_size=63
    ).eval()
    ((_, boxes),) = Evaluation(tracker).run([sequence])
    assert np.isfinite(boxes).all() and (boxes[:, 2:] > 0).all()


def test_frames_of_changing_size():
    frames = [
        np.random.default_rng(0).integers(0, 256, (60 + i, 90 - i, 3), np.uint8) for i in range(5)
    ]
    sequence = Recorded("changing", frames, [(30, 20, 20, 20)] * 5)
    tracker = CorrelationFilterTracker(
        Pixels(2), PlainHead((3,), (2,)), CACF(), input_size=63
    ).eval()
    ((_, boxes),) = Evaluation(tracker).run([sequence])
    assert np.isfinite(boxes).all()


def test_unknown_protocol():
    with pytest.raises(InputError, match="evaluation.protocol=opee: expected ope"):
        Evaluation(FirstBox(), protocol="opee")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_the_gpu_finds_what_the_cpu_finds():
    sequences = [sliding(f"s{n}", 10, (160, 120), seed=n) for n in range(3)]
    tracker = CorrelationFilterTracker(
        Pixels(2), PlainHead((3,), (2,)), CACF(), input_size=63
    ).eval()
    cpu = {s.name: b for s, b in Evaluation(tracker, 2).run(sequences)}
    gpu = {s.name: b for s, b in Evaluation(tracker.cuda(), 2, device="cuda").run(sequences)}
    for name, boxes in cpu.items():
        assert np.abs(boxes - gpu[name]).max() < 0.5
