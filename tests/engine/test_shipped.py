"""Weights that ship: by name in the commands, by default in track.py, and those that are there."""

import hashlib
import re

import cv2
import numpy as np
import pytest
from conftest import ROOT, sliding
from omegaconf import OmegaConf
from small_weights import small_checkpoint

import track
from benchmarks.scoring import score
from datasets.synthetic import synthetic
from datasets.video import FrameSource
from engine import window
from engine.build import load_tracker
from engine.checkpoints import SHIPPED
from engine.evaluation import Evaluation
from ops.errors import InputError
from trackers import FirstBox

FILES = sorted((ROOT / "weights").glob("*.pt"))
DEFAULT = OmegaConf.load(ROOT / "configs" / "command" / "track.yaml").checkpoint
MOST = 12_000_000  # bytes, of all together
BOX = "box=[40,30,20,24]"


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A folder of weights with a tiny RAR under the default name."""
    folder = tmp_path / "shipped"
    folder.mkdir()
    monkeypatch.setattr("engine.checkpoints.SHIPPED", folder)
    small_checkpoint(tmp_path / "run").rename(folder / f"{DEFAULT}.pt")
    return folder


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    sequence = sliding("s", 6, (120, 90))
    for index in range(6):
        picture = cv2.cvtColor(sequence.frame(index), cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(folder / f"{index}.png"), picture)
    return folder


def config_of(tmp_path, name):
    return OmegaConf.load(tmp_path / "runs" / name / ".hydra" / "config.yaml")


def test_track_takes_the_shipped_weights(run, tmp_path, shipped, pictures):
    given = [f"source={pictures}", BOX, "device=cpu"]
    code, text, _ = run("track", *given)
    assert code == 0 and f"weights: {DEFAULT}, step 10" in text
    assert config_of(tmp_path, f"track_{DEFAULT}").head.width == 8
    assert len(np.loadtxt(tmp_path / f"runs/track_{DEFAULT}/boxes.txt", delimiter=",")) == 6
    code, text, _ = run("track", *given, "tracking.scales=1", "name=one_scale")
    assert code == 0 and f"weights: {DEFAULT}" in text
    assert config_of(tmp_path, "one_scale").tracking.scales == 1
    told = OmegaConf.load(tmp_path / "runs/one_scale/.hydra/overrides.yaml")
    assert "tracker=rar" in told  # whose keys under tracking. they are
    code, _, error = run("track", *given, f"checkpoint={DEFAULT}", "head.width=16", "name=other")
    assert code == 1 and "head.width=8, not 16" in error


def test_a_network_that_is_asked_for_is_untrained(run, tmp_path, shipped, pictures):
    given = [f"source={pictures}", BOX, "device=cpu"]
    code, text, _ = run("track", *given, "tracker=cacf", "tracker.input_size=63", "name=cacf")
    assert code == 0 and "weights: none" in text
    for key in ("backbone=resnet18", "backbone.depth=18", "head.width=8"):
        small = [*given, "tracker.input_size=63", key, "backbone.outputs=[conv2,conv3]"]
        code, text, error = run("track", *small, f"name={key.split('=')[0]}")
        assert code == 0 and "rar on cpu, weights: untrained" in text, (key, error)


def test_weights_go_by_name_in_evaluation(run, tmp_path, shipped):
    small = ["dataset.count=1", "dataset.length=3", "device=cpu"]
    assert run("evaluate", f"checkpoint={DEFAULT}", "tracking.scales=1", *small)[0] == 0
    assert (tmp_path / f"runs/evaluate_{DEFAULT}_on_synthetic/report.json").exists()
    code, _, error = run("evaluate", "checkpoint=nothing", *small)
    words = f"checkpoint=nothing: no such file, nor weights of that name ({DEFAULT})"
    assert code == 1 and words in error


def test_a_folder_without_weights_is_one_line(run, tmp_path, shipped, pictures):
    (shipped / f"{DEFAULT}.pt").unlink()
    for more in ([], ["tracking.scales=1"]):
        code, _, error = run("track", f"source={pictures}", BOX, *more)
        assert code == 1 and len(error.strip().splitlines()) == 1
        assert f"checkpoint={DEFAULT}: no such file" in error and "none ship here" in error
    assert not (tmp_path / "runs").exists()


def test_without_a_box_and_a_screen_the_first_frame_is_left(
    run, tmp_path, shipped, pictures, monkeypatch
):
    monkeypatch.setattr(track, "has_display", lambda: False)
    given, folder = [f"source={pictures}", "device=cpu"], tmp_path / f"runs/track_{DEFAULT}"
    code, _, error = run("track", *given)
    assert code == 1 and len(error.strip().splitlines()) == 1
    assert "box=[x,y,w,h]" in error and "first_frame.png" in error and "120 x 90" in error
    assert [path.name for path in folder.iterdir()] == ["first_frame.png"]
    code, _, error = run("track", *given, BOX, "show=true")
    assert code == 1 and "show=true" in error
    assert run("track", *given, BOX)[0] == 0  # in the same folder
    assert (folder / "tracked.mp4").exists()


def test_the_box_is_drawn_where_there_is_a_screen(run, tmp_path, shipped, pictures, monkeypatch):
    drawn, shown = [(40, 30, 20, 24), (0, 0, 0, 0)], []
    monkeypatch.setattr(track, "has_display", lambda: True)
    monkeypatch.setattr(cv2, "selectROI", lambda title, picture, **how: drawn.pop(0))
    monkeypatch.setattr(cv2, "destroyWindow", lambda title: None)
    monkeypatch.setattr(cv2, "imshow", lambda title, frame: shown.append(frame.shape))
    monkeypatch.setattr(cv2, "waitKey", lambda wait: ord("q") if len(shown) == 4 else -1)
    code, text, _ = run("track", f"source={pictures}", "show=true", "device=cpu")
    assert code == 0 and "box=[40,30,20,24]" in text and shown == [(90, 120, 3)] * 4
    boxes = np.loadtxt(tmp_path / f"runs/track_{DEFAULT}/boxes.txt", delimiter=",")
    assert len(boxes) == 4 and boxes[0].tolist() == [40, 30, 20, 24]
    code, _, error = run("track", f"source={pictures}", "device=cpu", "name=none_drawn")
    assert code == 1 and "no box was drawn" in error
    assert not (tmp_path / "runs" / "none_drawn").exists()


def test_a_large_picture_is_drawn_on_in_small(monkeypatch):
    seen = []
    monkeypatch.setattr(cv2, "selectROI", lambda title, picture, **how: seen.append(picture) or (
        100, 50, 30, 20))  # fmt: skip
    monkeypatch.setattr(cv2, "destroyWindow", lambda title: None)
    picture = np.zeros((1440, 1920, 3), np.uint8)
    picture[..., 0] = 255  # red
    assert window.draw_box(picture) == [200, 100, 60, 40]
    assert seen[0].shape == (720, 960, 3) and seen[0][0, 0].tolist() == [0, 0, 255]


def test_no_screen_is_no_crash(monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(window.sys, "platform", "linux")
    assert not window.has_display()
    monkeypatch.setattr(window.subprocess, "run", lambda *a, **how: _Ended())
    monkeypatch.setenv("DISPLAY", ":0")
    for code in (-6, 1, 0):  # Qt aborts; OpenCV without windows raises; a screen
        _Ended.returncode = code
        assert window.has_display() == (code == 0)


class _Ended:
    returncode = 0


def test_rulers_are_of_the_pictures_pixels():
    picture = np.full((90, 120, 3), 100, np.uint8)
    picture[40, 70] = 255, 0, 0
    page, margin, scale = window.with_rulers(picture), window.MARGIN, 8
    assert page.shape == (90 * scale + 2 * margin, 120 * scale + 2 * margin, 3)
    corner = (margin + 40 * scale + 1, margin + 70 * scale + 1)  # within the pixel, off the grid
    assert page[corner].tolist() == [255, 0, 0]
    row = page[margin + 3, margin:-margin]  # between two lines of the grid
    lines = np.flatnonzero((row != 100).any(-1))
    assert lines.tolist() == list(range(0, 120 * scale, 10 * scale))
    sides = (page[:margin], page[-margin:], page[:, :margin], page[:, -margin:])
    for axis, side in zip((0, 0, 1, 1), sides, strict=True):
        ink = np.flatnonzero((side < 128).any((axis, 2)))
        for value in range(0, (120, 90)[axis], 10):  # a figure stands at each
            assert np.abs(ink - (margin + value * scale)).min() < 6
    assert window.with_rulers(np.zeros((1080, 1920, 3), np.uint8)).shape == (
        1080 + 2 * margin,
        1920 + 2 * margin,
        3,
    )


class Camera:
    """What OpenCV opens for a number: red frames, and Ctrl-C after five of them."""

    def __init__(self, number):
        self.number, self.read_so_far = number, 0

    def isOpened(self):
        return self.number == 0

    def get(self, what):
        return {cv2.CAP_PROP_FPS: 15.0, cv2.CAP_PROP_FRAME_COUNT: -1.0}[what]

    def read(self):
        self.read_so_far += 1
        if self.read_so_far > 5:
            raise KeyboardInterrupt
        return True, np.tile(np.uint8([0, 0, 255]), (90, 120, 1))

    def release(self):
        pass


def test_a_camera_is_followed_until_it_is_told_to_stop(run, tmp_path, shipped, monkeypatch):
    files = cv2.VideoCapture
    with monkeypatch.context() as patch:
        patch.setattr(cv2, "VideoCapture", Camera)
        source = FrameSource(0)
        assert source.endless and source.count is None and source.rate == 15
        assert next(iter(source))[0, 0].tolist() == [255, 0, 0]
        with pytest.raises(InputError, match="source=1: no camera"):
            FrameSource(1)
        code, text, _ = run("track", "source=0", BOX, "device=cpu")
    assert code == 0 and "5 frames" in text
    folder = tmp_path / f"runs/track_{DEFAULT}"
    assert len(np.loadtxt(folder / "boxes.txt", delimiter=",")) == 5
    assert files(str(folder / "tracked.mp4")).get(cv2.CAP_PROP_FRAME_COUNT) == 5


def test_the_index_has_what_is_there():
    text = (SHIPPED / "README.md").read_text()
    assert re.findall(r"^\| \[([\w-]+)\]", text, re.M) == [path.stem for path in FILES]
    assert sum(path.stat().st_size for path in FILES) <= MOST


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_card_is_of_the_file(path):
    card = path.with_suffix(".md").read_text()
    assert hashlib.sha256(path.read_bytes()).hexdigest() in card
    assert f"{path.stat().st_size:,} bytes" in card
    for words in (r"python train\.py \S+", r"\| seed \| \d+ \|", r"\| data \| \w+", "Apache-2.0"):
        assert re.search(words, card), words
    assert re.search(r"\| 0\.\d{3} \[0\.\d{3}, 0\.\d{3}\] \|", card)  # a score with its interval


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_ships_tracks(path):
    tracker = load_tracker(path.stem, OmegaConf.create({"seed": 0}), [])[0].eval()
    sequences = synthetic("val", count=4, length=16, size=(320, 240)).sequences
    found = {
        name: {sequence.name: boxes for sequence, boxes in Evaluation(one, 4).run(sequences)}
        for name, one in (("shipped", tracker), ("first_box", FirstBox()))
    }
    means = score(found, sequences, "matlab_otb").means
    assert means["shipped"]["success_auc"] > means["first_box"]["success_auc"] + 0.05
