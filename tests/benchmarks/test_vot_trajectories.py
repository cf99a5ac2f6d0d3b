import numpy as np
import pytest

from benchmarks.results import run_path
from benchmarks.vot.trajectories import (
    FAILED,
    SKIPPED,
    STARTED,
    TRACKED,
    Trajectory,
    find_results,
    read_trajectory,
    write_trajectory,
)
from ops.errors import InputError


def read(tmp_path, text, length):
    path = tmp_path / "bag_001.txt"
    path.write_text(text)
    return read_trajectory(path, length)


def test_reads_what_is_published(tmp_path):
    text = "1.0000\n1.5,2,3,4.25\nnan,nan,nan,nan\n2\n0\n0.0\n0\n0\n1\r\n1,2,3,4,5,6,7,8.5\n\n"
    trajectory = read(tmp_path, text, 10)
    states = [STARTED, TRACKED, TRACKED, FAILED, *[SKIPPED] * 4, STARTED, TRACKED]
    assert trajectory.states.tolist() == states
    expected = np.full((10, 8), np.nan)
    expected[1, :4] = 1.5, 2, 3, 4.25
    expected[9] = 1, 2, 3, 4, 5, 6, 7, 8.5
    np.testing.assert_array_equal(trajectory.regions, expected)
    assert len(trajectory) == 10


def test_reads_what_it_writes(tmp_path):
    regions = np.full((5, 8), np.nan)
    regions[1, :4] = 1.00004, -2.5, 3, 4
    regions[2] = np.arange(8) / 3
    written = Trajectory(np.array([STARTED, TRACKED, TRACKED, TRACKED, FAILED], np.int8), regions)
    path = run_path(tmp_path, "ours", "baseline", "bag", 2)
    write_trajectory(path, written)
    assert path == tmp_path / "ours" / "baseline" / "bag" / "bag_002.txt"
    assert path.read_text().splitlines()[:2] == ["1", "1.0000,-2.5000,3.0000,4.0000"]
    found = read_trajectory(path, 5)
    np.testing.assert_array_equal(found.states, written.states)
    np.testing.assert_array_equal(found.regions, regions.round(4))


@pytest.mark.parametrize(
    "text, message",
    [
        ("1\n1,2,3\n", r"bag_001.txt, line 2: expected 0, 1, 2, x,y,width,height or .*'1,2,3'"),
        ("1\n1,2,3,4,5,6,7,8,9\n", "line 2: expected"),
        ("1\n1,2,x,4\n", "line 2: expected"),
        ("1\n3\n", "line 2: expected"),
        ("1\n0.5\n", "line 2: expected"),
        ("nan\n1,2,3,4\n", "line 1: expected"),
        ("\n1,2,3,4\n", "line 1: expected"),
        ("1\n", "1 lines; the sequence has 2 frames"),
        ("1\n1,2,3,4\n1,2,3,4\n", "3 lines; the sequence has 2 frames"),
        ("", "0 lines; the sequence has 2 frames"),
        ("1,2,3,4\n1,2,3,4\n", "line 1: expected 1, a start"),
        ("0\n2\n", "line 2: expected 1, a start"),
        ("1\n1\n", r"line 2: a start \(1\) without a failure"),
        ("1\n2\n2\n", "line 3: expected 1, a start, after the failure"),
        ("1\n2\n0\n1,2,3,4\n", "line 4: expected 1, a start, after the failure"),
        ("0\n0\n", "only 0, skipped frames"),
        ("1\n2\n0\n0\n0\n1\n", "line 6: a start less than 5 lines after a failure"),
    ],
)
def test_says_what_is_wrong(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read(tmp_path, text, text.count("\n") if "2\n" in text[2:] else 2)


def test_says_that_there_is_no_file(tmp_path):
    with pytest.raises(InputError, match="bag_001.txt: cannot be read"):
        read_trajectory(tmp_path / "bag_001.txt", 3)


def test_finds_repetitions_in_order(tmp_path):
    for number in (2, 1, 3):
        path = run_path(tmp_path, "ours", "realtime", "bag", number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    path.with_name("bag_time.txt").touch()
    path.with_name("bag_001_confidence.txt").touch()
    found = find_results(tmp_path, "ours", "realtime", "bag")
    assert [path.name for path in found] == ["bag_001.txt", "bag_002.txt", "bag_003.txt"]
    found[1].unlink()
    with pytest.raises(InputError, match=r"bag_002.txt: no such file.*repetition 2"):
        find_results(tmp_path, "ours", "realtime", "bag")
    with pytest.raises(InputError, match=r"baseline/bag/bag_001.txt: no such file"):
        find_results(tmp_path, "ours", "baseline", "bag")
    with pytest.raises(InputError, match="experiment=longterm: expected one of baseline, realtime"):
        find_results(tmp_path, "ours", "longterm", "bag")
