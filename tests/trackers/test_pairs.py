"""Every tracker on every backbone, as the configs compose them, at about half the input size; and
every tracker once as it is, without the gradients, which take a CPU minutes."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import ROOT, first_frames
from hydra import compose, initialize_config_dir

from datasets.clips import ClipDataset
from datasets.sampling import ClipAugmentation, ClipSampling
from datasets.sequence import Part
from engine.build import build_tracker
from engine.evaluation import Evaluation

TRACKERS = sorted(path.stem for path in (ROOT / "configs/tracker").glob("*.yaml"))
TRACKERS.remove("first_box")
BACKBONES = sorted(path.stem for path in (ROOT / "configs/backbone").glob("*.yaml"))

FILTER = ("tracker.input_size=63",)
SIAMESE = ("tracker.template_size=95", "tracker.search_size=127")
FEW_SAMPLES = (
    *("tracking.first_samples=[20,40]", "tracking.samples=[10,20]", "tracking.interval=2"),
    *("tracking.first_iterations=[2,3]", "tracking.iterations=2"),
)
SMALL = {
    "rar": FILTER,
    "cacf": FILTER,
    "siamfc": SIAMESE,
    "rasnet": SIAMESE,
    "hrom": SIAMESE,
    "cract": (*SIAMESE, *FEW_SAMPLES),
}
ANCHORED = ("tracker.template_size=95", "tracker.search_size=159")  # cells enough to fit an anchor
UNPADDED = {  # alexnet_siamfc, whose receptive field is 87 pixels
    "rar": ("tracker.input_size=96",),
    "cacf": ("tracker.input_size=96",),
    "hrom": ANCHORED,
    "cract": (*ANCHORED, *FEW_SAMPLES),
}
pytestmark = pytest.mark.filterwarnings("ignore:.*has no pretrained weights")


def build(tracker, *overrides):
    with initialize_config_dir(str(ROOT / "configs"), version_base="1.3"):
        config = compose("train", [f"tracker={tracker}", *overrides])
    return build_tracker(config), config


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("name", TRACKERS)
def test_pair(name, backbone, footage):
    size = UNPADDED.get(name, SMALL[name]) if backbone == "alexnet_siamfc" else SMALL[name]
    command = name, f"backbone={backbone}", *size
    tracker, found = check(footage.sequences, 4, *command)
    again, _ = build(*command)
    again.load_state_dict(tracker.state_dict())
    np.testing.assert_array_equal(follow(again, first_frames(footage.sequences[0], 2)), found[:2])


@pytest.mark.parametrize("name", TRACKERS)
def test_at_the_papers_size(name, footage):
    check(footage.sequences, 2, name, gradients=False)


def check(sequences, frames, *command, gradients=True):
    """Losses, their gradients, and frames tracked: the tracker, and the boxes that it finds."""
    tracker, config = build(*command)
    if "clip" in config:
        sampling = replace(ClipSampling(**config.clip), negatives=0.0)
        geometry, parts = tracker.geometry(), (Part("footage", sequences),)
        clips = ClipDataset(parts, geometry, sampling, ClipAugmentation())
        with torch.set_grad_enabled(gradients):
            losses, _ = tracker.train().loss(clips.batch([(0, 0)]).cut(geometry))
        loss = sum(losses.values())
        assert torch.isfinite(loss)
        if gradients:
            check_gradients(tracker, loss)
    found = follow(tracker, first_frames(sequences[0], frames))
    assert found.shape == (frames, 4) and np.isfinite(found).all()
    assert (found[:, 2:] >= 1).all()
    return tracker, found


def follow(tracker, sequence):
    return next(iter(Evaluation(tracker.eval(), 1).run([sequence])))[1]


def check_gradients(tracker, loss):
    """Every weight that trains gets one that is finite and not zero."""
    loss.backward()
    trained = [(n, p) for n, p in tracker.named_parameters() if p.requires_grad]
    without = [n for n, p in trained if p.grad is None or not p.grad.any()]
    assert trained and not without
    assert all(torch.isfinite(p.grad).all() for _, p in trained)
    # A step, so that a tracker saved and loaded is not only equal because it is new.
    torch.optim.SGD([p for _, p in trained], 1e-3).step()


def test_rar_at_the_papers_size():
    """Table 1 and section 4.1: 255 pixels, three levels at stride 8, 31 x 31 cells, 64 channels."""
    tracker = build("rar")[0].eval()
    geometry = tracker.geometry()
    assert (geometry.search_size, geometry.template_size) == (255, 425)
    assert (geometry.search_factor, geometry.template_factor) == (3, 5)
    assert tracker.backbone.channels == (512, 1024, 2048)
    assert tracker.head.stride == 8
    assert torch.allclose(tracker.scale_factors, torch.tensor([1 / 1.02, 1.0, 1.02]))
    with torch.no_grad():
        levels = tracker._levels(torch.zeros(1, 1, 3, 255, 255))
        features, state = tracker._represent(levels, None, 1)
    assert [level.shape[-2:] for level in levels] == [(31, 31)] * 3
    assert features.shape == (1, 1, 64, 31, 31)
    assert [tuple(s.hidden.shape) for s in state] == [(1, 128, 31, 31)] * 3
