"""Samples, memory and learning of CRACT's discriminator."""

from dataclasses import replace

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from heads.cract.memory import SampleMemory
from heads.cract.online import OnlineLearning
from heads.cract.pooling import PRoIAlign
from heads.cract.samples import draw_around, draw_negatives, draw_positives
from ops.boxes import centers, overlap
from ops.errors import InputError

KEYS = torch.tensor([3, 4, 5])
BOXES = torch.tensor([[96.0, 96, 64, 64], [20.0, 150, 40, 90], [100.0, 100, 30, 24]])


def test_positives_and_negatives_overlap_as_they_must():
    positives = draw_positives(KEYS, BOXES, 200)
    assert positives.shape == (3, 200, 4)
    assert (overlap(positives, BOXES[:, None]) >= 0.7).all()
    for most in (0.5, 0.3):
        negatives = draw_negatives(KEYS, BOXES, 1000, most, 255)
        assert (overlap(negatives, BOXES[:, None]) <= most).all()
        places = centers(negatives)
        assert places.min() >= 0 and places.max() <= 255
    # Some of the negatives are near misses, some are far away.
    distances = (centers(negatives[0]) - centers(BOXES[0])).norm(dim=-1)
    assert (distances < 64).sum() > 100 and (distances > 100).sum() > 100


def test_draws_spread_as_described():
    positives = draw_positives(KEYS[:1], BOXES[:1], 4000, least=0.0)
    shifts = (centers(positives) - centers(BOXES[:1])) / 64
    assert abs(shifts.std() - 0.05) < 0.005 and shifts.abs().max() <= 0.1 + 1e-5
    assert positives[..., 2].max() <= 64 * 1.3 + 1e-3
    around = overlap(draw_around(KEYS[:1], BOXES[:1], 4000), BOXES[:1])
    assert (around > 0.9).float().mean() > 0.05 and (around < 0.5).float().mean() > 0.2


def test_positives_of_long_boxes_overlap_as_well():
    for aspect in (3, 8, 16, 32):
        sides = 64 * aspect**0.5, 64 / aspect**0.5
        for width, height in (sides, sides[::-1]):
            box = torch.tensor([[128 - width / 2, 128 - height / 2, width, height]])
            positives = draw_positives(KEYS[:1], box, 200)
            assert (overlap(positives, box[:, None]) >= 0.7).all()
            assert (centers(positives) - 128).abs().amax((0, 1)).min() > 0.05 * min(sides)


def test_too_few_that_fit_are_filled_up_with_the_nearest():
    """A target as large as the crop leaves next to no negatives."""
    box = torch.tensor([[-60.0, -60, 375, 375]])
    negatives = draw_negatives(KEYS[:1], box, 50, 0.01, 255)
    overlaps = overlap(negatives, box[:, None])
    assert torch.isfinite(negatives).all() and (overlaps > 0.01).any()
    others = overlap(draw_negatives(KEYS[:1], box, 50, 1.0, 255), box[:, None])
    assert overlaps.mean() < others.mean()


def test_draws_are_a_targets_own():
    together = draw_negatives(KEYS, BOXES, 20, 0.5, 255)
    for row in range(3):
        rows = slice(row, row + 1)
        assert torch.equal(draw_negatives(KEYS[rows], BOXES[rows], 20, 0.5, 255)[0], together[row])
    assert not torch.equal(draw_positives(KEYS[:1], BOXES[:1], 5),
                           draw_positives(KEYS[1:2], BOXES[:1], 5))  # fmt: skip


def constant(value, count, rows=1):
    return torch.full((rows, count, 1), float(value))


def seen(memory, row, long):
    """The set of (value, label) that a target learns from, by weight."""
    samples, labels, weights = memory.training_set([row], [long], [memory.collected[row].item()])
    used = weights[0] > 0
    pairs = zip(samples[0, used, 0].tolist(), labels[0, used].tolist(), strict=True)
    assert torch.allclose(weights[0, used], 1 / used.sum())
    return sorted(set(pairs))


def test_memory_remembers_and_forgets():
    memory = SampleMemory.start(constant(0, 2, rows=2), constant(100, 3, rows=2), long=4, short=2)
    assert memory.positives.dtype == torch.float16
    assert seen(memory, 0, True) == seen(memory, 0, False) == [(0, 1), (100, 0)]
    for number in range(1, 7):  # of target 1 only
        memory = memory.collect(torch.tensor([1]), constant(number, 2), constant(100 + number, 3))
    assert memory.collected.tolist() == [0, 6]
    assert seen(memory, 0, True) == [(0, 1), (100, 0)]
    negatives = [(100, 0), (105, 0), (106, 0)]
    assert seen(memory, 1, True) == sorted([(v, 1) for v in (0, 3, 4, 5, 6)] + negatives)
    assert seen(memory, 1, False) == sorted([(v, 1) for v in (0, 5, 6)] + negatives)
    samples, _, weights = memory.training_set([0, 1], [True, False], [0, 6])
    assert samples.shape == (2, 3 * 2 + 3 * 3, 1)
    assert torch.allclose(weights.sum(1), torch.ones(2))
    assert (weights[0] > 0).sum() == 2 + 3 and (weights[1] > 0).sum() == 3 * 2 + 3 * 3


SETTINGS = OnlineLearning(
    first_samples=(20, 60), samples=(6, 12), interval=2, long_frames=8, short_frames=4,
    first_iterations=(4, 6), iterations=3,
)  # fmt: skip
POOL = PRoIAlign((2, 1), 8)


def maps(seed=0, channels=6):
    """Of three targets: noise, with another mean where the target is."""
    generator = torch.Generator().manual_seed(seed)
    maps = 0.5 * torch.randn(3, channels, 31, 31, generator=generator)
    for row, (x, y, w, h) in enumerate(((BOXES - 3.5) / 8).round().int().tolist()):
        maps[row, :2, y : y + max(h, 1), x : x + max(w, 1)] += 2.5
    return maps


def started():
    return SETTINGS.start(KEYS, maps(), BOXES, POOL, 255)


def scores(memory, features, boxes):
    discriminator = memory.discriminator
    return discriminator.score(discriminator.project(POOL(features, boxes, 255).mT))


def test_the_first_frame_tells_target_from_background():
    memory = started()
    others = KEYS + 100  # boxes that were not learned from
    target = scores(memory, maps(), draw_positives(others, BOXES, 100))
    rest = scores(memory, maps(), draw_negatives(others, BOXES, 100, 0.1, 255))
    assert (target.mean(1) > 0.75).all() and (rest.mean(1) < 0.25).all()


def test_what_is_due_when():
    """Frame 1 of two targets, frame 2 of the third; then frame 2 of two, frame 3 of the third."""
    sure, unsure = 0.9, 0.1
    memory = started()
    memory.frames = torch.tensor([0, 0, 1])
    expected = [
        # scores, then who has collected, and who learns
        ([sure, unsure, sure], [0, 0, 1], [False, True, True]),
        ([sure, unsure, sure], [1, 0, 1], [True, True, False]),
    ]
    for number, (found, collected, learns) in enumerate(expected, start=1):
        after = SETTINGS.step(memory, maps(number), BOXES, torch.tensor(found), POOL, 255)
        assert after.frames.tolist() == [number, number, number + 1]
        assert after.samples.collected.tolist() == collected
        new, old = after.discriminator, memory.discriminator
        assert (new.hidden != old.hidden).flatten(1).any(1).tolist() == learns
        assert torch.equal(new.convolution, old.convolution)
        same = after.samples.collected == memory.samples.collected
        assert torch.equal(after.samples.positives[same], memory.samples.positives[same])
        assert memory.frames.tolist() == [number - 1, number - 1, number]  # not changed in place
        memory = after


def test_sure_targets_learn_from_the_long_memory(monkeypatch):
    asked, original = [], SampleMemory.training_set

    def training_set(self, rows, long, collected):
        asked.append((rows, long, collected))
        return original(self, rows, long, collected)

    monkeypatch.setattr(SampleMemory, "training_set", training_set)
    memory = replace(started(), frames=torch.tensor([1, 1, 0]))
    SETTINGS.step(memory, maps(), BOXES, torch.tensor([0.9, 0.1, 0.1]), POOL, 255)
    assert asked == [([0, 1, 2], [True, False, False], [1, 0, 0])]


def test_negatives_that_are_collected_are_the_hard_ones():
    hard, easy = (
        replace(SETTINGS, hard_negatives=n).step(
            replace(started(), frames=torch.ones(3).long()), maps(), BOXES, torch.ones(3), POOL, 255
        )
        for n in (4, 1)
    )
    first = started().discriminator
    answers = [first.score(m.samples.negatives[:, 1].float()).mean(1) for m in (hard, easy)]
    assert (answers[0] > answers[1] + 0.02).all()


class RecordedPool(PRoIAlign):
    """Remembers the boxes that it pooled."""

    def forward(self, features, boxes, crop_size):
        self.boxes = boxes
        return super().forward(features, boxes, crop_size)


def test_what_is_drawn_around_a_target():
    pool, n = RecordedPool((2, 1), 8), SETTINGS.hard_negatives * 12
    memory = SETTINGS.start(KEYS, maps(), BOXES, pool, 255)
    overlaps = overlap(pool.boxes, BOXES[:, None])
    assert (overlaps[:, :20] >= 0.7).all() and (overlaps[:, 20:] <= 0.5).all()
    assert overlaps.shape[1] == 20 + 60 and (overlaps[:, 20:] > 0.3).any()
    drawn, sure = [], torch.ones(3)
    for _ in range(4):  # two of these frames are due
        memory = SETTINGS.step(memory, maps(), BOXES, sure, pool, 255)
        drawn.append(pool.boxes)
        overlaps = overlap(pool.boxes[:, -n:], BOXES[:, None])
    assert drawn[3].shape[1] == 6 + n
    assert (overlap(drawn[3][:, :6], BOXES[:, None]) >= 0.7).all() and (overlaps <= 0.3).all()
    assert not torch.equal(drawn[1], drawn[3])  # others in every frame


def test_what_is_kept_of_the_first_frame():
    memory = started()
    samples, score = memory.samples, memory.discriminator.score
    assert samples.positives.shape[:3] == (3, 1 + 8 // 2, 6)
    assert samples.negatives.shape[:3] == (3, 1 + 4 // 2, 12)
    assert not samples.positives[:, 1:].any() and not samples.negatives[:, 1:].any()
    assert score(samples.positives[:, 0].float()).mean() > 0.75
    assert score(samples.negatives[:, 0].float()).mean() < 0.25


def test_the_first_frame_is_regularised():
    norms = [
        replace(SETTINGS, regularization=value)
        .start(KEYS, maps(), BOXES, POOL, 255)
        .discriminator.hidden.norm()
        for value in (1e-4, 1.0)
    ]
    assert norms[1] < 0.9 * norms[0]


def test_nothing_but_one_read_waits_for_the_device(monkeypatch):
    """Frames in which all, some and none are due."""
    waits = {"_local_scalar_dense", "nonzero", "masked_select", "is_nonzero", "equal", "unique"}
    seen, reads, original = [], [], torch.Tensor.tolist

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            seen.append(function.overloadpacket.__name__)
            return function(*args, **kwargs or {})

    def tolist(self):
        reads.append(self.shape)
        return original(self)

    memory = replace(started(), frames=torch.tensor([0, 1, 1]))
    monkeypatch.setattr(torch.Tensor, "tolist", tolist)
    for found in ([0.9, 0.9, 0.9], [0.9, 0.2, 0.9], [0.1, 0.1, 0.1], [0.9, 0.9, 0.9]):
        features, found = maps(), torch.tensor(found)
        reads.clear()
        with Watch():
            memory = SETTINGS.step(memory, features, BOXES, found, POOL, 255)
        assert reads == [(3, 3)]
    assert "topk" in seen and not waits & set(seen)


def test_maps_of_any_size_leave_numbers_in_memory():
    memory = replace(started(), frames=torch.ones(3).long())
    after = SETTINGS.step(memory, 3e4 * maps(), BOXES, torch.ones(3), POOL, 255)
    for tensor in (*vars(after.discriminator).values(), after.samples.positives):
        assert torch.isfinite(tensor).all()
    assert after.samples.positives.max() == 65504
    after = SETTINGS.step(after, maps(), BOXES, torch.zeros(3), POOL, 255)
    assert all(torch.isfinite(tensor).all() for tensor in vars(after.discriminator).values())


def test_learning_is_in_float32_under_autocast():
    memory, boxes = started(), draw_positives(KEYS, BOXES, 5)
    expected = SETTINGS.step(memory, maps(1), BOXES, torch.zeros(3), POOL, 255)
    expected = SETTINGS.step(expected, maps(2), BOXES, torch.ones(3), POOL, 255)
    with torch.autocast("cpu", torch.bfloat16):
        found = SETTINGS.start(KEYS, maps(), BOXES, POOL, 255)
        assert torch.equal(found.discriminator.hidden, memory.discriminator.hidden)
        found = SETTINGS.step(found, maps(1), BOXES, torch.zeros(3), POOL, 255)
        found = SETTINGS.step(found, maps(2), BOXES, torch.ones(3), POOL, 255)
        answers = found.discriminator.classify(POOL(maps(2), boxes, 255).mT)
        half = SETTINGS.step(memory, maps(1).bfloat16(), BOXES, torch.ones(3), POOL, 255)
    for name, value in vars(found.discriminator).items():
        assert value.dtype == torch.float32 and torch.equal(
            value, getattr(expected.discriminator, name)
        )
    assert torch.equal(answers, scores(expected, maps(2), boxes))
    assert half.discriminator.hidden.dtype == torch.float32


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("interval", 0, "tracking.interval=0: expected a whole number of at least 1"),
        ("first_samples", (20, 40), r"tracking.first_samples=\[20, 40\]: expected no less than "
         r"tracking.samples=\[50, 200\]"),
        ("samples", (50, 2000), r"first_samples=\[200, 1000\]: .* tracking.samples=\[50, 2000\]"),
        ("samples", (50,), r"tracking.samples=\[50\]: expected two numbers"),
        ("short_frames", 5, "tracking.short_frames=5: expected no less than tracking.interval=10"),
        ("long_frames", 15, "tracking.long_frames=15: .* no less than tracking.short_frames=20"),
        ("first_iterations", (6, 0), "tracking.first_iterations=0: expected a whole number"),
    ],
)  # fmt: skip
def test_settings_are_checked(key, value, message):
    with pytest.raises(InputError, match=message):
        OnlineLearning(**{key: value})
