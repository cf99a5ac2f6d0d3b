from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from conftest import Recorded, sliding

from datasets.clips import ClipDataset, ClipSampling, clip_loader
from ops.boxes import centers
from ops.clip import ClipGeometry
from ops.errors import InputError

GEOMETRY = ClipGeometry(105, 5, 63, 3, in_order=True)
SAMPLING = ClipSampling(
    frames=3,
    templates=2,
    searches=2,
    max_gap=4,
    template_shift=0.0,
    template_scale=0.0,
    search_shift=0.15,
    search_scale=0.1,
    negatives=0.0,
)
SIAMESE = ClipGeometry(127, 1, 255, 255 / 127, square=True)
PAIR = replace(SAMPLING, frames=2, templates=1, searches=1, max_gap=10)


def clips(sequences, sampling=SAMPLING, seed=0, geometry=GEOMETRY):
    return ClipDataset(sequences, geometry, sampling, seed)


def same(a, b):
    pairs = zip(vars(a).values(), vars(b).values(), strict=True)
    return all(torch.equal(left, right) for left, right in pairs)


def test_a_clip_depends_on_seed_epoch_and_index_alone(footage):
    one, other = clips(footage.sequences), clips(footage.sequences)
    for _ in range(3):
        other[0, 5]  # what was asked before does not matter
    assert same(one[2, 7], other[2, 7])
    assert not same(one[2, 7], one[2, 8])
    assert not same(one[2, 7], one[3, 7])
    assert not same(one[2, 7], clips(footage.sequences, seed=1)[2, 7])


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_that_starts_later_gives_the_rest(footage, workers):
    def batches(start):
        return list(clip_loader(clips(footage.sequences), 2, 4, start, 5, workers, False))

    cv2.resize(np.zeros((1000, 1000, 3), np.uint8), (3000, 3000))  # a pool of threads would hang
    whole, rest = batches(0), batches(3)
    assert len(whole) == 5 and len(rest) == 2
    assert all(same(a, b) for a, b in zip(whole[3:], rest, strict=True))
    assert same(whole[2], next(iter(clip_loader(clips(footage.sequences), 2, 4, 2, 3, 0, False))))


def test_shapes_and_boxes():
    sequence = sliding("s", 20, (200, 150))
    clip = clips([sequence])[0, 0]
    assert clip.templates.shape == (2, 3, 105, 105) and clip.templates.dtype == torch.uint8
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
    clip = clips([Recorded("white", frames, boxes)])[0, 0]
    for crops, found in ((clip.templates, clip.template_boxes), (clip.searches, clip.search_boxes)):
        for picture, box in zip(crops, found, strict=True):
            bright = picture[0] > 127
            rows, columns = bright.any(1).nonzero()[:, 0], bright.any(0).nonzero()[:, 0]
            edges = torch.tensor([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
            wanted = torch.cat([box[:2], box[:2] + box[2:]]).clamp(0, picture.shape[-1])
            assert (edges - wanted).abs().max() < 1.5


def test_frames_come_in_order_with_bounded_gaps_and_only_where_there_is_a_target():
    class Spy(Recorded):
        asked: list[int]

        def frame(self, index):
            self.asked.append(index)
            return super().frame(index)

    boxes = np.tile([50.0, 40, 20, 20], (30, 1))
    boxes[10:15] = np.nan
    spy = Spy("spy", [np.zeros((100, 120, 3), np.uint8)] * 30, boxes)
    seen = set()
    for index in range(200):
        spy.asked = []
        clips([spy])[0, index]
        assert len(spy.asked) == 3 and spy.asked == sorted(set(spy.asked))
        assert not set(spy.asked) & set(range(10, 15))
        assert np.diff(spy.asked).max() <= 4 + 5  # across the absence
        seen |= set(spy.asked)
    assert seen == set(range(30)) - set(range(10, 15))


def test_a_sequence_with_too_few_frames_is_left_out():
    short, long = sliding("short", 2, (160, 120)), sliding("long", 3, (160, 120))
    mixed, alone = clips([short, long]), clips([long])
    boxes = {tuple(alone[0, i].search_boxes.flatten().tolist()) for i in range(20)}
    assert len(boxes) == 20 and all(len(mixed[0, i]) == 2 for i in range(20))
    with pytest.raises(InputError, match="no sequence has 3 frames"):
        clips([short])


def test_templates_move_by_their_own_limits():
    sampling = replace(PAIR, template_shift=0.05, template_scale=0.2, search_shift=0.0)
    found = [clips([sliding("s", 20, (200, 150))], sampling)[0, i] for i in range(100)]
    shifts = torch.stack([(centers(clip.template_boxes[0]) / 105 - 0.5).abs() for clip in found])
    scales = torch.stack([clip.template_boxes[0, 2] / 21 for clip in found])
    assert 0.045 < shifts.max() <= 0.05 + 1e-6
    assert 1.15 < scales.max() <= 1.2 + 1e-6 and 1 / 1.2 - 1e-6 <= scales.min() < 0.87
    assert all(torch.allclose(centers(clip.search_boxes[0]), torch.tensor(31.5)) for clip in found)


def test_square_crops_show_the_context_of_siamfc():
    """By hand: a box of 20 x 24 has p = 22, a square of side sqrt(42 * 46)."""
    sampling = replace(PAIR, search_shift=0.0, search_scale=0.0)
    clip = clips([sliding("s", 20, (200, 150))], sampling, geometry=SIAMESE)[0, 0]
    scale = 127 / (42 * 46) ** 0.5
    for boxes, size in ((clip.template_boxes, 127), (clip.search_boxes, 255)):
        expected = [size / 2 - 10 * scale, size / 2 - 12 * scale, 20 * scale, 24 * scale]
        assert torch.allclose(boxes, torch.tensor([expected]), atol=1e-3)


def test_pairs_tell_their_distance_and_go_both_ways():
    sequence = sliding("s", 30, (200, 150), step=(1.0, 0.0))
    steps = set()
    for index in range(100):
        clip = clips([sequence], PAIR, geometry=SIAMESE)[0, index]
        assert clip.matches.tolist() == [True]
        steps.add(int(clip.distances))
    assert steps == set(range(1, 11))
    # The template is brighter the later its frame is: pairs run backwards as often as forwards.
    frames = [np.full((60, 60, 3), 8 * index, np.uint8) for index in range(30)]
    bright = Recorded("bright", frames, np.tile([20.0, 20, 16, 16], (30, 1)))
    forwards = 0
    for index in range(200):
        clip = clips([bright], PAIR, geometry=SIAMESE)[0, index]
        step = (clip.searches.float().mean() - clip.templates.float().mean()) / 8
        assert abs(step) == pytest.approx(clip.distances.item(), abs=0.01)
        forwards += int(step > 0)
    assert 70 < forwards < 130


def test_negative_pairs_search_in_another_sequence():
    def plain(name, value):
        frames = [np.full((60, 60, 3), value, np.uint8)] * 5
        return Recorded(name, frames, np.tile([20.0, 20, 16, 16], (5, 1)))

    sampling = replace(PAIR, negatives=0.4)
    both = [plain("dark", 50), plain("light", 200)]
    matching = 0
    for index in range(200):
        clip = clips(both, sampling, geometry=SIAMESE)[0, index]
        same_value = clip.templates.float().mean() == clip.searches.float().mean()
        assert bool(clip.matches) == bool(same_value)
        assert clip.matches or clip.distances == 0
        matching += int(clip.matches)
    assert 140 < matching < 180  # half of the 80 draws of another one hit the same sequence
    assert all(clips(both[:1], sampling)[0, index].matches for index in range(20))
    with pytest.raises(InputError, match="clip.negatives=1.5"):
        replace(PAIR, negatives=1.5)
