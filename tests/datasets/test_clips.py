"""What clips show and say, and how batches of them are loaded."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import Recorded, sliding
from drawn_clips import AS_IT_IS, CHANGED, PAIR, SAMPLING, SIAMESE, batch, clips, one, same

from datasets.loader import clip_loader
from ops.boxes import centers
from ops.errors import InputError


def test_a_clip_depends_on_seed_epoch_and_index_alone(footage):
    first, other = clips(footage.sequences), clips(footage.sequences)
    for _ in range(3):
        batch(first, (0, 5))  # what was asked before does not matter
    assert same(batch(first, (2, 7)), batch(other, (2, 7)))
    assert not same(batch(first, (2, 7)), batch(first, (2, 8)))
    assert not same(batch(first, (2, 7)), batch(first, (3, 7)))
    assert not same(batch(first, (2, 7)), batch(clips(footage.sequences, seed=1), (2, 7)))


@pytest.mark.parametrize("looks", [AS_IT_IS, CHANGED])
def test_a_clip_does_not_depend_on_its_batch(footage, looks):
    dataset = clips(footage.sequences, looks=looks)
    together = batch(dataset, *[(0, index) for index in range(5)])
    for index in range(5):
        alone = batch(dataset, (0, index))
        assert same(alone, type(alone)(*(v[index : index + 1] for v in vars(together).values())))
    assert len(set(together.keys.tolist())) == 5 and together.keys.dtype == torch.int64


def test_shapes_and_boxes():
    sequence = sliding("s", 20, (200, 150))
    clip = one(clips([sequence]), 0, 0)
    assert clip.templates.shape == (2, 3, 105, 105)
    assert clip.searches.shape == (2, 3, 63, 63)
    expected = torch.tensor([42.0, 42, 21, 21]).expand(2, 4)
    assert torch.allclose(clip.template_boxes, expected, atol=1e-4)
    shift = (centers(clip.search_boxes) - 31.5).abs()
    assert 0 < shift.max() <= 0.15 * 63 + 1e-4
    ratio = clip.search_boxes[:, 2] / 21
    assert (ratio >= 1 / 1.1 - 1e-5).all() and (ratio <= 1.1 + 1e-5).all()


def test_the_target_lies_in_its_box():
    """A white target on black: the bright part of every crop is the box."""
    frames, boxes = [], []
    for index in range(10):
        frame = np.zeros((120, 160, 3), np.uint8)
        frame[40 + index : 64 + index, 50:90] = 255
        frames.append(frame)
        boxes.append([50, 40 + index, 40, 24])
    clip = one(clips([Recorded("white", frames, boxes)]), 0, 0)
    for crops, found in ((clip.templates, clip.template_boxes), (clip.searches, clip.search_boxes)):
        for picture, box in zip(crops, found, strict=True):
            bright = picture[0] > 127
            rows, columns = bright.any(1).nonzero()[:, 0], bright.any(0).nonzero()[:, 0]
            edges = torch.tensor([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
            wanted = torch.cat([box[:2], box[:2] + box[2:]]).clamp(0, picture.shape[-1])
            assert (edges - wanted).abs().max() < 1.5


def test_templates_move_by_their_own_limits():
    sampling = replace(PAIR, template_shift=0.05, template_scale=0.2, search_shift=0.0)
    dataset = clips([sliding("s", 20, (200, 150))], sampling)
    found = [one(dataset, 0, i) for i in range(100)]
    shifts = torch.stack([centers(clip.template_boxes[0]) / 105 - 0.5 for clip in found])
    scales = torch.stack([clip.template_boxes[0, 2] / 21 for clip in found])
    assert 0.045 < shifts.max() <= 0.05 + 1e-6 and -0.05 - 1e-6 <= shifts.min() < -0.045
    assert 1.15 < scales.max() <= 1.2 + 1e-6 and 1 / 1.2 - 1e-6 <= scales.min() < 0.87
    assert all(torch.allclose(centers(clip.search_boxes[0]), torch.tensor(31.5)) for clip in found)


def test_square_crops_show_the_context_of_siamfc():
    """By hand: a box of 20 x 24 has p = 22, a square of side sqrt(42 * 46)."""
    sampling = replace(PAIR, search_shift=0.0, search_scale=0.0)
    clip = one(clips([sliding("s", 20, (200, 150))], sampling, geometry=SIAMESE), 0, 0)
    scale = 127 / (42 * 46) ** 0.5
    for boxes, size in ((clip.template_boxes, 127), (clip.search_boxes, 255)):
        expected = [size / 2 - 10 * scale, size / 2 - 12 * scale, 20 * scale, 24 * scale]
        assert torch.allclose(boxes, torch.tensor([expected]), atol=1e-3)


def test_looks_are_drawn_within_their_limits_and_change_nothing_else():
    sequences = [sliding("s", 20, (200, 150))]
    keys = [(0, index) for index in range(400)]
    changed = clips(sequences, PAIR, geometry=SIAMESE, looks=CHANGED).batch(keys)
    looks = changed.looks
    assert looks.colours.shape == (400, 2, 3) and looks.blurs.shape == (400, 2)
    assert looks.greys.shape == looks.flips.shape == (400,)
    low, high = looks.colours.amin((0, 1)), looks.colours.amax((0, 1))
    widths = torch.tensor([0.2, 0.3, 0.4])
    assert (low >= 1 - widths).all() and (high <= 1 + widths).all()
    assert (high - low > 1.9 * widths).all()
    blurred = looks.blurs[looks.blurs > 0]
    assert 0.5 <= blurred.min() < 0.6 and 1.9 < blurred.max() <= 2
    for share, expected in (
        (len(blurred) / 800, 0.3),
        (looks.greys.float().mean(), 0.25),
        (looks.flips.float().mean(), 0.5),
    ):
        assert abs(share - expected) < 0.08
    assert not torch.equal(looks.colours[:, 0], looks.colours[:, 1])  # each crop has its own
    assert abs(looks.flips[looks.greys].float().mean() - 0.5) < 0.2  # one does not tell the other
    as_it_is = clips(sequences, PAIR, geometry=SIAMESE).batch(keys)
    assert as_it_is.looks is None
    assert same(replace(changed, looks=None), as_it_is)


class Broken(Recorded):
    """Some of its pictures cannot be read."""

    broken = frozenset()

    def frame(self, index):
        if index in self.broken:
            raise InputError(f"{self.name}, picture {index}: broken")
        return super().frame(index)


def test_other_clips_come_in_place_of_unreadable_ones():
    whole = sliding("s", 20, (200, 150))
    sequence = Broken("s", whole.frames, whole.boxes)
    keys = [(1, index) for index in range(60)]
    before = clips([sequence], PAIR, geometry=SIAMESE).batch(keys)
    assert before.skipped == []
    sequence.broken = frozenset({3, 11})
    dataset = clips([sequence], PAIR, geometry=SIAMESE)
    after = dataset.batch(keys)
    assert set(after.skipped) == {"s, picture 3: broken", "s, picture 11: broken"}
    changed = (before.keys != after.keys).nonzero()[:, 0].tolist()
    assert 0 < len(changed) <= len(after.skipped) < 30
    assert same(after, clips([sequence], PAIR, geometry=SIAMESE).batch(keys))
    for index in range(60):  # it is the same clip in its place whatever else is read
        alone = dataset.batch(keys[index : index + 1])
        assert alone.keys == after.keys[index] and bool(alone.skipped) == (index in changed)
    loaded = list(clip_loader(dataset, 30, 60, 2, 4, 2, False))
    assert [path for raw in loaded for path in raw.skipped] == after.skipped


def test_other_clips_come_in_place_of_targets_outside_their_picture():
    whole = sliding("s", 20, (200, 150))
    boxes = np.array(whole.boxes)
    boxes[3], boxes[11] = (200, 20, 30, 30), (20, -30, 30, 30)  # not a pixel of them
    boxes[5] = (195, 20, 30, 30)  # some of it
    batch = clips([Recorded("s", whole.frames, boxes)], PAIR, geometry=SIAMESE).batch(
        [(1, index) for index in range(60)]
    )
    assert {text.split(":")[0] for text in batch.skipped} == {"s, frame 3", "s, frame 11"}
    assert "(200, 20, 30, 30) is not in the picture" in " ".join(batch.skipped)


def test_pictures_that_are_all_unreadable_are_an_error():
    whole = sliding("s", 20, (200, 150))
    sequence = Broken("s", whole.frames, whole.boxes)
    sequence.broken = frozenset(range(20))
    with pytest.raises(InputError, match=r"s, picture \d+: broken.* 50 clips"):
        clips([sequence], PAIR, geometry=SIAMESE).batch([(0, 0)])


def test_a_tracker_that_learns_in_order_takes_no_negatives(footage):
    with pytest.raises(InputError, match=r"clip.negatives=0.5: expected 0"):
        clips(footage.sequences, replace(SAMPLING, negatives=0.5))
