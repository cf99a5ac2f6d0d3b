from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from conftest import Oracle, Recorded, numbered, sliding

from backbones import Pixels
from benchmarks.protocols import PROTOCOLS, Pass, Rules, Start, Track
from benchmarks.scoring import score
from engine.evaluation import Evaluation, check_starts
from heads.cacf import CACF
from heads.plain import PlainHead
from ops.errors import InputError
from trackers import CorrelationFilterTracker, FirstBox
from trackers.base import Tracker


def moving_boxes(length):
    return np.stack([[10.0 + i, 12.0, 20, 15] for i in range(length)])


def learning_filter():
    return CorrelationFilterTracker(Pixels(2), PlainHead((3,), (2,)), CACF(), input_size=63).eval()


def passes(protocol, sequences, **rules):
    return [run for s in sequences for run in PROTOCOLS[protocol](s, Rules(**rules))]


@dataclass
class Seeds:
    """Of B targets: boxes (B, 4) and the seeds (B,) that they were started with."""

    boxes: torch.Tensor
    seeds: torch.Tensor


class Drawing(Tracker):
    """Its boxes are as far to the right as its seed says."""

    seed = 7

    def init(self, frames, boxes):
        return Seeds(boxes, torch.full((len(boxes),), self.seed))

    def update(self, frames, memory):
        found = memory.boxes.clone()
        found[:, 0] += memory.seeds
        return memory, found, torch.ones(len(found))


def test_a_tracker_that_returns_the_truth_scores_20_of_21():
    boxes = moving_boxes(30)
    sequences = [numbered(f"s{n}", n, boxes[:n]) for n in (30, 7, 12, 1)]
    found = {s.name: b for s, b in Evaluation(Oracle(boxes), batch_size=2).run(sequences)}
    scores = score({"oracle": found}, sequences)
    assert scores.means["oracle"]["success_auc"] == pytest.approx(20 / 21, abs=1e-12)
    assert scores.means["oracle"]["precision_20"] == 1


def test_batch_of_8_and_batch_of_1_give_the_same_boxes():
    """Sequences of different length and picture size, tracked by a filter that learns online."""
    sizes = [(160, 120), (130, 140), (200, 110), (120, 120)]
    sequences = [
        sliding(f"s{n}", 5 + 3 * n, sizes[n % 4], (20 + n, 30), (1 + n % 3, 1), seed=n)
        for n in range(11)
    ]
    tracker = learning_filter()
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


def test_a_protocol_may_start_again():
    """As VOT's reset does: a target leaves the batch of updates and joins the starts."""

    def again(boxes):
        results = []
        for frame in range(len(boxes)):
            request = Start(frame, boxes[frame]) if frame % 4 == 0 else Track(frame)
            results.append((yield request).box)
        return np.stack(results)

    sequences = [numbered(f"s{n}", n, moving_boxes(n)) for n in (10, 6, 9)]
    runs = [Pass(s, s.name, again(s.boxes), len(s)) for s in sequences]
    found = {done.run.path: done.result for done in Evaluation(FirstBox(), 2).drive(runs)}
    for sequence in sequences:
        starts = np.arange(len(sequence)) // 4 * 4
        np.testing.assert_array_equal(found[sequence.name], sequence.boxes[starts])


def test_all_runs_of_all_sequences_share_batches():
    """TRE: 20 runs of different lengths for each sequence, of a tracker that learns."""
    sequences = [sliding(f"s{n}", 21 + 2 * n, (100, 80), (20 + n, 30), seed=n) for n in range(2)]
    rounds = []
    batched = Evaluation(learning_filter(), 16, on_round=rounds.append)
    found = {done.run.path: done for done in batched.drive(passes("tre", sequences))}
    assert len(found) == 40 and rounds[:20] == [16] * 20
    alone = Evaluation(learning_filter(), 1)
    for path, done in list(found.items())[::9]:
        assert done.result.shape == (done.run.frames, 4)
        (run,) = [run for run in passes("tre", sequences) if run.path == path]
        (single,) = alone.drive([run])
        assert np.abs(single.result - done.result).max() < 1e-2, path
    frames = sum(run.frames for run in passes("tre", sequences))
    assert sum(rounds) == sum(len(done.seconds) for done in found.values()) == frames


def test_a_picture_is_read_once_for_all_runs_that_are_at_it():
    sequence, reads = numbered("s", 9, moving_boxes(9)), Counter()
    frame = sequence.frame
    sequence.frame = lambda index: reads.update([index]) or frame(index)
    sequence.picture_size = (80, 60)
    list(Evaluation(FirstBox(), 12).drive(passes("sre", [sequence])))
    assert reads == dict.fromkeys(range(9), 1)


@pytest.mark.parametrize("batch_size", [1, 5])
def test_a_repetition_draws_with_a_seed_of_its_own(batch_size):
    sequences = [numbered(f"s{n}", n, moving_boxes(n)) for n in (8, 5)]
    for sequence in sequences:  # so wide that nothing fails
        sequence.polygons = np.tile([0.0, 0, 200, 0, 200, 200, 0, 200], (len(sequence), 1))
    tracker = Drawing()
    runs = passes("baseline", sequences, repetitions=3)
    for done in Evaluation(tracker, batch_size).drive(runs):
        shift = 7 + done.run.repetition
        np.testing.assert_array_equal(done.result.regions[1:, 0], 10 + shift)
    assert tracker.seed == 7


def test_what_is_timed_is_the_tracker_and_shared_by_its_batch(monkeypatch):
    """Made-up latencies: a clock that only the tracker moves on."""
    now = [100.0]
    monkeypatch.setattr("engine.evaluation.time.perf_counter", lambda: now[0])

    class Slow(FirstBox):
        def init(self, frames, boxes):
            now[0] += 6
            return super().init(frames, boxes)

        def update(self, frames, memory):
            now[0] += 3
            return super().update(frames, memory)

    sequences = [numbered(f"s{n}", n, moving_boxes(n)) for n in (3, 4)]
    seconds = {}
    for batch_size in (1, 2):
        driven = Evaluation(Slow(), batch_size, timed=True).drive(passes("ope", sequences))
        seconds |= {(batch_size, done.run.path): done.seconds.tolist() for done in driven}
    assert seconds[1, "s3"] == [6, 3, 3] and seconds[1, "s4"] == [6, 3, 3, 3]
    assert seconds[2, "s3"] == [3, 1.5, 1.5] and seconds[2, "s4"] == [3, 1.5, 1.5, 3]
    (done,) = Evaluation(Slow()).drive(passes("ope", sequences[:1]))
    assert done.seconds.tolist() == [0, 0, 0]  # not asked for


def test_frames_pass_by_while_the_tracker_is_busy(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("engine.evaluation.time.perf_counter", lambda: now[0])
    boxes = moving_boxes(12)

    class Busy(Oracle):
        def update(self, frames, memory):
            now[0] += 0.125  # two and a half frames at 20 a second
            return super().update(frames, memory)

    sequence = numbered("s", 12, boxes)
    sequence.polygons = np.tile([0.0, 0, 200, 0, 200, 200, 0, 200], (12, 1))
    (run,) = passes("realtime", [sequence], frames_per_second=20.0, grace=3)
    (done,) = Evaluation(Busy(boxes), 1, timed=True).drive([run])
    seen = [1, 2, 3, 4, 4, 6, 6, 8, 8, 10, 10]  # three delays are forgiven, then every other frame
    np.testing.assert_array_equal(done.result.regions[1:, 0], boxes[seen, 0])
    assert len(done.seconds) == 8  # the start and seven frames


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
    tracker = learning_filter()
    ((_, boxes),) = Evaluation(tracker).run([sequence])
    assert np.isfinite(boxes).all() and (boxes[:, 2:] > 0).all()


def test_frames_of_changing_size():
    frames = [
        np.random.default_rng(0).integers(0, 256, (60 + i, 90 - i, 3), np.uint8) for i in range(5)
    ]
    sequence = Recorded("changing", frames, [(30, 20, 20, 20)] * 5)
    tracker = learning_filter()
    ((_, boxes),) = Evaluation(tracker).run([sequence])
    assert np.isfinite(boxes).all()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_the_gpu_finds_what_the_cpu_finds():
    sequences = [sliding(f"s{n}", 10, (160, 120), seed=n) for n in range(3)]
    tracker = learning_filter()
    cpu = {s.name: b for s, b in Evaluation(tracker, 2).run(sequences)}
    gpu = {s.name: b for s, b in Evaluation(tracker.cuda(), 2, "cuda").run(sequences)}
    for name, boxes in cpu.items():
        assert np.abs(boxes - gpu[name]).max() < 0.5
