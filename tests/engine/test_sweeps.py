"""Sweeps, and commands on trackers other than the default one."""

import json

import cv2
import numpy as np
import pytest
from omegaconf import OmegaConf

CACF = ["tracker=cacf", "tracker.input_size=63", "device=cpu"]
SMALL = (
    "device=cpu dataset.count=3 dataset.length=6 dataset.size=[160,120] trainer.max_steps=1 "
    "trainer.batch_size=2 trainer.workers=0 trainer.validate=false evaluate_after=true "
    "test_dataset.count=1 test_dataset.length=3"
).split()


def test_a_sweep_gives_each_job_a_folder_and_goes_on_in_it(run, tmp_path):
    sweep = ["-m", "tracker=first_box,cacf", "seed=0,1", "dataset.count=2", "dataset.length=4"]
    assert run("evaluate", *sweep)[0] == 0
    reports = sorted(path.parent for path in (tmp_path / "runs").rglob("report.json"))
    assert len(reports) == 4 and {path.parent.name for path in reports} == {
        "evaluate_first_box_on_synthetic",
        "evaluate_cacf_on_synthetic",
    }
    assert run("evaluate", *sweep)[0] == 1  # they are used
    assert run("evaluate", *sweep, "resume=true")[0] == 0
    again = sorted(path.parent for path in (tmp_path / "runs").rglob("report.json"))
    assert again == reports


def test_a_job_of_a_sweep_that_fails_is_named_and_the_others_go_on(run, tmp_path):
    sweep = ["-m", "tracker=cacf", "tracker.input_size=63,64", "dataset.count=1"]
    code, _, error = run("evaluate", *sweep, "dataset.length=3")
    job = "evaluate_cacf_on_synthetic/tracker.input_size-64"
    (log,) = (tmp_path / "runs").rglob("evaluate.log")
    assert "error" not in log.read_text()  # of another job
    assert code == 1 and f"error: {job}: tracker.input_size=64: expected" in error
    assert error.strip().splitlines()[-1] == f"error: 1 of 2 jobs failed: {job}"
    reports = [path.parent.name for path in (tmp_path / "runs").rglob("report.json")]
    assert reports == ["tracker.input_size-63"]


def test_a_sweep_that_selects_nothing_is_an_error(run):
    for sweep in ("experiment=glob(nothing*)", "+experiment/nothing=glob(*)"):
        code, _, error = run("train", "-m", sweep)
        assert code == 1 and "the sweep selects nothing" in error
        assert "rar_components" in error and "quickstart" not in error


def test_a_sweep_goes_on_with_what_is_left(run, tmp_path, monkeypatch):
    """Rows that came to their end stay as they are, also under newer code."""
    table = ["-m", "+experiment/rasnet_attention=siamfc,general", *SMALL]
    size = ["++tracker.template_size=95", "++tracker.search_size=159"]  # only the rows have them
    assert run("train", *table, *size)[0] == 0
    rows = {name: tmp_path / "runs" / "rasnet_attention" / name for name in ("siamfc", "general")}
    (rows["general"] / "report.json").unlink()
    before = (rows["siamfc"] / "report.json").stat().st_mtime_ns
    assert run("train", *table, *size)[0] == 1
    assert run("train", *table, *size, "resume=true")[0] == 0
    assert (rows["siamfc"] / "report.json").stat().st_mtime_ns == before
    assert (rows["general"] / "report.json").exists()
    monkeypatch.setattr("engine.results.source_hash", lambda: "newer")
    assert run("train", *table, *size, "resume=true")[0] == 0
    code, _, error = run("train", *table, "tracker.template_size=95")
    assert code == 1 and "tracker.template_size: no such key here" in error and "++" in error
    assert not (tmp_path / "runs" / "multirun.yaml").exists()


@pytest.fixture
def checkpoint(run, tmp_path):
    """Of a SiamFC that was trained for one step."""
    size = ["tracker.template_size=95", "tracker.search_size=159", "backbone.width=0.125"]
    assert run("train", "tracker=siamfc", *size, *SMALL, "name=small")[0] == 0
    return tmp_path / "runs" / "small" / "checkpoints" / "last.pt"


def test_tracking_keys_beside_a_checkpoint_are_its_trackers(run, tmp_path, checkpoint):
    dataset = [f"checkpoint={checkpoint}", "dataset.count=1", "dataset.length=3", "device=cpu"]
    assert run("evaluate", *dataset, "tracking.damping=0.3")[0] == 0
    directory = tmp_path / "runs" / "evaluate_small_on_synthetic"
    made_by = json.loads((directory / "report.json").read_text())["made_by"]["siamfc"]
    assert made_by["config"]["tracking"]["damping"] == 0.3
    config = OmegaConf.load(directory / ".hydra" / "config.yaml")
    assert config.tracker._target_ == "trackers.ScalePyramidTracker"
    assert config.tracking.damping == 0.3 and config.backbone.width == 0.125
    sweep = ["-m", f"checkpoint={checkpoint},{checkpoint}", *dataset[1:], "name=swept"]
    assert run("evaluate", *sweep, "tracking.scale_step=1.05", "resume=true")[0] == 0

    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for index in range(2):
        cv2.imwrite(str(pictures / f"{index}.jpg"), np.full((90, 120, 3), 90, np.uint8))
    source = [f"source={pictures}", "box=[40,30,20,24]", f"checkpoint={checkpoint}", "device=cpu"]
    assert run("track", *source, "tracking.damping=0.2")[0] == 0
    config = OmegaConf.load(tmp_path / "runs" / "track_small" / ".hydra" / "config.yaml")
    assert config.tracker._target_ == "trackers.ScalePyramidTracker"
    assert config.tracking.damping == 0.2 and config.backbone.width == 0.125

    code, _, error = run("evaluate", *dataset, "tracking.learning_rate=0.1", "name=other")
    assert code == 1 and "tracking.learning_rate: no such key" in error
    assert len(error.strip().splitlines()) == 1
