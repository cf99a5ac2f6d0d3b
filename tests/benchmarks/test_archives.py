import zipfile

import numpy as np
import pytest

from benchmarks.archives import write_archive
from benchmarks.results import result_path, write_boxes
from ops.errors import InputError

FRAMES = {"b": 3, "a": 2}
FIRST = {"a": np.array([0.25, 1, 2, 3]), "b": np.array([10.25, 11, 12, 13])}

TIMES = {"a": np.array([0.5, 0.01]), "b": np.array([0.25, 1 / 3, 0])}


@pytest.fixture
def results(tmp_path):
    """RESULTS/mine/a.txt and b.txt, in which coordinates count up from the first box."""
    for name, frames in FRAMES.items():
        boxes = FIRST[name] + np.arange(frames)[:, None] / 3
        write_boxes(result_path(tmp_path / "results", "mine", name), boxes)
    return tmp_path / "results"


def read(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_trackingnet_is_flat_and_has_no_times(results, tmp_path):
    path = tmp_path / "new" / "archive.zip"
    write_archive("trackingnet", results, "mine", FRAMES, path, TIMES, FIRST)
    assert read(path) == {
        "a.txt": "0.250,1.000,2.000,3.000\n0.583,1.333,2.333,3.333\n",
        "b.txt": "10.250,11.000,12.000,13.000\n10.583,11.333,12.333,13.333\n"
        "10.917,11.667,12.667,13.667\n",
    }


def test_got10k_has_a_folder_for_each_sequence(results, tmp_path):
    write_archive("got10k", results, "mine", FRAMES, tmp_path / "a.zip", TIMES, FIRST)
    found = read(tmp_path / "a.zip")
    assert list(found) == ["a/a_001.txt", "a/a_time.txt", "b/b_001.txt", "b/b_time.txt"]
    assert found["a/a_001.txt"] == "0.250,1.000,2.000,3.000\n0.583,1.333,2.333,3.333\n"
    assert found["b/b_time.txt"] == "0.25000000\n0.33333333\n0.00000000\n"


def test_got10k_is_what_its_toolkit_writes(results, tmp_path, monkeypatch):
    reason = "the got10k toolkit wants six"
    experiments = pytest.importorskip("got10k.experiments", reason=reason)
    write_archive("got10k", results, "mine", FRAMES, tmp_path / "ours.zip", TIMES, FIRST)
    (tmp_path / "data" / "test").mkdir(parents=True)
    for name in FRAMES:
        (tmp_path / "data" / "test" / name).mkdir()
    (tmp_path / "data" / "test" / "list.txt").write_text("a\nb\n")
    monkeypatch.chdir(tmp_path)
    experiment = experiments.ExperimentGOT10k("data", "test", "toolkit", "reports")
    for name in FRAMES:
        boxes = np.loadtxt(result_path(results, "mine", name), delimiter=",")
        record = f"{experiment.result_dir}/mine/{name}/{name}_001.txt"
        experiment._record(record, boxes, TIMES[name])
    experiment.report(["mine"])
    theirs = read(tmp_path / "toolkit" / "GOT-10k" / "mine.zip")
    files = {name: text for name, text in theirs.items() if not name.endswith("/")}
    assert read(tmp_path / "ours.zip") == files


def test_no_times_no_time_files(results, tmp_path):
    write_archive("got10k", results, "mine", FRAMES, tmp_path / "a.zip")
    assert list(read(tmp_path / "a.zip")) == ["a/a_001.txt", "b/b_001.txt"]


def test_same_results_same_bytes(results, tmp_path):
    archives = []
    for frames in (FRAMES, dict(reversed(FRAMES.items()))):
        write_archive("got10k", results, "mine", frames, tmp_path / "a.zip")
        archives.append((tmp_path / "a.zip").read_bytes())
    assert archives[0] == archives[1]
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({1: "1,2,3"}, r"b\.txt, line 2: expected four numbers"),
        ({2: "nan,nan,nan,nan"}, "mine, b, line 3: expected finite"),
        ({1: "inf,1,2,3"}, "mine, b, line 2: expected finite"),
        ({1: "1,2,0,4"}, "mine, b, line 2: .*found 1,2,0,4"),
        ({2: "1,2,3,-4"}, "mine, b, line 3: .*found 1,2,3,-4"),
        ({1: "1,2,0.0004,4"}, "mine, b, line 2: .*after rounding"),
        ({0: "11.25,12,12,13"}, "mine, b, line 1: expected the first box 10.25,11,12,13, found"),
        ({0: "10.25,11,12,14"}, "mine, b, line 1: expected the first box"),
        ({2: ""}, "mine, b, line 3: 2 rows for 3 frames"),
        ({2: "1,2,3,4\n1,2,3,4"}, "mine, b, line 4: 4 rows for 3 frames"),
        (None, "1 of 2 results are missing in .*mine, the first is b.txt"),
    ],
)
@pytest.mark.parametrize("server", ["got10k", "trackingnet"])
def test_a_wrong_result_leaves_no_archive(results, tmp_path, server, change, words):
    path = result_path(results, "mine", "b")
    lines = path.read_text().splitlines()
    for number, line in (change or {}).items():
        lines[number] = line
    path.write_text("\n".join(lines)) if change else path.unlink()
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match=words) as caught:
        write_archive(
            server, results, "mine", FRAMES, tmp_path / "out" / "a.zip", first_boxes=FIRST
        )
    assert "\n" not in str(caught.value)
    assert not list((tmp_path / "out").iterdir())


def test_a_first_box_of_whole_pixels_passes(results, tmp_path):
    path = result_path(results, "mine", "b")
    path.write_text("10,11,12,13\n10,11,12,13\n10,11,12,13\n")
    write_archive("trackingnet", results, "mine", FRAMES, tmp_path / "a.zip", first_boxes=FIRST)
    assert read(tmp_path / "a.zip")["b.txt"] == "10.000,11.000,12.000,13.000\n" * 3


@pytest.mark.parametrize(
    ("times", "words"),
    [
        ({"b": [1, 1, 1]}, "mine, a: no times, expected 2 of them"),
        ({"a": [1, 1, 1], "b": [1, 1, 1]}, r"mine, a: times of shape \(3,\) for 2 frames"),
        ({"a": [1, -1], "b": [1, 1, 1]}, "mine, a, time 2: expected seconds, found -1"),
        ({"a": [np.nan, 1], "b": [1, 1, 1]}, "mine, a, time 1: expected seconds, found nan"),
    ],
)
def test_wrong_times(results, tmp_path, times, words):
    with pytest.raises(InputError, match=words):
        write_archive("got10k", results, "mine", FRAMES, tmp_path / "a.zip", times)
    assert not (tmp_path / "a.zip").exists()


def test_a_failed_write_keeps_the_old_archive(results, tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    path = tmp_path / "out" / "a.zip"
    path.write_bytes(b"old")

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(zipfile.ZipFile, "writestr", fail)
    with pytest.raises(OSError, match="disk full"):
        write_archive("got10k", results, "mine", FRAMES, path)
    assert path.read_bytes() == b"old" and list(path.parent.iterdir()) == [path]


def test_unknown_server(results, tmp_path):
    with pytest.raises(InputError, match="server=vot: expected one of got10k, trackingnet"):
        write_archive("vot", results, "mine", FRAMES, tmp_path / "a.zip")
