"""Trackers run by the VOT toolkit give the boxes of our own evaluation."""

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
from bridged import CACF, FIRST_BOX, Drawing, build, evaluated, two_sequences, write_pictures
from conftest import ROOT

from engine.bridges.vot import region_box, serve
from engine.command import run_command
from engine.live import LiveTracker
from ops.box_files import read_boxes
from ops.errors import InputError

WORKSPACE = runpy.run_path(str(ROOT / "tools" / "make_vot_workspace.py"))
VOT_TRACKER = runpy.run_path(str(ROOT / "tools" / "vot_tracker.py"))["vot_tracker"]


@pytest.fixture
def footage():
    return two_sequences()


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
