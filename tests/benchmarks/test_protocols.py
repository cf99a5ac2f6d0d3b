import math
from pathlib import Path

import numpy as np
import pytest

from benchmarks.protocols import (
    PROTOCOLS,
    Answer,
    Clock,
    Rules,
    Start,
    Track,
    choose_protocol,
    one_pass,
    reset_based,
)
from benchmarks.truth import Truth
from benchmarks.vot.trajectories import FAILED, SKIPPED, STARTED, TRACKED, read_trajectory
from ops.box_files import read_rows
from ops.errors import InputError

VOT = Path(__file__).resolve().parents[2].parent / "shared" / "truth" / "vot2018"


def boxes_of(length):
    return np.stack([[10.0 + i, 12, 20, 15] for i in range(length)])


def drive(steps, answer):
    """(requests, result) of a protocol that is sent answer(request) for each."""
    requests = [next(steps)]
    while True:
        try:
            requests.append(steps.send(answer(requests[-1])))
        except StopIteration as end:
            return requests, end.value


def numbered(request, seconds=0.0):
    """A box that says which frame it was found on."""
    return Answer(np.full(4, 100.0 + request.frame), seconds)


def frames(requests, kind):
    return [request.frame for request in requests if isinstance(request, kind)]


def test_one_pass_by_hand():
    requests, found = drive(one_pass(boxes_of(4)), numbered)
    assert frames(requests, Start) == [0] and frames(requests, Track) == [1, 2, 3]
    np.testing.assert_array_equal(requests[0].box, boxes_of(4)[0])
    np.testing.assert_array_equal(found[:, 0], [100, 101, 102, 103])
    requests, found = drive(one_pass(boxes_of(4), 2, np.ones(4)), numbered)
    assert frames(requests, Start) == [2] and frames(requests, Track) == [3]
    assert requests[0].box.tolist() == [1] * 4 and found[:, 0].tolist() == [102, 103]


def test_runs_of_tre_are_segments():
    sequence = Truth("a", boxes_of(57))
    runs = list(PROTOCOLS["tre"](sequence, Rules()))
    assert [run.path for run in runs] == [f"tre/a/a_{n:03d}" for n in range(1, 21)]
    assert [run.frames for run in runs] == [57 - start for start in [*range(0, 38, 2), 37]]
    requests, found = drive(runs[3].steps, numbered)
    assert len(requests) == len(found) == 51 and requests[0].frame == 6
    np.testing.assert_array_equal(requests[0].box, sequence.boxes[6])
    with pytest.raises(InputError, match="short: .*tre finds no frame"):
        list(PROTOCOLS["tre"](Truth("short", boxes_of(9)), Rules()))


def test_occluded_frames_start_no_segment():
    for name, occluded in (("Girl", True), ("other", False)):
        runs = PROTOCOLS["tre"](Truth(name, boxes_of(500)), Rules())
        starts = {next(run.steps).frame for run in runs}
        assert bool(starts & {*range(420, 443), *range(450, 469)}) != occluded


def test_runs_of_sre_start_shifted_and_see_all_frames():
    sequence = Truth("a", boxes_of(5), picture_size=(80, 60))
    runs = list(PROTOCOLS["sre"](sequence, Rules()))
    assert [run.path for run in runs] == [f"sre/a/a_{n:03d}" for n in range(1, 13)]
    starts = [drive(run.steps, numbered)[0][0] for run in runs]
    assert {start.frame for start in starts} == {0}
    assert starts[0].box.tolist() == [8, 12, 20, 15] and starts[3].box.tolist() == [10, 14, 20, 15]
    assert len({tuple(start.box) for start in starts}) == 12


def test_reset_by_hand():
    lost = {3, 10, 18}
    steps = reset_based(boxes_of(20), lambda frame, box: frame in lost, Clock())
    requests, result = drive(steps, numbered)
    assert frames(requests, Start) == [0, 8, 15]  # 18 + 5 is past the end
    assert frames(requests, Track) == [1, 2, 3, 9, 10, 16, 17, 18]
    np.testing.assert_array_equal(requests[4].box, boxes_of(20)[8])
    states = [STARTED, TRACKED, TRACKED, FAILED] + [SKIPPED] * 4
    states += [STARTED, TRACKED, FAILED] + [SKIPPED] * 4
    states += [STARTED, TRACKED, TRACKED, FAILED, SKIPPED]
    assert list(result.states) == states
    tracked = [1, 2, 9, 16, 17]
    np.testing.assert_array_equal(result.regions[tracked, 0], [101, 102, 109, 116, 117])
    assert np.isnan(np.delete(result.regions, tracked, 0)).all()


def test_failures_are_judged_on_the_box_of_their_frame():
    seen = []
    steps = reset_based(boxes_of(4), lambda *judged: seen.append(judged) or False, Clock())
    drive(steps, numbered)
    assert [(frame, box[0]) for frame, box in seen] == [(1, 101), (2, 102), (3, 103)]


def test_a_frame_without_truth_starts_nothing():
    boxes = boxes_of(12)
    boxes[5:8] = np.nan
    steps = reset_based(boxes, lambda frame, box: frame == 1, Clock())
    requests, result = drive(steps, numbered)
    assert frames(requests, Start) == [0, 8]
    assert list(result.states[2:8]) == [SKIPPED] * 6


def test_the_baseline_fails_where_nothing_of_the_polygon_is_met():
    boxes = boxes_of(12)
    x, y, w, h = boxes.T
    polygons = np.stack([x, y, x + w, y, x + w, y + h, x, y + h], 1)
    sequence = Truth("a", boxes, polygons=polygons, picture_size=(80, 60))
    found = boxes.copy()
    found[:, 0] += 19  # a column of pixels is left
    found[4, 0] += 9  # none is
    (run,) = PROTOCOLS["baseline"](sequence, Rules())
    assert run.path == "baseline/a/a_001" and run.repetition == 0
    requests, result = drive(run.steps, lambda request: Answer(found[request.frame]))
    assert frames(requests, Start) == [0, 9]
    assert result.states[4] == FAILED and (result.states[[1, 2, 3, 10, 11]] == TRACKED).all()


@pytest.mark.skipif(not VOT.is_dir(), reason="shared/truth/vot2018 is not there")
@pytest.mark.parametrize(
    ("name", "failures"), [("ball2", 0), ("leaves", 1), ("matrix", 3), ("crabs1", 9)]
)
def test_a_published_run_fails_and_starts_again_where_it_did(name, failures):
    """SiamTPN's run of VOT-2018; its boxes answer, and where it failed one that is far away."""
    polygons = read_rows(VOT / "dataset" / name / "groundtruth.txt", (8,), "corners")
    properties = (VOT / "dataset" / name / "sequence").read_text().split()
    sizes = dict(line.split("=") for line in properties if "=" in line)
    size = (int(sizes["width"]), int(sizes["height"]))
    path = VOT / "results" / "SiamTPN" / "baseline" / name / f"{name}_001.txt"
    published = read_trajectory(path, len(polygons))
    boxes = np.tile([1.0, 1, 5, 5], (len(polygons), 1))
    sequence = Truth(name, boxes, polygons=polygons, picture_size=size)
    (run,) = PROTOCOLS["baseline"](sequence, Rules())
    found = np.nan_to_num(published.regions[:, :4], nan=-1000.0)
    _, result = drive(run.steps, lambda request: Answer(found[request.frame]))
    np.testing.assert_array_equal(result.states, published.states)
    assert (result.states == FAILED).sum() == failures


def test_the_picture_bounds_the_overlap_where_the_rules_say_so():
    boxes = np.tile([70.0, 10, 20, 20], (3, 1))  # of a picture 80 wide; they meet outside it
    x, y, w, h = boxes.T
    polygons = np.stack([x, y, x + w, y, x + w, y + h, x, y + h], 1)
    sequence = Truth("a", boxes, polygons=polygons, picture_size=(80, 60))
    answer = Answer(np.array([85.0, 10, 20, 20]))
    for bounded in (True, False):
        (run,) = PROTOCOLS["baseline"](sequence, Rules(bounded=bounded))
        assert (drive(run.steps, lambda _: answer)[1].states[1] == FAILED) == bounded


def test_repetitions_are_runs_of_their_own():
    sequence = Truth("a", boxes_of(3), polygons=np.zeros((3, 8)))
    runs = list(PROTOCOLS["baseline"](sequence, Rules(repetitions=3)))
    assert [run.path for run in runs] == [f"baseline/a/a_{n:03d}" for n in (1, 2, 3)]
    assert [run.repetition for run in runs] == [0, 1, 2]


# ---------------------------------------------------------------------------- real time


def live(seconds, length, grace, lost=()):
    """(tracked frames, result) where request n takes seconds[n] intervals, the last ever after."""
    steps = reset_based(boxes_of(length), lambda frame, box: frame in lost, Clock(1.0, grace))
    counter = iter([*seconds, *[seconds[-1]] * length])
    requests, result = drive(steps, lambda request: numbered(request, next(counter)))
    return frames(requests, Track), result


@pytest.mark.parametrize(("seconds", "step"), [(0.5, 1), (1.5, 1), (2.5, 2), (3.5, 3), (6.1, 6)])
def test_how_often_a_slow_tracker_sees_a_frame(seconds, step):
    tracked, result = live([0, seconds], 20, grace=0)
    assert tracked == list(range(1, 20, step))
    seen = [1 + (frame - 1) // step * step for frame in range(1, 20)]  # whose box counts
    np.testing.assert_array_equal(result.regions[1:, 0], 100 + np.array(seen))


def test_grace_forgives_the_first_delays():
    # The start and frame 1 are forgiven. Frame 2 owes 2.5: frames 3 and 4 pass by, 0.5 is dropped.
    # Frame 5 owes 1 and frame 6 nothing, which is not more than an interval: none passes by.
    tracked, result = live([1.5, 9.0, 3.5, 2.0, 1.0, 0.1], 8, grace=2)
    assert tracked == [1, 2, 5, 6, 7]
    assert list(result.regions[1:, 0]) == [101, 102, 102, 102, 105, 106, 107]


def test_a_slow_start_lets_frames_pass_with_the_box_given():
    tracked, result = live([3.5, 0.0], 6, grace=0)
    assert tracked == [3, 4, 5]
    assert list(result.regions[1:3, 0]) == [100, 100]


def test_a_frame_that_passes_by_may_fail_and_a_start_renews_the_grace():
    # Frame 2 owes 4.5; frame 3 passes by and fails; frame 8 starts, with grace for frame 9 again.
    tracked, result = live([0.0, 7.0, 5.5, 0.0, 7.0, 2.5, 0.0], 14, grace=1, lost={3})
    assert tracked == [1, 2, 9, 10, 12, 13]
    assert result.states[3] == FAILED and result.states[8] == STARTED
    assert list(result.regions[9:, 0]) == [109, 110, 110, 112, 113]


def test_realtime_runs_at_the_stated_rate():
    boxes = boxes_of(9)
    polygons = np.tile([0.0, 0, 200, 0, 200, 200, 0, 200], (9, 1))
    sequence = Truth("a", boxes, polygons=polygons)
    rules = Rules(frames_per_second=10, grace=0)
    (run,) = PROTOCOLS["realtime"](sequence, rules)
    assert run.path == "realtime/a/a_001"
    requests, _ = drive(run.steps, lambda request: Answer(boxes[request.frame], 0.25))
    assert frames(requests, Track) == [2, 4, 6, 8]  # the start was late too
    (run,) = PROTOCOLS["baseline"](sequence, rules)
    requests, _ = drive(run.steps, lambda request: Answer(boxes[request.frame], 0.25))
    assert frames(requests, Track) == list(range(1, 9))
    assert Clock().interval == math.inf


def test_which_protocol_is_run():
    assert choose_protocol(None, ("baseline", "realtime"), "VOT-2018") == "baseline"
    assert choose_protocol("sre", ("ope", "sre"), "OTB-2015") == "sre"
    with pytest.raises(InputError, match="protocol=opee: expected one of ope, tre"):
        choose_protocol("opee", ("ope",), "LaSOT")
    with pytest.raises(InputError, match="protocol=tre: LaSOT has ope"):
        choose_protocol("tre", ("ope",), "LaSOT")
