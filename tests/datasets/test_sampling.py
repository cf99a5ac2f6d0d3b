"""Which frames clips have."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import Recorded, sliding
from drawn_clips import AS_IT_IS, GEOMETRY, PAIR, SAMPLING, SIAMESE, clips, one, plain

from datasets.clips import ClipDataset
from datasets.sampling import ClipAugmentation
from datasets.sequence import Part
from ops.errors import InputError


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
        clips([spy]).batch([(0, index)])
        assert len(spy.asked) == 3 and spy.asked == sorted(set(spy.asked))
        assert not set(spy.asked) & set(range(10, 15))
        assert np.diff(spy.asked).max() <= 4 + 5  # across the absence
        seen |= set(spy.asked)
    assert seen == set(range(30)) - set(range(10, 15))


def test_a_sequence_with_too_few_frames_is_left_out():
    short, long = sliding("short", 2, (160, 120)), sliding("long", 3, (160, 120))
    mixed, alone = clips([short, long]), clips([long])
    boxes = {tuple(one(alone, 0, i).search_boxes.flatten().tolist()) for i in range(20)}
    assert len(boxes) == 20 and len(mixed.batch([(0, i) for i in range(20)])) == 20
    with pytest.raises(InputError, match="dataset part: no sequence has 3 frames"):
        clips([short])


def test_pairs_tell_their_distance_and_go_both_ways():
    sequence = sliding("s", 30, (200, 150), step=(1.0, 0.0))
    raw = clips([sequence], PAIR, geometry=SIAMESE).batch([(0, index) for index in range(100)])
    assert raw.matches.all() and raw.matches.shape == raw.distances.shape == (100, 1)
    assert set(raw.distances.flatten().tolist()) == set(range(1, 11))
    # The template is brighter the later its frame is: pairs run backwards as often as forwards.
    frames = [np.full((60, 60, 3), 8 * index, np.uint8) for index in range(30)]
    bright = Recorded("bright", frames, np.tile([20.0, 20, 16, 16], (30, 1)))
    dataset, forwards = clips([bright], PAIR, geometry=SIAMESE), 0
    for index in range(200):
        clip = one(dataset, 0, index)
        step = (clip.searches.mean() - clip.templates.mean()) / 8
        assert abs(step) == pytest.approx(clip.distances.item(), abs=0.01)
        forwards += int(step > 0)
    assert 70 < forwards < 130


def test_distances_are_of_the_footage_where_frames_are_numbered():
    """Every tenth frame of the footage has a box: a gap of 1 to 3 rows is 10 to 30 frames."""
    sequence = plain("s", 100, 20)
    sequence.numbers = 7 + 10 * np.arange(20)
    dataset = clips([sequence], replace(PAIR, max_gap=3), geometry=SIAMESE)
    raw = dataset.batch([(0, index) for index in range(50)])
    assert set(raw.distances.flatten().tolist()) == {10, 20, 30}


class Lazy:
    """Makes its sequences anew each time they are asked for, and counts how often."""

    def __init__(self, make, count):
        self.make, self.count, self.asked = make, count, 0

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        if not 0 <= index < self.count:
            raise IndexError
        self.asked += 1
        return self.make(index)


@pytest.mark.parametrize("lazy", [False, True])
def test_negative_pairs_search_in_another_sequence(lazy):
    sampling = replace(PAIR, negatives=0.4)
    both = [plain("dark", 50), plain("light", 200)]
    if lazy:
        both = Lazy(lambda index: plain(str(index), (50, 200)[index]), 2)
    dataset, matching = clips(both, sampling, geometry=SIAMESE), 0
    for index in range(200):
        clip = one(dataset, 0, index)
        same_value = clip.templates.mean().round() == clip.searches.mean().round()
        assert bool(clip.matches) == bool(same_value)
        assert clip.matches or clip.distances == 0
        matching += int(clip.matches)
    assert 140 < matching < 180  # half of the 80 draws of another one hit the same sequence
    alone = Lazy(lambda index: plain("dark", 50), 1) if lazy else both[:1]
    dataset = clips(alone, sampling, geometry=SIAMESE)
    assert dataset.batch([(0, index) for index in range(20)]).matches.all()
    with pytest.raises(InputError, match="clip.negatives=1.5"):
        replace(PAIR, negatives=1.5)


def test_parts_are_drawn_by_weight_and_bound_the_gap():
    sequences = [plain(str(value), value, 30) for value in (10, 110, 210)]
    parts = [
        Part("a", [sequences[0]] * 9, 1.0),  # nine sequences are no reason to draw it more often
        Part("b", [sequences[1]], 2.0, max_gap=2),
        Part("none", [plain("short", 0, 1)], 0.0),
        Part("c", [sequences[2]], 5.0, max_gap=50),
    ]
    dataset = ClipDataset(parts, SIAMESE, PAIR, AS_IT_IS)
    raw = dataset.batch([(0, index) for index in range(800)])
    values = raw.template_frames.pixels.amax((1, 2, 3))
    gaps = {value: raw.distances[values == value] for value in (10, 110, 210)}
    assert sum(map(len, gaps.values())) == 800
    for value, expected in ((10, 100), (110, 200), (210, 500)):
        assert abs(len(gaps[value]) - expected) < 60
    assert [set(gaps[value].flatten().tolist()) for value in gaps] == [
        set(range(1, 11)),
        {1, 2},
        set(range(1, 11)),
    ]


def test_each_part_that_is_drawn_must_have_something():
    good, short = Part("good", [plain("long", 0)]), Part("short", [plain("short", 0, 1)] * 3)
    with pytest.raises(InputError, match="dataset short: no sequence has 2 frames with a valid"):
        ClipDataset([good, short], SIAMESE, PAIR, AS_IT_IS)
    ClipDataset([good, replace(short, weight=0.0)], SIAMESE, PAIR, AS_IT_IS)
    with pytest.raises(InputError, match="no part of it has a weight above 0"):
        ClipDataset([replace(good, weight=0.0)], SIAMESE, PAIR, AS_IT_IS)
    many = Lazy(lambda index: plain(str(index), 0, 1 + index), 1000)
    ClipDataset([Part("many", many)], SIAMESE, PAIR, AS_IT_IS)
    assert many.asked == 2  # it stops at the first that can be used


@pytest.mark.parametrize(("geometry", "sampling"), [(GEOMETRY, SAMPLING), (SIAMESE, PAIR)])
def test_a_still_picture_is_seen_again_and_again(geometry, sampling):
    class Still(Recorded):
        still = True
        reads = 0

        def frame(self, index):
            self.reads += 1
            return super().frame(index)

    sequence = Still("still", sliding("s", 1, (200, 150)).frames, [[40.0, 30, 20, 24]])
    dataset = clips([sequence], sampling, geometry=geometry)
    raw = dataset.batch([(0, index) for index in range(6)])
    assert sequence.reads == 6
    assert raw.matches.all() and not raw.distances.any()
    assert raw.template_windows.shape[:2] == (6, sampling.templates)
    found = raw.cut(geometry).search_boxes.flatten(0, 1)
    assert len({tuple(box) for box in found.tolist()}) == len(found)  # moved each time


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation", "grey", "blur", "flip"])
def test_looks_are_checked(name):
    for value in (-0.1, 1.5, "much"):
        with pytest.raises(InputError, match=f"augmentation.{name}={value}"):
            ClipAugmentation(**{name: value})
