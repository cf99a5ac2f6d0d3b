import os

import numpy as np
import pytest

from benchmarks.results import (
    read_boxes,
    read_runs,
    read_tracker,
    result_path,
    run_path,
    tracker_names,
    write_boxes,
)
from ops.errors import InputError
from ops.files import write_atomically

BOXES = np.array([[0.0, 1.25, 30.5, 40.0], [np.nan] * 4, [-3.12345, 7, 1e4, 0.00004]])


@pytest.mark.parametrize("origin", [0.0, 1.0])
def test_round_trip(tmp_path, origin):
    path = result_path(tmp_path, "tracker", "sequence")
    write_boxes(path, BOXES, origin)
    assert path == tmp_path / "tracker" / "sequence.txt"
    np.testing.assert_allclose(read_boxes(path, origin), BOXES, rtol=0, atol=0.5e-4 + 1e-9)


def test_written_form(tmp_path):
    write_boxes(tmp_path / "a.txt", BOXES[:2], origin=1)
    assert (tmp_path / "a.txt").read_bytes() == b"1.0000,2.2500,30.5000,40.0000\nnan,nan,nan,nan\n"
    write_boxes(tmp_path / "none.txt", np.empty((0, 4)))
    assert read_boxes(tmp_path / "none.txt").shape == (0, 4)


@pytest.mark.parametrize(
    "text",
    [
        "1,2,3,4\n5,6,7,8",
        "1\t2\t3\t4\n5\t6\t7\t8\n",
        "  1 2  3 4 \r\n 5 6 7 8\r\n\r\n",
        "1;2;3;4\n5; 6 ;7;8\n",
        "\ufeff1, 2, 3, 4\n5e0,6.0,7,8\n",
    ],
)
def test_separators(tmp_path, text):
    (tmp_path / "a.txt").write_bytes(text.encode())
    assert read_boxes(tmp_path / "a.txt").tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]


@pytest.mark.parametrize(
    "line", ["1,2,3", "1,2,3,4,5", "", "1,,3,4", "a,b,c,d", "1,2,3,4x", "1.5,2,3,"]
)
def test_a_malformed_line_is_named(tmp_path, line):
    (tmp_path / "a.txt").write_text(f"1,2,3,4\n{line}\n5,6,7,8\n")
    with pytest.raises(InputError, match=r"a\.txt, line 2: expected four numbers x,y,w,h"):
        read_boxes(tmp_path / "a.txt")


def test_bytes_that_are_no_text_are_an_input_error(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"1,2,3,4\n\xff\xfe\x00\x81\n")
    with pytest.raises(InputError, match="line 2"):
        read_boxes(tmp_path / "a.txt")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"absent\.txt: cannot be read"):
        read_boxes(tmp_path / "absent.txt")


def test_read_a_tracker(tmp_path):
    for tracker in ("b", "a"):
        for sequence in ("s1", "s2"):
            write_boxes(result_path(tmp_path, tracker, sequence), BOXES[:1], origin=1)
    (tmp_path / ".cache").mkdir()
    assert tracker_names(tmp_path) == ["a", "b"]
    found = read_tracker(tmp_path, "a", ["s2"], origin=1)
    assert list(found) == ["s2"]
    np.testing.assert_array_equal(found["s2"], BOXES[:1])


def test_read_what_the_got10k_toolkit_writes(tmp_path):
    write_boxes(tmp_path / "t" / "s" / "s_001.txt", BOXES[:1])
    assert len(read_tracker(tmp_path, "t", ["s"])["s"]) == 1
    write_boxes(tmp_path / "t" / "s" / "s_002.txt", BOXES[:1])
    with pytest.raises(InputError, match="2 repetitions, which the got10k toolkit pools"):
        read_tracker(tmp_path, "t", ["s"])


def test_infinite_numbers_are_nan(tmp_path):
    path = result_path(tmp_path, "t", "s")
    path.parent.mkdir()
    path.write_text("1,2,inf,4\n")
    np.testing.assert_array_equal(read_tracker(tmp_path, "t", ["s"])["s"], [[1, 2, np.nan, 4]])


def test_read_runs(tmp_path):
    for run in (1, 2):
        write_boxes(run_path(tmp_path, "a", "tre", "s", run), BOXES[:run])
    assert (tmp_path / "a" / "tre" / "s" / "s_002.txt").is_file()
    assert [len(boxes) for boxes in read_runs(tmp_path, "a", "tre", {"s": 2})["s"]] == [1, 2]
    with pytest.raises(InputError, match=r"1 of 3 .* in .*/a, the first is tre/s/s_003\.txt"):
        read_runs(tmp_path, "a", "tre", {"s": 3})


def test_it_is_said_what_is_missing(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        tracker_names(tmp_path / "none")
    with pytest.raises(InputError, match="holds no TRACKER/SEQUENCE"):
        tracker_names(tmp_path)
    write_boxes(result_path(tmp_path, "a", "s1"), BOXES)
    with pytest.raises(InputError, match=r"1 of 2 .* missing in .*/a, the first is s2\.txt"):
        read_tracker(tmp_path, "a", ["s1", "s2"])
    with pytest.raises(InputError, match="looks like one tracker's own folder"):
        tracker_names(tmp_path / "a")
    write_boxes(tmp_path / "rows" / "baseline" / "s1.txt", BOXES)  # a tracker of this name
    assert tracker_names(tmp_path / "rows") == ["baseline"]
    write_boxes(tmp_path / "vot" / "baseline" / "s1" / "s1_001.txt", BOXES)
    with pytest.raises(InputError, match="looks like one tracker's own folder"):
        tracker_names(tmp_path / "vot")
    result_path(tmp_path, "a", "s1").write_text("")
    with pytest.raises(InputError, match=r"s1\.txt: empty"):
        read_tracker(tmp_path, "a", ["s1"])


def test_a_write_that_is_cut_off_leaves_the_old_file_alone(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    write_atomically(path, "old")

    def fail(source, destination):
        raise OSError("the disk is gone")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="gone"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]
