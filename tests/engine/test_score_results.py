"""Scoring result files of small made-up benchmarks, and the command that does it."""

import json
import math
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import ROOT

from benchmarks.results import result_path, run_path, write_boxes
from benchmarks.starts import occluded_frames, segment_starts
from benchmarks.vot.supervised import score_supervised
from benchmarks.vot.trajectories import read_trajectory
from datasets.sequence import Dataset, Sequence, VOTRules
from engine.hashes import dataset_hash
from engine.scoring import facts_of_results, score_results
from ops.errors import InputError


class Annotated(Sequence):
    """A sequence without pictures."""

    def __init__(self, name, boxes, **facts):
        self.name, self.boxes = name, np.asarray(boxes, float)
        for key, value in facts.items():
            setattr(self, key, value)


BOXES = np.array([[10.0, 20.0, 40.0, 20.0]] * 30)


@pytest.fixture
def benchmark():
    sequences = [Annotated("a", BOXES[:25]), Annotated("b", BOXES)]
    return Dataset("Made-up", "test", sequences, protocols=("ope", "tre", "sre"), origin=1.0)


def test_result_files_are_in_the_benchmarks_own_coordinates(benchmark, tmp_path):
    for name, boxes in (("a", BOXES[:25]), ("b", BOXES)):
        write_boxes(result_path(tmp_path, "exact", name), boxes, origin=1)
        write_boxes(result_path(tmp_path, "shifted", name), boxes, origin=0)
    scores = score_results(benchmark, tmp_path)
    assert scores.convention == "matlab_otb"
    assert scores.means["exact"]["ao"] == 1
    assert scores.means["shifted"]["ao"] < 1
    assert list(score_results(benchmark, tmp_path, ["exact"]).trackers) == ["exact"]


@pytest.mark.parametrize("protocol", ["tre", "sre"])
def test_several_runs_a_sequence(benchmark, tmp_path, protocol):
    for sequence in benchmark.sequences:
        starts = segment_starts(sequence.boxes) if protocol == "tre" else [0] * 12
        for run, start in enumerate(starts, 1):
            boxes = sequence.boxes[start:].copy()
            boxes[-1, 0] += 500
            write_boxes(run_path(tmp_path, "t", protocol, sequence.name, run), boxes, origin=1)
    scores = score_results(benchmark, tmp_path, protocol=protocol)
    frames = {
        s.name: [len(s) - start for start in segment_starts(s.boxes)]
        if protocol == "tre"
        else [len(s)] * 12
        for s in benchmark.sequences
    }
    pooled = [1 - len(lengths) / sum(lengths) for lengths in frames.values()]
    assert math.isclose(scores.means["t"]["ao"], np.mean(pooled))
    each = [np.mean([1 - 1 / length for length in lengths]) for lengths in frames.values()]
    assert math.isclose(scores.by_run["t"]["ao"], np.mean(each))


def test_what_cannot_be_scored_is_said(benchmark, tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        score_results(benchmark, tmp_path / "none")
    write_boxes(result_path(tmp_path, "t", "a"), BOXES[:25], origin=1)
    with pytest.raises(InputError, match=r"1 of 2 results are missing in .*t, the first is b\.txt"):
        score_results(benchmark, tmp_path)
    write_boxes(result_path(tmp_path, "t", "b"), np.concatenate([BOXES, BOXES]), origin=1)
    with pytest.raises(InputError, match="t: sequence b has 60 rows for 30 frames"):
        score_results(benchmark, tmp_path)
    result_path(tmp_path, "t", "b").write_text("1:2:3:4\n")
    with pytest.raises(InputError, match=r"b\.txt, line 1: expected four numbers"):
        score_results(benchmark, tmp_path)
    with pytest.raises(InputError, match=r"protocol=baseline: Made-up has ope, tre, sre"):
        score_results(benchmark, tmp_path, protocol="baseline")
    with pytest.raises(InputError, match="convention=vot_toolkit: expected one of matlab_otb"):
        score_results(benchmark, tmp_path, convention="vot_toolkit")
    with pytest.raises(InputError, match=r"trackers=t: expected \[NAME"):
        score_results(benchmark, tmp_path, "t")
    benchmark.server = "got10k"
    with pytest.raises(InputError, match="the got10k server scores it"):
        score_results(benchmark, tmp_path)


def test_a_damaged_tracker_is_named_and_the_others_are_scored(benchmark, tmp_path):
    for tracker in ("whole", "torn", "partial"):
        for name, boxes in (("a", BOXES[:25]), ("b", BOXES)):
            write_boxes(result_path(tmp_path, tracker, name), boxes, origin=1)
    result_path(tmp_path, "torn", "a").write_text("frame,x,y,w,h\n")
    result_path(tmp_path, "partial", "b").unlink()
    (tmp_path / "logs").mkdir()
    scores = score_results(benchmark, tmp_path)
    assert scores.trackers == ("whole",)
    assert {name: reason[:24] for name, reason in scores.refused.items()} == {
        "logs": "2 of 2 results are missi",
        "partial": "1 of 2 results are missi",
        "torn": "torn/a.txt, line 1: expe",
    }


def test_runs_start_where_otb_starts_them(tmp_path):
    """Occluded frames are left out by the sequence's name."""
    boxes = np.array([[10.0 + 5 * frame, 20.0, 40.0, 20.0] for frame in range(291)])
    benchmark = Dataset("OTB", "test", [Annotated("Coke", boxes)], protocols=("tre",), origin=1.0)
    for run, start in enumerate(segment_starts(boxes, occluded_frames()["Coke"]), 1):
        write_boxes(run_path(tmp_path, "t", "tre", "Coke", run), boxes[start:], origin=1)
    assert score_results(benchmark, tmp_path).means["t"]["ao"] == 1
    assert segment_starts(boxes) != segment_starts(boxes, occluded_frames()["Coke"])


@pytest.mark.parametrize("rules", [VOTRules((2, 6)), VOTRules((2, 6), False, True, "Unconfirmed.")])
def test_the_rules_of_the_year_are_followed(tmp_path, rules):
    corners = np.tile([30, 20, 61.4, 22, 60, 37, 29, 36.3], (20, 1))
    sequence = Annotated("s", np.tile([30.0, 20, 31, 17], (20, 1)))
    sequence.polygons, sequence.picture_size = corners, (64, 48)
    benchmark = Dataset("VOT", "test", [sequence], "pysot", protocols=("baseline",), vot=rules)
    path = run_path(tmp_path, "t", "baseline", "s", 1)
    path.parent.mkdir(parents=True)
    path.write_text("1\n" + "39,20,31,17\n" * 19)
    scores = score_results(benchmark, tmp_path)
    runs = [[read_trajectory(path, 20)]]
    own = score_supervised(runs, [sequence], "pysot", (2, 6), rules.bounded, rules.legacy)
    other = score_supervised(runs, [sequence], "pysot", (2, 6), not rules.bounded, rules.legacy)
    assert scores.means["t"]["accuracy"] == own.figures["accuracy"].value()
    assert scores.means["t"]["accuracy"] != other.figures["accuracy"].value()
    assert scores.notes == ((rules.note,) if rules.note else ())


def test_facts_of_results(benchmark, tmp_path):
    for tracker in ("raw", "ours"):
        write_boxes(result_path(tmp_path, tracker, "a"), BOXES[:25])
        write_boxes(run_path(tmp_path, tracker, "tre", "a", 1), BOXES[:25])
    (tmp_path / "ours" / "made_by.json").write_text('{"weights": "best.pt", "seed": 3}')
    facts = facts_of_results(benchmark, tmp_path, ["raw", "ours"])
    assert facts["raw"]["weights"] == "not known, raw results"
    assert (facts["ours"]["weights"], facts["ours"]["seed"]) == ("best.pt", 3)
    assert facts["raw"]["results_hash"] == facts["ours"]["results_hash"]
    write_boxes(run_path(tmp_path, "raw", "tre", "a", 1), BOXES[:25] + 1)
    changed = facts_of_results(benchmark, tmp_path, ["raw"])["raw"]["results_hash"]
    assert changed != facts["raw"]["results_hash"]


def test_results_made_on_another_truth_are_told(benchmark, tmp_path):
    for name, boxes in (("a", BOXES[:25]), ("b", BOXES)):
        write_boxes(result_path(tmp_path, "ours", name), boxes, origin=1)
    made_by = tmp_path / "ours" / "made_by.json"
    made_by.write_text(json.dumps({"dataset_hash": dataset_hash(benchmark)}))
    assert score_results(benchmark, tmp_path).notes == ()
    made_on = {"dataset": "OTB-2013", "dataset_hash": "aaaa", "part": "3 of 51 sequences"}
    made_by.write_text(json.dumps(made_on))
    (note,) = score_results(benchmark, tmp_path).notes
    assert note == (
        "ours: made on another truth (OTB-2013, 3 of 51 sequences) than it is scored on "
        "(Made-up, the whole)."
    )
    facts = facts_of_results(benchmark, tmp_path, ["ours"])["ours"]
    assert (facts["dataset"], facts["scored_on"]) == ("OTB-2013", "Made-up")
    for torn in ("{", "[1]"):  # the boxes can be scored all the same
        made_by.write_text(torn)
        assert score_results(benchmark, tmp_path).notes == ()
        assert facts_of_results(benchmark, tmp_path, ["ours"])["ours"]["scored_on"] == "Made-up"


def test_a_part_of_what_an_evaluation_tracked_is_no_other_truth(benchmark, tmp_path):
    write_boxes(result_path(tmp_path, "ours", "a"), BOXES[:25], origin=1)
    made_on = {"dataset": "Made-up", "dataset_hash": dataset_hash(benchmark), "part": None}
    (tmp_path / "ours" / "made_by.json").write_text(json.dumps(made_on))
    part = Dataset("Made-up", "test", benchmark.sequences[:1], part="1 of 2", origin=1.0)
    assert score_results(part, tmp_path).notes == ()


@pytest.fixture
def folder(tmp_path, footage):
    """A folder of two sequences, with pictures as the reader of folders wants them, and results."""
    for sequence in footage.sequences[:2]:
        (tmp_path / "data" / sequence.name / "img").mkdir(parents=True)
        for index in range(len(sequence)):
            picture = tmp_path / "data" / sequence.name / "img" / f"{index:04d}.jpg"
            cv2.imwrite(str(picture), sequence.frame(index)[..., ::-1])
        truth = tmp_path / "data" / sequence.name / "groundtruth_rect.txt"
        write_boxes(truth, sequence.boxes)
        for tracker, shift in (("good", 1), ("weak", 9)):
            boxes = sequence.boxes + np.array([shift, 0, 0, 0])
            write_boxes(result_path(tmp_path / "results", tracker, sequence.name), boxes)
    return tmp_path


def test_the_command(run, folder):
    overrides = ("mode=score", "dataset=folder", "data_root=data", "results=results")
    code, out, err = run("evaluate", *overrides)
    assert code == 0, err
    assert out.index("good") < out.index("weak")
    report = json.loads((folder / "runs/score_folder/report.json").read_text())
    assert report["ranking"] == ["good", "weak"]
    assert report["convention"] == "matlab_otb"
    assert report["scores"]["good"]["success_auc"] > report["scores"]["weak"]["success_auc"]
    for name in ("report.html", "report.md", "report.tex", "curves.csv", ".hydra/config.yaml"):
        assert (folder / "runs/score_folder" / name).is_file(), name
    # Results lie elsewhere, so scoring anew needs no new name.
    code, _, err = run("evaluate", *overrides, "trackers=[weak]")
    assert code == 0, err
    report = json.loads((folder / "runs/score_folder/report.json").read_text())
    assert report["ranking"] == ["weak"]
    code, _, err = run("evaluate", *overrides, "convention=pysot", "dataset.max_frames=5")
    assert code == 1 and "rows for 5 frames" in err
    code, _, err = run("evaluate", *overrides, "convention=pysot")
    assert code == 0, err
    report = json.loads((folder / "runs/score_folder_pysot/report.json").read_text())
    assert report["convention"] == "pysot"


def test_the_command_passes_on_what_it_knows(run, folder):
    overrides = ("mode=score", "dataset=folder", "data_root=data", "results=results")
    (folder / "results" / "torn").mkdir()
    name = next((folder / "data").iterdir()).name
    code, _, err = run("evaluate", *overrides, f"dataset.sequences=[{name}]")
    assert code == 0, err
    report = json.loads((folder / "runs/score_folder/report.json").read_text())
    assert report["part"] == "1 of 2 sequences"
    assert set(report["refused"]) == {"torn"} < set(report["made_by"])
    assert report["made_by"]["good"]["scored_on_part"] == "1 of 2 sequences"
    assert "data:image/jpeg" in (folder / "runs/score_folder/report.html").read_text()
    (folder / "data" / name / "img" / "0000.jpg").write_bytes(b"")
    code, _, err = run("evaluate", *overrides, f"dataset.sequences=[{name}]")
    assert code == 0, err
    assert "data:image/jpeg" not in (folder / "runs/score_folder/report.html").read_text()
    code, _, err = run("evaluate", *overrides, "evaluation.protocol=tre")
    assert code == 1 and "protocol=tre: data has ope" in err
    # What a scoring filled is no place for an evaluation, nor are its keys an evaluation's.
    code, _, err = run("evaluate", "tracker=first_box", "dataset.count=1", "name=score_folder")
    assert code == 1 and "holds an earlier run" in err
    code, _, err = run("evaluate", "tracker=first_box", "results=results")
    assert code == 1 and "results=results: goes with mode=score" in err


def test_the_command_says_what_is_wrong(run, folder):
    overrides = ("mode=score", "dataset=folder", "data_root=data")
    code, _, err = run("evaluate", *overrides)
    assert code == 1 and "mode=score expects results=DIR" in err
    code, _, err = run("evaluate", *overrides, "results=results", "convention=otb")
    assert code == 1 and "convention=otb: expected one of matlab_otb" in err
    assert not (folder / "runs").exists()
    # The directory of another kind of run is never written over.
    (folder / "runs/mine").mkdir(parents=True)
    (folder / "runs/mine/metrics.jsonl").touch()
    code, _, err = run("evaluate", *overrides, "results=results", "name=mine")
    assert code == 1 and "holds an earlier run" in err


def test_scoring_starts_without_torch(folder, python):
    """Importing torch and torchvision costs seconds, which raw results need not pay."""
    program = (
        "import sys, runpy; sys.argv = ['evaluate.py', 'mode=score', 'dataset=folder', "
        f"'data_root={folder}/data', 'results={folder}/results', 'hydra.run.dir={folder}/out']; "
        f"runpy.run_path({str(ROOT / 'evaluate.py')!r}, run_name='__main__'); "
        "print([name for name in ('torch', 'torchvision', 'got10k') if name in sys.modules])"
    )
    done = subprocess.run(
        [python, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
    assert Path(folder, "out", "report.json").is_file()
