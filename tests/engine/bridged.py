"""What runs a tracker outside our evaluation, and what its boxes are to equal."""

import cv2
import torch
from conftest import ROOT, sliding
from hydra import compose, initialize_config_dir

from engine.build import build_tracker
from engine.evaluation import Evaluation
from trackers.base import Tracker

CACF = ("tracker=cacf", "backbone=pixels", "tracker.input_size=60", "device=cpu")
FIRST_BOX = ("tracker=first_box", "device=cpu")


def two_sequences():
    """Two sequences whose boxes no tracker finds by standing still."""
    return [sliding(name, 7, (90, 80), step=(3.0, 2.0), seed=n) for n, name in enumerate("ab")]


def build(overrides):
    with initialize_config_dir(str(ROOT / "configs"), version_base="1.3"):
        return build_tracker(compose("track", list(overrides)))


def evaluated(overrides, sequence):
    """Boxes (N, 4) of our own evaluation."""
    ((_, boxes),) = Evaluation(build(overrides).eval(), batch_size=1).run([sequence])
    return boxes


class Drawing(Tracker):
    """Keeps the first box, one pixel wider for each unit of its seed."""

    seed = 5

    def init(self, frames, boxes):
        return boxes + torch.tensor([0, 0, self.seed, 0])

    def update(self, frames, memory):
        return memory, memory, torch.ones(1)


def write_pictures(folder, sequence):
    """Frames as NAME.jpg, which got10k looks for, but PNG, which all decoders read alike."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, picture in enumerate(sequence.frames):
        data = cv2.imencode(".png", picture[..., ::-1])[1]
        (folder / f"{index + 1:04d}.jpg").write_bytes(data.tobytes())
