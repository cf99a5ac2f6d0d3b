"""Small things that many tests need. Footage is synthetic; nothing is read from outside."""

import logging
import os
import sys
from pathlib import Path

if "PYTEST_XDIST_WORKER" in os.environ:  # one of several processes: each its core, its children too
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
import torch

from datasets.sequence import Sequence
from datasets.synthetic import synthetic
from engine.command import run_command
from evaluate import evaluate
from ops.crop import Frames
from track import track
from trackers.base import Tracker
from train import train

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = {"train": train, "evaluate": evaluate, "track": track}


class Recorded(Sequence):
    """Frames and boxes given as arrays."""

    def __init__(self, name, frames, boxes, attributes=()):
        self.name, self.frames, self.attributes = name, frames, attributes
        self.boxes = np.asarray(boxes, float)

    def frame(self, index):
        return self.frames[index]


def first_frames(sequence, count):
    frames = [sequence.frame(index) for index in range(count)]
    return Recorded(sequence.name, frames, sequence.boxes[:count])


def sliding(name, length, size, start=(40.0, 30.0), step=(2.0, 1.0), box=(20.0, 24.0), seed=0):
    """A textured patch that slides over a textured picture by whole pixels."""
    random = np.random.default_rng(seed)
    width, height = size
    background = random.integers(60, 140, (height, width, 3), np.uint8)
    patch = random.integers(0, 256, (int(box[1]), int(box[0]), 3), np.uint8)
    frames, boxes = [], []
    for index in range(length):
        x, y = int(start[0] + index * step[0]), int(start[1] + index * step[1])
        frame = background.copy()
        frame[y : y + patch.shape[0], x : x + patch.shape[1]] = patch
        frames.append(frame)
        boxes.append([x, y, *box])
    return Recorded(name, frames, boxes)


class Oracle(Tracker):
    """Knows the truth: looks its frame number up in the frame's first pixels."""

    def __init__(self, boxes):
        super().__init__()
        self.boxes = boxes

    def init(self, frames: Frames, boxes):
        return boxes

    def update(self, frames, memory):
        index = frames.pixels[:, 1, 1, 0].long()
        found = torch.stack([torch.tensor(self.boxes[i]).float() for i in index.tolist()])
        return found, found, torch.ones(len(found))


def numbered(name, length, boxes):
    """Black frames, each with its number in its first pixel."""
    frames = []
    for index in range(length):
        frame = np.zeros((60, 80, 3), np.uint8)
        frame[0, 0] = index
        frames.append(frame)
    return Recorded(name, frames, boxes)


@pytest.fixture(autouse=True)
def log_as_found():
    """The commands' log, left as if no command had run."""
    yield
    log = logging.getLogger("lodestar")
    log.setLevel(logging.NOTSET)
    for handler in list(log.handlers):
        log.removeHandler(handler)
        handler.close()


@pytest.fixture(scope="session")
def footage():
    """Eight short synthetic sequences, of the val split."""
    return synthetic("val", count=8, length=12, size=(160, 120))


@pytest.fixture
def python():
    return sys.executable


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """run(command, *overrides) -> (exit code, stdout, stderr), with tmp_path as working folder."""
    monkeypatch.chdir(tmp_path)

    def call(name, *overrides):
        monkeypatch.setattr(sys, "argv", [f"{name}.py", *map(str, overrides)])
        code = 0
        try:
            run_command(COMMANDS[name], name)
        except SystemExit as stop:
            code = stop.code
        return code, *capsys.readouterr()

    return call
