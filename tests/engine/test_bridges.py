"""Trackers run live and in other people's toolkits give the boxes of our own evaluation."""

import configparser
import runpy
import shlex
import subprocess
import sys
from collections import deque
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from conftest import ROOT, sliding
from hydra import compose, initialize_config_dir
from PIL import Image

from engine.bridges.got10k import Got10kTracker
from engine.bridges.vot import region_box, serve
from engine.build import build_contestant, build_tracker
from engine.command import run_command
from engine.distributed import build_device
from engine.evaluation import Evaluation
from engine.live import LiveTracker
from ops.box_files import read_boxes
from ops.boxes import overlap
from ops.errors import InputError
from trackers.base import Tracker

CACF = ("tracker=cacf", "backbone=pixels", "tracker.input_size=60", "device=cpu")
FIRST_BOX = ("tracker=first_box", "device=cpu")
WORKSPACE = runpy.run_path(str(ROOT / "tools" / "make_vot_workspace.py"))
VOT_TRACKER = runpy.run_path(str(ROOT / "tools" / "vot_tracker.py"))["vot_tracker"]


def build(overrides):
    with initialize_config_dir(str(ROOT / "configs"), version_base="1.3"):
        return build_tracker(compose("track", list(overrides)))


def evaluated(overrides, sequence):
    """Boxes (N, 4) of our own evaluation."""
    ((_, boxes),) = Evaluation(build(overrides).eval(), batch_size=1).run([sequence])
    return boxes


@pytest.fixture
def footage():
    """Two sequences whose boxes no tracker finds by standing still."""
    return [sliding(name, 7, (90, 80), step=(3.0, 2.0), seed=n) for n, name in enumerate("ab")]


# ---------------------------------------------------------------------- live


def test_live_is_as_evaluated(footage):
    sequence, other = footage
    live = LiveTracker(build(CACF))
    for each in (other, sequence):  # started again, nothing of the first stays
        live.init(each.frame(0), each.boxes[0])
        boxes = [live.update(each.frame(index)) for index in range(1, 7)]
    np.testing.assert_array_equal([box for box, _ in boxes], evaluated(CACF, sequence)[1:])
    assert len({score for _, score in boxes}) == 6  # the tracker's own


@pytest.mark.parametrize("box", [[90.0, 10, 5, 5], [5.0, 5, 0, 5], [np.nan] * 4, [1.0, 2, 3]])
def test_live_refuses_boxes_without_area(footage, box):
    with pytest.raises(InputError, match="box="):
        LiveTracker(build(FIRST_BOX)).init(footage[0].frame(0), box)


class Drawing(Tracker):
    """Keeps the first box, one pixel wider for each unit of its seed."""

    seed = 5

    def init(self, frames, boxes):
        return boxes + torch.tensor([0, 0, self.seed, 0])

    def update(self, frames, memory):
        return memory, memory, torch.ones(1)


# ---------------------------------------------------------------------- got10k


def write_pictures(folder, sequence):
    """Frames as NAME.jpg, which got10k looks for, but PNG, which all decoders read alike."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, picture in enumerate(sequence.frames):
        data = cv2.imencode(".png", picture[..., ::-1])[1]
        (folder / f"{index + 1:04d}.jpg").write_bytes(data.tobytes())


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


# ---------------------------------------------------------------------- VOT


class FakeServer:
    """Stands in for trax.Server: asks for what `requests` says, and keeps the answers."""

    requests: deque
    answers: list

    def __init__(self, region_formats, image_formats, tracker_name):
        assert (region_formats, image_formats) == (["rectangle", "polygon"], ["path"])

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def wait(self):
        return self.requests.popleft()

    def status(self, objects):
        self.answers.extend(objects)


def rectangle(*box):
    return SimpleNamespace(type="rectangle", bounds=lambda: tuple(box))


def polygon(*corners):
    return type("Polygon", (list,), {"type": "polygon"})(corners)


@pytest.fixture
def trax(monkeypatch):
    """The parts of vot-trax that the bridge uses."""
    fake = SimpleNamespace(
        Server=FakeServer,
        Region=SimpleNamespace(RECTANGLE="rectangle", POLYGON="polygon"),
        Image=SimpleNamespace(PATH="path"),
        ImageChannel=SimpleNamespace(COLOR="color"),
        TraxStatus=SimpleNamespace(INITIALIZE="initialize", FRAME="frame", QUIT="quit"),
        Rectangle=SimpleNamespace(create=rectangle),
    )
    FakeServer.requests, FakeServer.answers = deque(), []
    monkeypatch.setitem(sys.modules, "trax", fake)
    return fake


def request(kind, path=None, region=None):
    image = {"color": SimpleNamespace(path=lambda: str(path))}
    return SimpleNamespace(type=kind, image=image, objects=[(region, {})])


def test_vot_is_as_evaluated_and_starts_again(tmp_path, trax, footage):
    requests = FakeServer.requests
    for sequence in footage:
        write_pictures(tmp_path / sequence.name, sequence)
        paths = sorted((tmp_path / sequence.name).iterdir())
        requests.append(request("initialize", paths[0], rectangle(*sequence.boxes[0])))
        requests.extend(request("frame", path) for path in paths[1:])
    requests.append(request("quit"))
    serve(LiveTracker(build(CACF)), "cacf")
    answers = [np.array(region.bounds()) for region, _ in FakeServer.answers]
    expected = np.concatenate([evaluated(CACF, sequence) for sequence in footage])
    np.testing.assert_array_equal(answers, expected)
    properties = [properties for _, properties in FakeServer.answers]
    assert properties[0] == properties[7] == {} and properties[1].keys() == {"confidence"}


def test_vot_repeats_what_draws(tmp_path, trax, footage):
    write_pictures(tmp_path / "a", footage[0])
    paths = sorted((tmp_path / "a").iterdir())
    for frame in (0, 3, 0, 4, 5, 0):  # started again after failures, on the first frame anew
        region = rectangle(1.0, 2.0, 10.0, 10.0)
        FakeServer.requests.append(request("initialize", paths[frame], region))
        FakeServer.requests.append(request("frame", paths[frame + 1]))
    FakeServer.requests.append(request("quit"))
    serve(LiveTracker(Drawing()), "drawing")
    widths = [region.bounds()[2] for region, _ in FakeServer.answers[1::2]]
    assert widths == [15, 15, 16, 16, 16, 17]


def test_vot_starts_from_polygons(trax):
    # A square with its diagonals upright, sides of 10 sqrt(2): as large as a box of 14.14 x 14.14
    # around its centre; corners are centres of pixels, which are 1 wide.
    square = polygon((30.0, 20.0), (40.0, 30.0), (30.0, 40.0), (20.0, 30.0))
    half = 10 / np.sqrt(2)
    expected = [30 - half, 30 - half, 2 * half + 1, 2 * half + 1]
    np.testing.assert_allclose(region_box(trax, square), expected)
    assert region_box(trax, rectangle(1.5, 2.5, 3, 4)) == [1.5, 2.5, 3, 4]
    with pytest.raises(InputError, match="3 corners"):
        region_box(trax, polygon((0.0, 0.0), (4.0, 0.0), (4.0, 4.0)))


@pytest.mark.parametrize("module", [None, SimpleNamespace(Trainer=0)])  # none, or the other one
def test_without_trax_vot_says_what_to_install(tmp_path, monkeypatch, capsys, module):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "trax", module)
    monkeypatch.setattr(sys, "argv", ["vot_tracker.py", *FIRST_BOX])
    with pytest.raises(SystemExit, match="1"):
        run_command(VOT_TRACKER, "track")
    error = capsys.readouterr().err
    assert error == "error: the TraX library is not installed: pip install vot-trax\n"
    assert not list(tmp_path.iterdir())


def test_workspace_is_laid_out_as_vot_wants(tmp_path, footage):
    directory = tmp_path / "workspace"
    for sequence in footage:
        sequence.frames[6] = np.full((80, 90, 3), (200, 100, 20), np.uint8)
    WORKSPACE["write_workspace"](directory, footage)
    assert (directory / "sequences/list.txt").read_text().split() == ["a", "b"]
    for sequence in footage:
        folder = directory / "sequences" / sequence.name
        properties = dict(line.split("=") for line in (folder / "sequence").read_text().split())
        size = [properties[key] for key in ("length", "width", "height")]
        assert size == ["7", "90", "80"]
        np.testing.assert_allclose(read_boxes(folder / "groundtruth.txt"), sequence.boxes)
        paths = [folder / (properties["channels.color"] % number) for number in range(1, 8)]
        assert sorted((folder / "color").iterdir()) == paths
        blue, green, red, _ = cv2.mean(cv2.imread(str(paths[6])))
        assert (red, green, blue) == pytest.approx((200, 100, 20), abs=2)
    with pytest.raises(InputError, match="not empty"):
        WORKSPACE["write_workspace"](directory, footage)


def test_trackers_ini_survives_odd_paths():
    config = configparser.ConfigParser()
    config.read_string(WORKSPACE["trackers_ini"]("/my env/100%/python", ROOT / "a b"))
    assert config.sections() == ["first_box", "cacf"]
    command = shlex.split(config["cacf"]["command"])
    script = str(ROOT / "a b" / "tools" / "vot_tracker.py")
    assert command == ["/my env/100%/python", script, "tracker=cacf", "backbone=pixels"]
    assert config["cacf"]["protocol"] == "trax"


def test_synthetic_workspace_makes_first_box_fail(tmp_path, python):
    script = str(ROOT / "tools" / "make_vot_workspace.py")
    subprocess.run([python, script, str(tmp_path / "w")], check=True, capture_output=True)
    names = (tmp_path / "w/sequences/list.txt").read_text().split()
    assert len(names) == 2
    for name in names:
        boxes = read_boxes(tmp_path / "w/sequences" / name / "groundtruth.txt")
        gaps = np.maximum(boxes[:, :2], boxes[0, :2]) - np.minimum(
            boxes[:, :2] + boxes[:, 2:], boxes[0, :2] + boxes[0, 2:]
        )
        assert (gaps >= 0).any() and len(boxes) == 40


def test_in_the_vot_toolkit_itself(tmp_path, python, footage):
    pytest.importorskip("vot", reason="vot-toolkit is not installed")
    from vot.workspace import Workspace

    WORKSPACE["write_workspace"](tmp_path / "w", footage[:1])
    words = ("evaluate", "--workspace", "w", "--experiments", "unsupervised", "cacf")
    subprocess.run([python, "-m", "vot", *words], check=True, cwd=tmp_path, capture_output=True)
    workspace = Workspace.load(str(tmp_path / "w"))
    experiment = workspace.stack.experiments["unsupervised"]
    (trajectory,) = experiment.gather(workspace.registry["cacf"], workspace.dataset["a"])
    pictures = sorted((tmp_path / "w/sequences/a/color").iterdir())
    sequence = footage[0]
    sequence.frames = [cv2.imread(str(path))[..., ::-1] for path in pictures]
    expected = evaluated(CACF[:2], sequence)
    for frame in range(1, 7):
        found = trajectory.region(frame)
        box = [found.x, found.y, found.width, found.height]
        np.testing.assert_allclose(box, expected[frame], rtol=0, atol=1e-4)
