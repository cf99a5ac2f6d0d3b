"""Trackers run by got10k's toolkit give the boxes of our own evaluation."""

import sys

import numpy as np
import pytest
from bridged import CACF, FIRST_BOX, Drawing, build, evaluated, two_sequences, write_pictures
from PIL import Image

from engine.bridges.got10k import Got10kTracker
from engine.build import build_contestant
from engine.command import run_command
from engine.distributed import build_device
from ops.box_files import read_boxes
from ops.boxes import overlap


@pytest.fixture
def footage():
    return two_sequences()


@pytest.fixture
def experiments():
    pytest.importorskip("six", reason="got10k's experiments need six, which is not installed")
    return pytest.importorskip("got10k.experiments")


@pytest.mark.parametrize("origin", [0, 1])
def test_loop_of_got10k(tmp_path, footage, origin):
    sequence, shift = footage[0], np.array([origin, origin, 0, 0])
    write_pictures(tmp_path, sequence)
    files = sorted(map(str, tmp_path.iterdir()))
    tracker = Got10kTracker("cacf", build(CACF), origin)
    boxes, _ = tracker.track(files, sequence.boxes[0] + shift)
    np.testing.assert_allclose(boxes, evaluated(CACF, sequence) + shift, rtol=0, atol=1e-12)


def test_got10k_repeats_what_draws(footage):
    assert Got10kTracker("first_box", build(FIRST_BOX)).is_deterministic
    tracker = Got10kTracker("drawing", Drawing())
    widths = []
    for sequence in (footage[0], footage[0], footage[0], footage[1]):
        tracker.init(Image.fromarray(sequence.frames[0]), np.array([1, 2, 10, 10]))
        widths.append(tracker.update(Image.fromarray(sequence.frames[1]))[2])
    assert widths == [15, 16, 17, 15] and not tracker.is_deterministic
    for box in ([1, 2, 10, 10], [5, 2, 10, 10]):  # another target of the same video
        tracker.init(Image.fromarray(footage[0].frames[0]), np.array(box))
        assert tracker.update(Image.fromarray(footage[0].frames[1]))[2] == 15


@pytest.mark.parametrize("overrides", [CACF, FIRST_BOX])
def test_otb_of_got10k(tmp_path, monkeypatch, footage, experiments, overrides):
    """As the module's example runs it, on files that count pixels from 1."""
    from got10k.datasets import OTB

    for name in OTB._OTB__version_dict[2013]:  # it would fetch them all if one was missing
        (tmp_path / "otb" / name).mkdir(parents=True)
    names = ["Bolt", "Deer"]
    for name, sequence in zip(names, footage, strict=True):
        write_pictures(tmp_path / "otb" / name / "img", sequence)
        annotation = sequence.boxes + np.array([1, 1, 0, 0])
        np.savetxt(tmp_path / "otb" / name / "groundtruth_rect.txt", annotation, "%d", ",")
    reports = []

    def experiment(config):
        contestant = build_contestant(config)
        device = build_device(config.device)
        tracker = Got10kTracker(contestant.name, contestant.tracker, origin=1, device=device)
        experiment = experiments.ExperimentOTB("otb", 2013)
        experiment.run(tracker)
        reports.append(experiment.report([tracker.name]))

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["my_experiment.py", *overrides])
    run_command(experiment, "track")
    label, success = overrides[0].split("=")[1], []
    for name, sequence in zip(names, footage, strict=True):
        boxes = evaluated(overrides, sequence)
        written = read_boxes(tmp_path / "results/OTB2013" / label / f"{name}.txt", origin=1)
        np.testing.assert_allclose(written, boxes, rtol=0, atol=6e-4)
        overlaps = overlap(boxes, sequence.boxes)
        success += [(overlaps > threshold).mean() for threshold in np.linspace(0, 1, 21)]
    reported = reports[0][label]["overall"]["success_score"]
    assert reported == pytest.approx(np.mean(success), abs=0.01)
    assert not (tmp_path / "runs").exists()


def test_validation_of_got10k(tmp_path, footage, experiments):
    val = tmp_path / "got" / "val"
    for sequence in footage:
        write_pictures(val / sequence.name, sequence)
        np.savetxt(val / sequence.name / "groundtruth.txt", sequence.boxes, "%.4f", ",")
        (val / sequence.name / "meta_info.ini").write_text("[META]\nresolution: (90, 80)\n")
        for label, value in (("cover", 8), ("absence", 0), ("cut_by_image", 0)):
            np.savetxt(val / sequence.name / f"{label}.label", [value] * len(sequence), "%d")
    (val / "list.txt").write_text("a\nb\n")
    experiment = experiments.ExperimentGOT10k(
        str(tmp_path / "got"), "val", str(tmp_path / "results"), str(tmp_path / "reports")
    )
    experiment.run(Got10kTracker("cacf", build(CACF)))
    overlaps = []
    for sequence in footage:
        folder = tmp_path / "results/GOT-10k/cacf" / sequence.name
        boxes = evaluated(CACF, sequence)
        written = read_boxes(folder / f"{sequence.name}_001.txt")
        np.testing.assert_allclose(written, boxes, rtol=0, atol=6e-4)
        overlaps.append(overlap(boxes, sequence.boxes)[1:])
        assert not (folder / f"{sequence.name}_002.txt").exists()  # deterministic: once is enough
    reported = experiment.report(["cacf"])["cacf"]["overall"]["ao"]
    assert reported == pytest.approx(np.mean(overlaps), abs=1e-3)
