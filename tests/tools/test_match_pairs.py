"""Pairs of frames: which are drawn, and what counts as found."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from conftest import Recorded, sliding
from torch import Tensor

from ops.errors import InputError
from tools.match_pairs import draw_pairs, errors, tables
from trackers.base import Tracker


@dataclass
class Boxes:
    boxes: Tensor


class Beside(Tracker):
    """Answers `off` sides to the right of where it is asked: `asked` keeps where that was."""

    def __init__(self, off: float):
        super().__init__()
        self.off, self.asked = off, []

    def init(self, frames, boxes):
        return Boxes(boxes)

    def update(self, frames, memory):
        self.asked.append(memory.boxes)
        moved = memory.boxes.clone()
        moved[:, 0] += self.off * memory.boxes[:, 2:].prod(1).sqrt()
        return memory, moved, torch.ones(len(moved))


def test_pairs_lie_within_the_gap_and_have_boxes():
    long, gone = sliding("long", 30, (96, 72), step=(1.0, 0.5)), sliding("gone", 6, (96, 72))
    gone.boxes[2:5] = np.nan
    nothing = Recorded("nothing", gone.frames, np.full((6, 4), np.nan))
    pairs = draw_pairs([long, gone, nothing], 400, gap=4, seed=1)
    apart = np.array([pair.second - pair.first for pair in pairs])
    assert len(pairs) == 400 and set(apart) == set(range(-4, 5))
    assert {pair.first for pair in pairs if pair.sequence is gone} == {0, 1, 5}
    names = [pair.sequence.name for pair in pairs]
    assert 150 < names.count("long") < 250 and "nothing" not in names
    again = draw_pairs([long, gone, nothing], 400, gap=4, seed=1)
    assert [(p.first, p.second) for p in pairs] == [(p.first, p.second) for p in again]
    with pytest.raises(InputError, match="valid box"):
        draw_pairs([nothing], 3, 4, 0)


def test_errors_are_in_sides_from_the_shifted_place():
    sequence = sliding("a", 9, (96, 72), box=(16.0, 25.0), step=(2.0, 1.0))  # a side is 20 pixels
    pairs = draw_pairs([sequence], 12, gap=8, seed=0)
    tracker = Beside(0.5)
    found = errors(tracker, pairs)
    shifts = np.stack([pair.shift for pair in pairs])
    np.testing.assert_allclose(found, np.hypot(shifts[:, 0] + 0.5, shifts[:, 1]), rtol=1e-5)
    truths = np.stack([sequence.boxes[pair.second] for pair in pairs])
    np.testing.assert_allclose(tracker.asked[0][:, :2], truths[:, :2] + 20 * shifts, rtol=1e-5)
    np.testing.assert_allclose(tracker.asked[0][:, 2:], truths[:, 2:])


def test_shares_are_told_for_all_and_for_each_sequence():
    a, b = sliding("a", 4, (96, 72)), sliding("b", 4, (96, 72))
    pairs = draw_pairs([a, b], 40, gap=3, seed=0)
    of_a = np.array([pair.sequence is a for pair in pairs])
    text = tables(["right", "half"], pairs, [np.full(40, True), of_a])
    lines = [line.split("|")[1:-1] for line in text.splitlines()]
    cells = {line[0].strip(): [cell.strip() for cell in line[1:]] for line in lines}
    assert cells["all"] == ["40", "100.0 %", f"{100 * of_a.mean():.1f} %"]
    assert cells["a"][1:] == ["100.0 %", "100.0 %"] and cells["b"][1:] == ["100.0 %", "0.0 %"]
