"""The yardstick's rows, how they are done, gathered and told; and how OpenCV's trackers are run."""

import hashlib
import json
import signal
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import Recorded, sliding
from hydra.core.override_parser.overrides_parser import OverridesParser
from yardstick_report import REPORT

from benchmarks.results import write_boxes
from datasets.folder import folder
from ops.box_files import read_boxes
from ops.boxes import overlap
from ops.errors import InputError
from tools import opencv_trackers, yardstick
from tools.yardstick import Row, Yardstick, arguments, quoted, rows_of
from tools.yardstick_table import tables

LENGTHS = {"a": 6, "b": 9}
# What a row's command does here: a box `off` pixels beside the truth, a line a start.
FAKE = f"""
import pathlib, sys
sys.path.insert(0, {str(yardstick.ROOT)!r})
from benchmarks.results import write_boxes
from ops.box_files import read_boxes
data, run, name, off = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), *sys.argv[3:]
with open(run / "starts.txt", "a") as file:
    file.write("started\\n")
if off == "fails":
    print("error: no such thing", file=sys.stderr)
    sys.exit(1)
for path in data.glob("*/groundtruth_rect.txt"):
    boxes = read_boxes(path) + [float(off), 0, 0, 0]
    write_boxes(run / "results" / name / (path.parent.name + ".txt"), boxes)
"""


def write_footage(root: Path, seed: int = 0) -> Path:
    for name, length in LENGTHS.items():
        sequence = sliding(name, length, (96, 72), seed=seed, step=(2.0 + seed, 1.0))
        (root / name / "img").mkdir(parents=True)
        for index, frame in enumerate(sequence.frames):
            picture = cv2.cvtColor(frame, cv2.COLOR_RGB2BGR)
            cv2.imwrite(str(root / name / "img" / f"{index:04d}.png"), picture)
        write_boxes(root / name / "groundtruth_rect.txt", sequence.boxes)
    return root


@pytest.fixture
def data(tmp_path):
    return write_footage(tmp_path / "data")


@pytest.fixture
def stick(data, tmp_path):
    return Yardstick(folder(data), data, tmp_path / "it's, a=b")


def fake(stick, name, off, **asked):
    run = stick.runs / "rows" / name
    command = [sys.executable, "-c", FAKE, str(stick.data_root), str(run), name, str(off)]
    return Row(name, stick._asked([name], None) | asked, command)


def starts(stick, name):
    return (stick.runs / "rows" / name / "starts.txt").read_text().count("\n")


def given(data, *options):
    return arguments().parse_args([str(data), *map(str, options)])


def test_rows_are_done_once_gathered_and_scored_together(stick):
    rows = [fake(stick, "off", 10), fake(stick, "exact", 0), fake(stick, "broken", "fails")]
    failed = stick.do(rows, jobs=2)
    assert failed == {"broken": "error: no such thing"}
    assert not (stick.runs / "results" / "broken").exists()
    report = stick.score()
    assert report["ranking"] == ["exact", "off"]
    assert report["convention"] == "matlab_otb"
    # Beside the first frame, which is the truth's: boxes of 20 x 24 moved by 10 overlap by
    # 10 / 30, which is more than 7 of the 21 thresholds 0, 0.05, ... 1; a full overlap than 20.
    assert report["scores"]["exact"]["success_auc"] == pytest.approx(20 / 21)
    off = {name: (20 + 7 * (length - 1)) / length / 21 for name, length in LENGTHS.items()}
    for name, expected in off.items():
        found = report["per_sequence"]["off"][name]["success_auc"]
        assert found == pytest.approx(expected)
    paired = [(pair["tracker"], pair["reference"]) for pair in report["paired"]]
    assert paired in ([("off", "exact")], [("exact", "off")])

    lines = [line.strip("|").split("|") for line in tables(report).splitlines() if line[:1] == "|"]
    cells = [[cell.strip() for cell in line] for line in lines]
    assert [row[0].strip(":-") for row in cells] == (
        ["tracker", "", "exact", "off", "sequence", "", "a", "b"]
    )
    assert cells[2][1:4] == ["0.952", "0.952 to 0.952", "1.000"]
    assert cells[3][1] == f"{(off['a'] + off['b']) / 2:.3f}"
    assert cells[4] == ["sequence", "frames", "exact", "off"]
    assert cells[6] == ["a", "6", "0.952", f"{off['a']:.3f}"]

    before = {name: starts(stick, name) for name in ("off", "exact", "broken")}
    assert before == {"off": 1, "exact": 1, "broken": 1}
    assert not stick.do([*rows[:2], fake(stick, "more", 1)], jobs=1)
    assert {name: starts(stick, name) for name in before} == before
    assert starts(stick, "more") == 1
    gathered = {path.relative_to(stick.runs).as_posix() for path in stick.runs.glob("results/*/*")}
    assert gathered == {
        f"results/{row}/{name}.txt" for row in ("off", "exact", "more") for name in LENGTHS
    }


def test_an_interrupted_row_is_ended(stick, monkeypatch):
    run = stick.runs / "rows" / "slow"
    script = f"import os, time; open({str(run / 'pid')!r}, 'w').write('x'); time.sleep(60)"
    started = []

    def interrupted(_):
        while not (run / "pid").exists():
            sleep(0.01)
        raise KeyboardInterrupt

    def start(row, jobs, really=Yardstick._start):
        started.append(really(stick, row, jobs))
        return started[-1]

    sleep = time.sleep
    monkeypatch.setattr(yardstick.time, "sleep", interrupted)
    monkeypatch.setattr(Yardstick, "_start", lambda self, *row: start(*row))
    with pytest.raises(KeyboardInterrupt):
        stick.do([Row("slow", {}, [sys.executable, "-c", script])], 1)
    assert started[0].returncode == -signal.SIGTERM
    assert not (stick.runs / "results").exists()


def test_other_footage_and_another_file_under_the_same_name_are_refused(stick, tmp_path):
    assert not stick.do([fake(stick, "one", 0, weights="1" * 16)], 1)
    stick.check([fake(stick, "one", 0, weights="1" * 16), fake(stick, "two", 0)])
    with pytest.raises(InputError, match="one was made with other weights than are given for one"):
        stick.check([fake(stick, "one", 0, weights="2" * 16)])
    other = write_footage(tmp_path / "other", seed=1)
    with pytest.raises(InputError, match="rows of other footage"):
        Yardstick(folder(other), other, stick.runs).check([])


def test_the_rows_that_are_asked_for(stick, data, tmp_path):
    rows = rows_of(stick, given(data))
    assert [row.name for row in rows] == ["first_box", "cacf_pixels"]
    weights = tmp_path / "weights.pt"
    weights.write_bytes(b"one")
    options = ("--backbone", weights, "--checkpoint", f"mine={weights}", "--opencv", sys.executable)
    every = rows_of(stick, given(data, *options))
    names = ["first_box", "KCF", "MIL", "CSRT", "cacf_pixels", "cacf_mobilenet_v2"]
    assert [row.name for row in every] == [*names, "mine"]
    weights.write_bytes(b"two")
    changed = rows_of(stick, given(data, *options))
    differ = [one.name for one, two in zip(every, changed, strict=True) if one.asked != two.asked]
    assert differ == [names[-1], "mine"]


def test_a_row_of_any_settings(stick, data, tmp_path):
    weights = tmp_path / "some weights.pt"
    weights.write_bytes(b"one")
    text = f"tuned=tracker=cacf 'backbone.weights={weights}' 'backbone.outputs=[conv2, conv3]'"
    row = rows_of(stick, given(data, "--row", text, "--row", "other=checkpoint=rar"))[-2]
    said = ["tracker=cacf", "backbone.outputs=[conv2, conv3]"]
    assert (row.name, row.asked["settings"]) == ("tuned", said)
    assert row.asked["weights"] == hashlib.sha256(b"one").hexdigest()[:16]
    assert {*said, quoted("backbone.weights", weights)} < {*row.command}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--backbone", "gone.pt"], "--backbone: no such file, gone.pt"),
        (["--checkpoint", "mine=gone.pt"], "--checkpoint mine: no such file, gone.pt"),
        (["--checkpoint", "mine"], "--checkpoint mine: expected NAME="),
        (["--checkpoint", "../up=gone.pt"], "expected NAME="),
        (["--row", "tracker=first_box", "--row", "tracker=cacf"], "a NAME of its own"),
        (["--checkpoint", "first_box=gone.pt"], "a NAME of its own"),
        (["--opencv", "no-such-python"], "--opencv no-such-python: no such program"),
    ],
)
def test_what_is_not_there_is_told_in_a_line(stick, data, options, words):
    with pytest.raises(InputError, match=words):
        rows_of(stick, given(data, *options))


@pytest.mark.parametrize(
    "path",
    ["/a/b", "/it's, a=b (1)", "/a b/[c]{d}:e", r"/back\slash", r"/both\'of", "/\"two\" 'one'"],
)
def test_any_path_reaches_the_command(path):
    override = OverridesParser.create().parse_override(quoted("data_root", path))
    assert override.value() == path
    assert not override.is_sweep_override()


def test_rows_run_through_the_real_command(stick, data, run):
    for row in rows_of(stick, given(data)):
        code, _, told = run("evaluate", *row.command[2:], "device=cpu")
        assert code == 0, told
        stick._gather(row.name)
    report = stick.score()
    assert set(report["ranking"]) == {"first_box", "cacf_pixels"}
    first = read_boxes(data / "a" / "groundtruth_rect.txt")[:1]
    kept = read_boxes(stick.runs / "results" / "first_box" / "a.txt")
    np.testing.assert_array_equal(kept, np.repeat(first, 6, 0))


def test_what_is_left_out_is_said(data, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(Yardstick, "do", lambda self, rows, jobs: {"first_box": "fell over"})
    monkeypatch.setattr(Yardstick, "score", lambda self: json.loads(REPORT))
    monkeypatch.setattr(sys, "argv", ["yardstick.py", str(data), "--runs", str(tmp_path / "runs")])
    with pytest.raises(SystemExit) as stop:
        yardstick.main()
    assert stop.value.code == "error: first_box: fell over"
    told = capsys.readouterr().out
    assert "KCF, MIL, CSRT: left out" in told and "opencv-contrib-python" in told
    assert "cacf on MobileNetV2: left out" in told
    assert (tmp_path / "runs" / "table.md").read_text() in told


class Scripted:
    """Stands for an OpenCV tracker: says what it is told to, and keeps what it was given."""

    def __init__(self, answers):
        self.answers, self.shown = list(answers), []

    def init(self, image, box):
        self.started = box
        self.shown.append(image)

    def update(self, image):
        self.shown.append(image)
        answer = self.answers.pop(0)
        if answer == "raises":
            raise cv2.error("an assertion of its own")
        return answer


def test_opencv_trackers_keep_the_last_box_where_they_fail():
    red = np.zeros((40, 60, 3), np.uint8)
    red[..., 0] = 255
    boxes = [[1.25, 2.5, 10.75, 8.0]] * 5
    tracker = Scripted(
        [(True, (3, 4, 10, 8)), (False, (0, 0, 0, 0)), "raises", (True, (5, 4, 9, 8))]
    )
    found, failed = opencv_trackers.track(tracker, Recorded("a", [red] * 5, boxes))
    assert found.tolist() == [boxes[0], *[[3, 4, 10, 8]] * 3, [5, 4, 9, 8]]
    assert failed == 2
    assert tracker.started == (1, 2, 11, 8)
    assert all(image[0, 0].tolist() == [0, 0, 255] for image in tracker.shown)  # blue first
    with pytest.raises(InputError, match="a: first box .* is no place to start from"):
        opencv_trackers.track(tracker, Recorded("a", [red], [[70.0, 2, 10, 8]]))


@pytest.mark.parametrize(
    ("box", "whole"),
    [
        ([10.4, 10.6, 5.5, 6.5], (10, 11, 6, 6)),
        ([-3.0, -2.0, 10.0, 10.0], (0, 0, 7, 8)),
        ([55.0, 35.0, 10.0, 10.0], (55, 35, 5, 5)),
        ([59.7, 39.8, 10.0, 10.0], (59, 39, 1, 1)),
        ([20.0, 20.0, 0.3, 0.2], (20, 20, 1, 1)),
    ],
)
def test_first_boxes_are_rounded_and_cut_to_the_picture(box, whole):
    assert opencv_trackers.whole_box(np.array(box), 60, 40) == whole


def test_an_opencv_without_the_tracker_is_told(monkeypatch):
    monkeypatch.delattr(cv2, "TrackerKCF_create", raising=False)
    with pytest.raises(InputError, match="no TrackerKCF_create: expected an environment with"):
        opencv_trackers.find_tracker("KCF")


@pytest.mark.skipif(not hasattr(cv2, "TrackerMIL_create"), reason="this OpenCV has no MIL")
def test_mil_runs_as_a_row_and_draws_the_same_after_an_interruption(stick, data):
    row = stick.of_opencv("MIL", sys.executable)
    assert not stick.do([row], 1)
    truth = read_boxes(data / "b" / "groundtruth_rect.txt")
    found = {name: read_boxes(stick.runs / "results" / "MIL" / f"{name}.txt") for name in LENGTHS}
    assert overlap(found["b"], truth).min() > 0.4
    out = stick.runs / "rows" / "MIL" / "results"
    (out / "MIL" / "b.txt").unlink()
    told = []
    opencv_trackers.track_folder(data, out, "MIL", tell=told.append)
    assert told == ["MIL b: 9 frames"]
    np.testing.assert_array_equal(read_boxes(out / "MIL" / "b.txt"), found["b"])
    others, _ = opencv_trackers.track_apart("MIL", folder(data).by_name["b"], seed=1)
    assert not np.array_equal(others, found["b"])
    with pytest.raises(InputError, match="another OpenCV or seed"):
        opencv_trackers.track_folder(data, out, "MIL", seed=1)
