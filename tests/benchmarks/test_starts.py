from pathlib import Path

import numpy as np
import pytest

from benchmarks.starts import SHIFTS, occluded_frames, segment_starts, shifted_box
from ops.box_files import read_boxes
from ops.errors import InputError

OTB = Path(__file__).resolve().parents[2].parent / "shared" / "truth" / "otb"
ORIGIN = np.array([1, 1, 0, 0])  # OTB counts pixels from 1
needs_truth = pytest.mark.skipif(not OTB.is_dir(), reason="shared/truth/otb is not there")


def published(name):
    """Sequence -> {run: boxes} of IVT's published results."""
    runs: dict[str, dict[str, np.ndarray]] = {}
    with np.load(OTB / name) as archive:
        for key in archive.files:
            sequence, run = key.split("|")
            runs.setdefault(sequence, {})[run] = archive[key]
    return runs


def annotation(name):
    folder, _, target = name.partition("-")
    file = f"groundtruth_rect.{target}.txt" if target else "groundtruth_rect.txt"
    return read_boxes(OTB / "dataset" / folder / file, origin=1)


@needs_truth
def test_segments_start_where_the_published_runs_do():
    runs = published("tre_ivt.npz")
    del runs["ClifBar"]  # tracked on another annotation, of 329 frames
    assert len(runs) == 49
    for name, found in runs.items():
        boxes = annotation(name)[: len(found["0"])]
        starts = segment_starts(boxes, occluded_frames().get(name, []))
        assert starts == [int(first) for first in found], name
        lengths = [len(rows) for rows in found.values()]
        assert [len(boxes) - start for start in starts] == lengths, name


@needs_truth
def test_shifted_boxes_are_those_of_the_published_runs():
    runs = published("sre_ivt.npz")
    for name in ("Box", "ClifBar", "Skating2-1", "Skating2-2", "Surfer"):
        del runs[name]  # annotated anew since
    assert len(runs) == 45
    sizes = {"Jump": (416, 234)}  # the one where a box leaves the picture
    for name, found in runs.items():
        assert tuple(found) == SHIFTS
        first = annotation(name)[0]
        for shift, rows in found.items():
            box = shifted_box(first, shift, sizes.get(name, (5000, 5000)))
            np.testing.assert_array_equal(box, rows[0] - ORIGIN, f"{name} {shift}")


def boxes_of(length):
    return np.tile([10.0, 12, 20, 15], (length, 1))


def test_segments_by_hand():
    starts = segment_starts(boxes_of(57))  # the first 38 of 57 frames have 19 more after them
    assert starts == [*range(0, 38, 2), 37]
    boxes = boxes_of(57)
    boxes[0, 3], boxes[2], boxes[4, 0] = 0, np.nan, -1  # one without a height, none, one outside
    assert segment_starts(boxes)[:4] == [1, 3, 6, 8]  # of 1 3 5 6 7 8 ...: 0, 35, 70, 105 over 19
    # 19 frames are left, frame 4 to frame 22, and each is i / 19 of them.
    assert segment_starts(boxes_of(57), [[1, 4], [24, 57]]) == [*range(4, 23), 22]


def test_a_sequence_may_be_too_short_for_segments():
    assert segment_starts(boxes_of(20)) == [0] * 20
    with pytest.raises(InputError, match="no frame to start on"):
        segment_starts(boxes_of(19))


@pytest.mark.parametrize(
    ("shift", "expected"),
    [
        ("left", (48, 41, 25, 40)),  # a tenth of 25, rounded up, is 3
        ("down", (51, 45, 25, 40)),
        ("topLeft", (49, 37, 27, 44)),  # from 52 - 2.5 = 49.5, away from zero: 50, less 1
        ("bottomRight", (51, 41, 28, 44)),  # to 76 + 2.5, rounded up
        ("scale_8", (54, 45, 20, 32)),
        ("scale_11", (50, 39, 28, 44)),
    ],
)
def test_shifts_by_hand(shift, expected):
    box = np.array([51.0, 41, 25, 40])
    assert tuple(shifted_box(box, shift, (500, 500))) == expected


def test_shifted_boxes_stay_in_the_picture():
    box = np.array([1.0, 0, 40, 30])
    assert tuple(shifted_box(box, "left", (60, 50))) == (0, 0, 40, 30)
    assert tuple(shifted_box(box, "scale_12", (44, 33))) == (0, 0, 44, 33)
    edge = np.array([58.0, 10, 20, 20])
    assert tuple(shifted_box(edge, "right", (60, 50))) == (60, 10, 1, 20)
