"""Every tracker on every backbone: as the configs compose them, at a quarter of the input size."""

import numpy as np
import pytest
import torch
from conftest import ROOT, Recorded
from hydra import compose, initialize_config_dir

from datasets.clips import ClipDataset, ClipSampling
from engine.build import build_tracker
from engine.evaluation import Evaluation
from ops.clip import Clip

TRACKERS = sorted(path.stem for path in (ROOT / "configs/tracker").glob("*.yaml"))
TRACKERS.remove("first_box")
BACKBONES = sorted(path.stem for path in (ROOT / "configs/backbone").glob("*.yaml"))


def build(tracker, backbone):
    with initialize_config_dir(str(ROOT / "configs"), version_base="1.3"):
        config = compose(
            "evaluate",
            [f"tracker={tracker}", f"backbone={backbone}", "tracker.input_size=63"],
        )
    return build_tracker(config), config


@pytest.mark.filterwarnings("ignore:.*has no pretrained weights")
@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("name", TRACKERS)
def test_pair(name, backbone, footage):
    footage = footage.sequences
    tracker, config = build(name, backbone)
    if "clip" in config:
        check_training(tracker, ClipSampling(**config.clip), footage)
    part = [Recorded(s.name, [s.frame(i) for i in range(3)], s.boxes[:3]) for s in footage[:2]]
    found = {s.name: boxes for s, boxes in Evaluation(tracker.eval(), 2).run(part)}
    assert [found[sequence.name].shape for sequence in part] == [(3, 4)] * 2
    assert all(np.isfinite(boxes).all() for boxes in found.values())

    again, _ = build(name, backbone)
    again.load_state_dict(tracker.state_dict())
    for sequence, boxes in Evaluation(again.eval(), 2).run(part):
        np.testing.assert_array_equal(boxes, found[sequence.name])


def check_training(tracker, sampling, footage):
    """Finite, and every weight that trains gets a gradient that is not zero."""
    clips = ClipDataset(footage, tracker.geometry(), sampling)
    tracker.train()
    losses, _ = tracker.loss(Clip.collate([clips[0, 0], clips[0, 1]]))
    loss = sum(losses.values())
    loss.backward()
    assert torch.isfinite(loss)
    trained = [(n, p) for n, p in tracker.named_parameters() if p.requires_grad]
    without = [n for n, p in trained if p.grad is None or not p.grad.any()]
    assert trained and not without
    assert all(torch.isfinite(p.grad).all() for _, p in trained)
    # A step, so that a tracker saved and loaded is not only equal because it is new.
    torch.optim.SGD([p for _, p in trained], 1e-3).step()


@pytest.mark.filterwarnings("ignore:.*has no pretrained weights")
def test_rar_at_the_papers_size():
    """Table 1 and section 4.1: 255 pixels, three levels at stride 8, 31 x 31 cells, 64 channels."""
    with initialize_config_dir(str(ROOT / "configs"), version_base="1.3"):
        tracker = build_tracker(compose("train", ["tracker=rar"])).eval()
    geometry = tracker.geometry()
    assert (geometry.search_size, geometry.template_size) == (255, 425)
    assert (geometry.search_factor, geometry.template_factor) == (3, 5)
    assert tracker.backbone.channels == (512, 1024, 2048)
    assert tracker.head.stride == 8 and tracker.scale_factors == [1 / 1.02, 1.0, 1.02]
    with torch.no_grad():
        levels = tracker._levels(torch.zeros(1, 2, 3, 255, 255))
        features, state = tracker._represent(levels, None, 2)
    assert [level.shape[-2:] for level in levels] == [(31, 31)] * 3
    assert features.shape == (1, 2, 64, 31, 31)
    assert [tuple(s.hidden.shape) for s in state] == [(2, 128, 31, 31)] * 3
