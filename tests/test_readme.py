"""What README.md says is to be added, pasted as it stands there."""

import re
from pathlib import Path

import cv2
import numpy as np
import torch

from trackers.base import Tracker

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")


def pasted(path):
    """The names that the block of README.md under `# PATH` defines."""
    (block,) = re.findall(rf"```python\n(# {re.escape(path)}\n.*?)```", README, re.S)
    names = {}
    exec(compile(block, path, "exec"), names)
    return names


def test_a_tracker_to_add():
    tracker = pasted("trackers/mine.py")["MyTracker"]
    assert issubclass(tracker, Tracker)
    written = {"init", "update", "geometry", "loss"} & vars(tracker).keys()
    assert len(written) == 4 and tracker.geometry(None).search_size == 255


def test_a_backbone_to_add():
    backbone = pasted("backbones/mine.py")["MyNet"](width=8)
    levels = backbone(torch.zeros(2, 3, 64, 96))
    assert len(levels) == len(backbone.stages)
    for level, channels, stride in zip(levels, backbone.channels, backbone.strides, strict=True):
        assert level.shape == (2, channels, 64 // stride, 96 // stride)


def test_a_dataset_to_add(tmp_path):
    folder = tmp_path / "one"
    folder.mkdir()
    for index in range(2):
        cv2.imwrite(str(folder / f"{index}.png"), np.full((4, 6, 3), 50 * index, np.uint8))
    (folder / "boxes.txt").write_text("1,1,2,2\nNaN,NaN,NaN,NaN\n")
    dataset = pasted("datasets/mine.py")["mine"](tmp_path, "val")
    (sequence,) = dataset.sequences
    assert (dataset.split, sequence.name, len(sequence)) == ("val", "one", 2)
    assert sequence.frame(1).shape == (4, 6, 3) and sequence.frame(1)[0, 0, 0] == 50
    assert sequence.boxes[0].tolist() == [1, 1, 2, 2] and np.isnan(sequence.boxes[1]).all()
