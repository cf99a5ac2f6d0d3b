"""The commands from end to end, in this process: what they say, what they leave behind."""

import json
import os
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
import torch
from conftest import ROOT, sliding
from omegaconf import OmegaConf

sys.path.insert(0, str(ROOT))

CACF = ["tracker=cacf", "tracker.input_size=63", "device=cpu"]
TINY_RAR = (
    "backbone=resnet18 backbone.outputs=[conv2] head.stride=4 head.hidden_channels=4 head.width=8 "
    "head.out_channels=4 tracker.input_size=63 device=cpu"
).split()


@pytest.fixture
def data(tmp_path):
    """A folder dataset of three sequences."""
    root = tmp_path / "data"
    for number in range(3):
        sequence = sliding(f"s{number}", 8 + 2 * number, (120, 90), seed=number)
        images = root / sequence.name / "img"
        images.mkdir(parents=True)
        for index in range(len(sequence)):
            picture = cv2.cvtColor(sequence.frame(index), cv2.COLOR_RGB2BGR)
            cv2.imwrite(str(images / f"{index:04d}.jpg"), picture)
        np.savetxt(root / sequence.name / "groundtruth_rect.txt", sequence.boxes, delimiter=",")
    return root


def test_evaluation_writes_results_and_a_report(run, data, tmp_path):
    out = tmp_path / "out"
    arguments = [*CACF, "dataset=folder", f"data_root={data}", f"hydra.run.dir={out}"]
    code, text, _ = run("evaluate", *arguments, "dataset.max_frames=6", "dataset.sequences=[s0,s2]")
    assert code == 0 and "cacf" in text and "report.html" in text
    report = json.loads((out / "report.json").read_text())
    assert report["scores"]["cacf"]["success_auc"] > 0.7
    assert report["convention"] == "matlab_otb" and set(report["per_sequence"]["cacf"]) == {
        "s0",
        "s2",
    }
    assert report["made_by"]["cacf"]["part"] == "2 of 3 sequences, at most 6 frames of each"
    assert "2 of 3 sequences" in (out / "report.html").read_text()
    assert len(np.loadtxt(out / "results" / "cacf" / "s2.txt", delimiter=",")) == 6
    assert (out / ".hydra" / "overrides.yaml").exists()

    code, _, error = run("evaluate", *arguments)
    assert code == 1 and "resume=true" in error
    code, _, error = run("evaluate", *arguments, "resume=true")
    assert code == 1 and "another make (dataset_hash, part differ)" in error


def test_a_killed_evaluation_goes_on(data, tmp_path, run, python):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    arguments = [*CACF, "dataset=synthetic", "dataset.count=6", "dataset.length=60",
                 "evaluation.batch_size=2"]  # fmt: skip
    assert run("evaluate", *arguments, f"hydra.run.dir={whole}")[0] == 0
    process = subprocess.Popen(
        [python, str(ROOT / "evaluate.py"), *arguments, f"hydra.run.dir={broken}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    results = broken / "results" / "cacf"
    while len(list(results.glob("test_*.txt"))) < 2:
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    done = {path.name: path.stat().st_mtime_ns for path in results.glob("test_*.txt")}
    assert 2 <= len(done) < 6 and not (broken / "report.json").exists()
    assert run("evaluate", *arguments, f"hydra.run.dir={broken}", "resume=true")[0] == 0
    for name, time_stamp in done.items():
        assert (results / name).stat().st_mtime_ns == time_stamp
    for path in (whole / "results" / "cacf").glob("test_*.txt"):
        np.testing.assert_allclose(
            np.loadtxt(path, delimiter=","),
            np.loadtxt(results / path.name, delimiter=","),
            atol=0.02,
        )
    scores = [json.loads((d / "report.json").read_text())["scores"] for d in (whole, broken)]
    assert scores[0]["cacf"] == pytest.approx(scores[1]["cacf"], abs=1e-6)


def test_training_then_its_checkpoint_in_every_command(run, data, tmp_path):
    directory = tmp_path / "runs" / "small"
    code, text, _ = run(
        "train", *TINY_RAR, "dataset=folder", f"data_root={data}", "name=small",
        "trainer.max_steps=2", "trainer.batch_size=2", "trainer.workers=0",
        "trainer.validate=false", "evaluate_after=true", "test_dataset.count=2",
        "test_dataset.length=5", "baselines=[first_box,untrained]",
    )  # fmt: skip
    assert code == 0 and "rar_untrained" in text and "first_box" in text
    assert "on cpu, steps 0 to 2, in float32" in (directory / "train.log").read_text()
    report = json.loads((directory / "report.json").read_text())
    assert set(report["scores"]) == {"rar", "rar_untrained", "first_box"}
    assert report["made_by"]["rar_untrained"]["weights"] == "untrained"
    checkpoint = directory / "checkpoints" / "last.pt"
    assert report["made_by"]["rar"]["weights"].endswith("last.pt, step 2")

    folder = ["dataset=folder", f"data_root={data}", f"checkpoint={checkpoint}", "device=cpu"]
    assert run("evaluate", *folder, "tracking.scales=1")[0] == 0
    made = json.loads((tmp_path / "runs/evaluate_small_on_folder/report.json").read_text())[
        "made_by"
    ]
    assert made["rar"]["config"]["tracking"]["scales"] == 1
    assert made["rar"]["config"]["head"]["width"] == 8

    for refused, words in {
        "head.width=16": "head.width=8, not 16",
        "tracker=cacf": "tracker=rar, not cacf",
        "backbone=alexnet": "backbone=resnet18, not alexnet",
        "tracker.input_size=126": "tracker.input_size=63, not 126",
        "backbone.weights=some.pt": "it holds the weights",
        "tracking={scales:1}": "tracking.KEY=VALUE",
    }.items():
        code, _, error = run("evaluate", *folder, refused, "name=refused")
        assert code == 1 and words in error and len(error.splitlines()) == 1
    quoted = [*folder[:2], "tracking.scales=1", f"checkpoint='{checkpoint}'", "name=quoted"]
    assert run("evaluate", *quoted, "dataset.max_frames=3")[0] == 0
    same = ["tracker=rar", "backbone=resnet18", "head.width=8", "tracker.input_size=63"]
    assert run("evaluate", *folder, *same, "name=same", "dataset.max_frames=3")[0] == 0
    assert not (tmp_path / "runs" / "refused").exists()

    source = data / "s0" / "img"
    code, text, _ = run(
        "track", f"source={source}", "box=[40,30,20,24]", f"checkpoint={checkpoint}"
    )
    assert code == 0
    output = tmp_path / "runs" / "track_small"
    video = cv2.VideoCapture(str(output / "tracked.mp4"))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 8
    assert video.read()[1].shape == (90, 120, 3)
    assert len(np.loadtxt(output / "boxes.txt", delimiter=",")) == 8
    code, _, _ = run(
        "track", f"source={output / 'tracked.mp4'}", "box=[40,30,20,24]", *CACF, "name=again"
    )
    assert code == 0 and (tmp_path / "runs" / "again" / "tracked.mp4").exists()


def test_a_finished_training_is_tested_with_what_is_asked_for_since(run, tmp_path):
    given = ["train", *TINY_RAR, "name=small", "trainer.max_steps=1", "trainer.batch_size=2",
             "trainer.validate=false", "dataset.count=2", "dataset.length=5", "evaluate_after=true",
             "test_dataset.count=1", "test_dataset.length=3"]  # fmt: skip
    report = tmp_path / "runs" / "small" / "report.json"
    assert run(*given)[0] == 0
    assert list(json.loads(report.read_text())["scores"]) == ["rar"]
    assert run(*given, "resume=true", "baselines=[first_box]")[0] == 0
    assert set(json.loads(report.read_text())["scores"]) == {"rar", "first_box"}
    time_stamp = report.stat().st_mtime_ns
    assert run(*given, "resume=true", "baselines=[first_box]")[0] == 0
    assert report.stat().st_mtime_ns == time_stamp


def test_command_line_over_experiment_over_tracker(run, tmp_path):
    arguments = ["experiment=quickstart", "trainer.max_steps=1", "trainer.batch_size=2",
                 "trainer.validate=false", "evaluate_after=false", "head.width=16"]  # fmt: skip
    assert run("train", *arguments)[0] == 0
    config = OmegaConf.load(tmp_path / "runs" / "quickstart" / ".hydra" / "config.yaml")
    assert config.head.width == 16  # the command line; 64 in the experiment, 256 in the head
    assert config.head.hidden_channels == 32  # the experiment; 128 in the head
    assert config.optimizer.learning_rate == 0.01  # the experiment; 0.001 in the trainer
    assert config.tracker.padding == 2 and config.tracker.input_size == 96  # tracker; experiment
    assert config.name == "quickstart"  # the experiment; tracker and dataset by default
    assert config.backbone.depth == 18  # the experiment; the tracker says resnet50
    assert config.optimizer.momentum == 0.9


def test_wrong_input_is_one_line_and_leaves_nothing(run, data, tmp_path):
    outside, broken = tmp_path / "outside", tmp_path / "broken"
    for root, box in ((outside, "500,500,10,10"), (broken, "40,30,20,24")):
        images = root / "a" / "img"
        images.mkdir(parents=True)
        (images / "1.jpg").write_bytes((data / "s0" / "img" / "0000.jpg").read_bytes())
        (root / "a" / "groundtruth_rect.txt").write_text(box)
    (broken / "a" / "img" / "1.jpg").write_bytes(b"\xff\xd8 no picture")
    (tmp_path / "empty").mkdir()
    torch.save({"other": 1}, tmp_path / "foreign.pt")
    picture = data / "s0" / "img"
    cases = [
        ("evaluate", ["trakcer=cacf"], "trakcer"),
        ("evaluate", ["tracker=cafc"], "cacf"),
        ("evaluate", [*CACF, "tracking.scale=3"], "tracking.scale: no such key"),
        (
            "train",
            ["tracker=rasnet", "head.general=maybe"],
            "general=maybe: expected true or false",
        ),
        (
            "train",
            ["+experiment/rasnet_attention=siamfc", "tracker=rasnet"],
            "tracker= beside a row",
        ),
        ("evaluate", [*CACF, "dataset=folder"], "data_root"),
        ("evaluate", [*CACF, "dataset=folder", "data_root=/nowhere"], "/nowhere"),
        ("evaluate", [*CACF, "dataset=folder", f"data_root={tmp_path / 'empty'}"], "NAME/img"),
        ("evaluate", [*CACF, "dataset=folder", f"data_root={outside}"], "outside the picture"),
        ("evaluate", [*CACF, "dataset=folder", f"data_root={broken}"], "1.jpg: broken picture"),
        ("evaluate", [*CACF, "dataset.split=tset"], "split"),
        ("evaluate", ["checkpoint=nowhere.pt"], "nowhere.pt"),
        ("evaluate", [f"checkpoint={tmp_path / 'foreign.pt'}"], "foreign.pt"),
        ("evaluate", [*CACF, "device=gpu"], "device=gpu"),
        ("evaluate", [*CACF, "evaluation.protocol=two"], "evaluation.protocol=two"),
        ("train", ["evaluate_after=true", "baselines=[frist_box]"], "frist_box"),
        ("train", ["evaluate_after=true", "baselines=untrained"], "untrained: expected a list"),
        ("train", ["evaluate_after=true", "baselines=null"], "baselines=None: expected a list"),
        ("train", ["evaluate_after=true", "test_dataset=folder"], "test_dataset.root"),
        ("train", ["evaluate_after=no"], "evaluate_after=no: expected true or false"),
        ("train", ["resume=no"], "resume=no: expected true or false"),
        ("train", ["trainer.validate=off"], "trainer.validate=off: expected true or false"),
        ("train", ["trainer.compile=off"], "trainer.compile=off: expected true or false"),
        ("train", ["trainer.clip_norm=0"], "expected a number above 0, inf for none"),
        ("train", ["evaluation.batch_size=0"], "evaluation.batch_size=0"),
        ("train", ["dataset.split=test"], "split=test is refused"),
        ("train", ["val_dataset.split=test"], "split=test is refused"),
        ("train", ["tracker=cacf"], "nothing to train"),
        ("train", ["trainer.bach_size=3"], "bach_size"),
        ("train", ["backbone.weights=nowhere.pt"], "nowhere.pt"),
        ("train", ["checkpoint=some.pt"], "checkpoint"),
        ("train", ["trainer.epochs=abc"], "trainer.epochs=abc"),
        ("train", ["trainer.batch_size=0"], "trainer.batch_size=0"),
        ("train", ["trainer.workers=-1"], "trainer.workers=-1"),
        ("train", ["trainer.max_steps=0"], "trainer.max_steps=0"),
        ("train", ["seed=-1"], "seed=-1"),
        ("train", [*TINY_RAR, "clip.templates=1"], "clip.frames=3"),
        ("train", [*TINY_RAR, "clip.frames=2"], "clip.frames=2"),
        ("train", [*TINY_RAR, "head.stride=2"], "head.stride=2"),
        ("evaluate", [*CACF, "tracking.scales=0"], "tracking.scales=0"),
        ("evaluate", [*CACF, "tracking.scales=two"], "tracking.scales=two"),
        ("evaluate", [*CACF, "tracking.learning_rate=1.5"], "tracking.learning_rate=1.5"),
        ("evaluate", [*CACF, "tracking.scale_penalty=-2"], "tracking.scale_penalty=-2"),
        ("evaluate", [*CACF, "tracker.padding=-1"], "tracker.padding=-1"),
        ("evaluate", [*CACF, "+tracking.foo=1"], "foo"),
        ("evaluate", [*CACF, "evaluation.batch_size=0"], "evaluation.batch_size=0"),
        ("evaluate", [*CACF, "dataset.count=abc"], "dataset.count=abc"),
        ("evaluate", [*CACF, "dataset.size=320"], "dataset.size=320"),
        (
            "evaluate",
            [*CACF, "dataset=folder", f"data_root={data}", "dataset.sequences=s0"],
            "list",
        ),
        ("evaluate", [*CACF, "dataset=folder", f"data_root={data}", "dataset.split=x"], "split=x"),
        (
            "evaluate",
            [*CACF, "dataset=folder", f"data_root={data}", "dataset.max_frames=2.5"],
            "dataset.max_frames=2.5",
        ),
        ("evaluate", [], "checkpoint is not set"),
        (
            "evaluate",
            ["checkpoint=rar", "tracking.window_influence=1"],
            "checkpoint=rar has scales, scale_step",
        ),
        (
            "evaluate",
            ["tracker=rasnet", "checkpoint=nowhere.pt", "tracking.typo=1"],
            "checkpoint=nowhere.pt: no such file",
        ),
        (
            "evaluate",
            [*CACF, "dataset=folder", f"data_root={data}", "+dataset.count=2"],
            "no key count, expected of root, split",
        ),
        ("track", CACF, "source"),
        ("track", [*CACF, f"source={picture}", "box=1,2,3,4"], "'box=[1,2,3,4]' for a list"),
        ("track", [*CACF, f"source={picture}", "resume=true"], "name=NAME"),
        ("track", [*CACF, "source=nowhere.mp4"], "nowhere.mp4"),
        ("track", [*CACF, f"source={picture}", "box=[1,2,3]"], "[x,y,w,h]"),
        ("track", [*CACF, f"source={picture}", "box=5"], "[x,y,w,h]"),
        ("track", [*CACF, f"source={picture}", "box=[900,2,3,9]"], "120 x 90"),
        ("track", [*CACF, f"source={picture}", "box=[9,2,3,9]", "show=no"], "show=no"),
    ]
    for name, arguments, words in cases:
        if name == "train":  # of whose footage the first frames are looked at
            arguments = [*arguments, "val_dataset.count=1"]
        code, _, error = run(name, *arguments)
        lines = [line for line in error.strip().splitlines() if not line.startswith("warning:")]
        assert code == 1 and len(lines) == 1, (arguments, error)
        assert lines[0].startswith("error: ") and words in lines[0], (arguments, error)
    assert not (tmp_path / "runs").exists()


def test_only_our_own_classes_are_made(run):
    strange = "+dataset.inner.part={_target_: os.system}"
    code, _, error = run("train", "device=cpu", strange)
    assert code == 1 and "_target_=os.system" in error and len(error.strip().splitlines()) == 1
