"""What the command line says, and the names that runs get by it."""

import sys

import pytest

from engine.arguments import _sweep_row, _tracker_label


@pytest.mark.parametrize(
    "arguments",
    [
        ["evaluate", "tracking.damping=0.5", "checkpoint=rasnet", "--cfg", "job"],
        ["evaluate", "--cfg", "job", "tracking.damping=0.5", "checkpoint=rasnet"],
        ["track", "source=x", "tracker=rasnet", "--cfg", "job"],
    ],
)
def test_options_may_stand_anywhere(run, arguments):
    code, text, error = run(*arguments)
    assert code == 0 and "trackers.ScalePyramidTracker" in text, error


def test_names_of_run_directories(monkeypatch):
    assert _tracker_label(None, "rar") == "rar"
    assert _tracker_label("runs/mine/checkpoints/best.pt", "rar") == "mine"
    assert _tracker_label("weights/small.pt", "rar") == "small"
    monkeypatch.setattr(sys, "argv", [
        "train.py", "-m", "seed=1,2", "dataset.size=[160,120]", "tracking.scales=choice(1,3)",
        "+experiment/table=glob(*)", "backbone.weights=a/b.pt,c/d.pt", "trainer.epochs=3",
    ])  # fmt: skip
    assert _sweep_row("rar", ["seed=1", "tracking.scales=3", "trainer.epochs=3"]) == (
        "rar/seed-1_tracking.scales-3"
    )
    assert (
        _sweep_row("table/row", ["+experiment/table=row", "dataset.size=[160,120]"]) == "table/row"
    )
    assert _sweep_row("rar", ["backbone.weights=a/b.pt"]) == "rar/backbone.weights-a-b.pt"
    assert len(_sweep_row("rar", ["backbone.weights=" + "x" * 300])) < 120
