"""Pairs of frames: which are drawn, and what counts as found."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from conftest import Recorded, sliding
from torch import Tensor

from engine.checkpoints import SHIPPED
from ops.errors import InputError
from tools.match_pairs import draw_pairs, errors, load, measure, tables
from trackers.base import Tracker


@dataclass
class Boxes:
    boxes: Tensor


class Beside(Tracker):
    """Answers `off` sides to the right of where it is asked, and keeps what it was given."""

    def __init__(self, off: float):
        super().__init__()
        self.off = off

    def init(self, frames, boxes):
        self.started = frames, boxes
        return Boxes(boxes)

    def update(self, frames, memory):
        self.asked = frames, memory.boxes
        moved = memory.boxes.clone()
        moved[:, 0] += self.off * memory.boxes[:, 2:].prod(1).sqrt()
        return memory, moved, torch.ones(len(moved))


def test_pairs_lie_within_the_gap_and_have_boxes():
    long, gone = sliding("long", 30, (96, 72), step=(1.0, 0.5)), sliding("gone", 6, (96, 72))
    gone.boxes[2:5] = np.nan
    nothing = Recorded("nothing", gone.frames, np.full((6, 4), np.nan))
    pairs = draw_pairs([long, gone, nothing], 400, gap=4, seed=1)
    apart = np.array([pair.second - pair.first for pair in pairs])
    assert len(pairs) == 400 and set(apart) == set(range(-4, 5)) - {0}
    assert {pair.first for pair in pairs if pair.sequence is gone} == {0, 1, 5}
    names = [pair.sequence.name for pair in pairs]
    assert 150 < names.count("long") < 250 and "nothing" not in names
    again = draw_pairs([long, gone, nothing], 400, gap=4, seed=1)
    assert [(p.first, p.second) for p in pairs] == [(p.first, p.second) for p in again]
    gone.boxes[1] = np.nan  # 0 and 5 are left
    with pytest.raises(InputError, match="two frames with a valid box, --gap=4"):
        draw_pairs([nothing, gone], 3, 4, 0)


def test_a_pair_starts_on_the_truth_and_is_asked_beside_it():
    """In widths and heights; errors are in sides. Pictures of two sizes share a batch."""
    box = (16.0, 25.0)  # a side is 20 pixels
    footage = [sliding("a", 9, (96, 72), box=box), sliding("b", 9, (120, 90), box=box, seed=1)]
    pairs = draw_pairs(footage, 80, gap=8, seed=0)
    assert len({pair.sequence.name for pair in pairs}) == 2
    tracker = Beside(0.2)
    found = errors(tracker, pairs)
    for each, name in ((tracker.started, "first"), (tracker.asked, "second")):
        for picture, pair in zip(each[0].split(), pairs, strict=True):
            frame = pair.sequence.frame(getattr(pair, name))
            shown = picture.pixels[0, 1 : 1 + frame.shape[0], 1 : 1 + frame.shape[1]]
            np.testing.assert_array_equal(shown, frame)
    truths = np.stack([pair.sequence.boxes[[pair.first, pair.second]] for pair in pairs])
    shifts = np.stack([pair.shift for pair in pairs])
    np.testing.assert_allclose(tracker.started[1], truths[:, 0])
    moved = truths[:, 1] + np.pad(shifts * box, ((0, 0), (0, 2)))
    np.testing.assert_allclose(tracker.asked[1], moved, rtol=1e-5)
    apart = np.hypot(shifts[:, 0] * 16 / 20 + 0.2, shifts[:, 1] * 25 / 20)
    np.testing.assert_allclose(found, apart, rtol=1e-4)
    near = measure(tracker, pairs, batch=5)
    assert (near == (apart <= 0.35)).all() and set(near) == {True, False}


def test_a_checkpoint_is_loaded_with_other_settings():
    path = str(SHIPPED / "rar.pt")
    assert load(path, ["learning_rate=0.5", "scales=5"]).learning_rate == 0.5
    for wrong in ("learning_rate", "window_influence=0"):
        with pytest.raises(InputError, match=f"--tracking {wrong}: expected KEY=VALUE.*scale_step"):
            load(path, [wrong])


def test_shares_are_told_for_all_and_for_each_sequence():
    a, b = sliding("a", 4, (96, 72)), sliding("b", 4, (96, 72))
    pairs = draw_pairs([a, b], 40, gap=3, seed=0)
    of_a = np.array([pair.sequence is a for pair in pairs])
    text = tables(["right", "half"], pairs, [np.full(40, True), of_a])
    lines = [line.split("|")[1:-1] for line in text.splitlines()]
    cells = {line[0].strip(): [cell.strip() for cell in line[1:]] for line in lines}
    assert cells["all"] == ["40", "100.0 %", f"{100 * of_a.mean():.1f} %"]
    assert cells["a"][1:] == ["100.0 %", "100.0 %"] and cells["b"][1:] == ["100.0 %", "0.0 %"]
