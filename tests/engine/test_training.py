"""The loop on a RAR that is small enough for a test, in its own process where it is killed."""

import itertools
import json
import math
import os
import signal
import subprocess
import time

import pytest
import torch
from conftest import ROOT

from backbones import ResNet
from engine.checkpoints import load_checkpoint, save_checkpoint
from engine.training import Settings, Training, check_same_config
from ops.clip import Clip, ClipGeometry
from ops.errors import InputError
from trackers.base import Tracker

SMALL = (
    "backbone=resnet18 backbone.outputs=[conv2] head.stride=4 head.hidden_channels=4 head.width=8 "
    "head.out_channels=4 tracker.input_size=63 dataset.count=3 dataset.length=12 "
    "dataset.size=[160,120] val_dataset.count=2 val_dataset.length=5 val_dataset.size=[160,120] "
    "trainer.epochs=3 trainer.clips_per_epoch=8 trainer.batch_size=2 trainer.workers=0 "
    "trainer.checkpoint_every=1 trainer.log_every=1 device=cpu"
).split()


def command(python, directory, *more):
    return [python, str(ROOT / "train.py"), *SMALL, f"hydra.run.dir={directory}", *more]


def weights(directory, name="last.pt"):
    return torch.load(directory / "checkpoints" / name, weights_only=True)


def assert_same(a, b):
    """Equal trees of tensors and plain values, bit for bit."""
    assert type(a) is type(b)
    if isinstance(a, torch.Tensor):
        assert torch.equal(a, b)
    elif isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            assert_same(a[key], b[key])
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b)
        for left, right in zip(a, b, strict=True):
            assert_same(left, right)
    else:
        assert a == b


def test_a_killed_run_resumes_to_the_same_weights(python, tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    subprocess.run(command(python, whole), check=True, capture_output=True)

    process = subprocess.Popen(
        command(python, broken), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    metrics = broken / "metrics.jsonl"
    while not (metrics.exists() and metrics.read_text().count("\n") >= 6):
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    stopped = weights(broken)["step"]
    assert 4 <= stopped < 12

    # without resume=true a used directory is refused, and stays as it is
    refused = subprocess.run(command(python, broken), capture_output=True, text=True)
    assert refused.returncode == 1 and "resume=true" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert weights(broken)["step"] == stopped

    subprocess.run(
        command(python, broken, "resume=true", "trainer.workers=1"), check=True, capture_output=True
    )
    ends = weights(whole), weights(broken)
    for key in ("model", "optimizer", "step", "best", "random"):
        assert_same(ends[0][key], ends[1][key])
    assert_same(weights(whole, "best.pt")["model"], weights(broken, "best.pt")["model"])

    lines = [
        [json.loads(line) for line in (d / "metrics.jsonl").read_text().splitlines()]
        for d in (whole, broken)
    ]
    losses = [[(x["step"], x["loss"]) for x in run if "loss" in x] for run in lines]
    assert losses[0] == losses[1] and len(losses[0]) == 12
    for file in ("train.log", ".hydra/config.yaml", ".hydra/overrides.yaml", "tensorboard"):
        assert (whole / file).exists()


class Line(Tracker):
    """Fits one number to the mean of the search patches."""

    def __init__(self, value=0.0):
        super().__init__()
        self.value = torch.nn.Parameter(torch.tensor(value))
        self.rates = []

    def loss(self, clip):
        error = clip.searches.float().mean() / 255 - self.value
        seen = {"responses": torch.zeros(*clip.searches.shape[:2], 5, 5)}
        return {"square": error.square()}, seen

    def geometry(self):
        return ClipGeometry(20, 5, 12, 3)


class Clips:
    """Grey clips whose brightness is a function of the key."""

    def __getitem__(self, key):
        box = torch.tensor([[4.0, 4, 4, 4]])
        grey = torch.full((1, 3, 12, 12), 100 + key[1], dtype=torch.uint8)
        template = torch.zeros(1, 3, 20, 20, dtype=torch.uint8)
        return Clip(template, 2 * box, grey, box, torch.ones(1), torch.ones(1, dtype=torch.bool))


def settings(**changed):
    values = {
        "epochs": 2, "clips_per_epoch": 10, "batch_size": 2, "max_steps": None, "workers": 0,
        "amp": True, "clip_norm": 10.0, "log_every": 2, "picture_every": 4, "checkpoint_every": 3,
        "validate": True, "validate_every": 1, "learning_rate": 0.1,
        "final_learning_rate": 0.001, "momentum": 0.0, "weight_decay": 0.0,
    }  # fmt: skip
    return Settings(**(values | {"frozen_epochs": 0} | changed))


def training(tmp_path, tracker=None, validate=None, **changed):
    return Training(
        tracker or Line(), Clips(), settings(**changed), tmp_path, {}, torch.device("cpu"), validate
    )


def test_the_learning_rate_falls_exponentially_over_all_steps(tmp_path):
    run = training(tmp_path, max_steps=4)
    rates = [run.settings.rate(step) for step in range(10)]
    assert rates[0] == pytest.approx(0.1) and rates[-1] == pytest.approx(0.001)
    ratios = [b / a for a, b in itertools.pairwise(rates)]
    assert max(ratios) - min(ratios) < 1e-9
    assert run.settings.last_step == 4 and run.settings.total_steps == 10


def test_the_rate_is_constant_in_the_frozen_epochs(tmp_path):
    run = training(tmp_path, epochs=3, frozen_epochs=1)
    rates = [run.settings.rate(step) for step in range(15)]
    assert rates[:6] == pytest.approx([0.1] * 6) and rates[-1] == pytest.approx(0.001)
    ratios = [b / a for a, b in itertools.pairwise(rates[5:])]
    assert max(ratios) - min(ratios) < 1e-9
    with pytest.raises(InputError, match="frozen_epochs=2"):
        settings(frozen_epochs=2)


class Features(Line):
    """Fits the mean of a loaded backbone's features and one number that is new."""

    def __init__(self, weights):
        super().__init__()
        self.backbone = ResNet(18, ["conv2"], 4, weights=weights, frozen=["conv1"])

    def loss(self, clip):
        feature = self.backbone(clip.searches[:, 0].float())[0].mean()
        return {"square": (feature - self.value).square()}, {}


def test_frozen_epochs_train_only_what_was_not_loaded(tmp_path):
    weights_file = str(tmp_path / "resnet.pt")
    torch.manual_seed(0)
    torch.save(ResNet(18, ["conv2"], 4).state_dict(), weights_file)

    def states(run):
        keys = ("conv1.weight", "layer1.0.conv1.weight", "layer1.0.bn1.running_mean")
        state = run.tracker.backbone.state_dict()
        return [state[key].clone() for key in keys] + [run.tracker.value.detach().clone()]

    def start(name, **changed):
        (tmp_path / name).mkdir(exist_ok=True)
        changed = {"epochs": 3, "frozen_epochs": 1, "checkpoint_every": 1} | changed
        return training(tmp_path / name, Features(weights_file), **changed)

    run = start("whole", max_steps=5)  # the frozen epoch
    before = states(run)
    run.fit()
    after = states(run)
    same = [torch.equal(a, b) for a, b in zip(before, after, strict=True)]
    assert same == [True, True, True, False]
    assert run.tracker.training and not run.tracker.backbone.layer1.training

    ends = []
    for name, stop in (("whole", 5), ("early", 3), ("late", 8)):  # cut, and gone on with
        start(name, max_steps=stop).fit() if name != "whole" else None
        run = start(name)
        run.resume()
        assert run.step == stop
        run.fit()
        ends.append(states(run))
    same = [torch.equal(a, b) for a, b in zip(before, ends[0], strict=True)]
    assert same == [True, False, False, False]  # conv1 is frozen for good
    for other in ends[1:]:
        assert all(torch.equal(a, b) for a, b in zip(ends[0], other, strict=True))


def test_plain_gradient_descent_by_hand(tmp_path):
    run = training(tmp_path)
    run.fit()
    value = 0.0
    for step in range(10):
        first = step * 2 % 10
        mean = sum((100 + index) / 255 for index in (first, first + 1)) / 2
        value -= 0.1 * 0.01 ** (step / 9) * 2 * (value - mean)
    assert run.tracker.value.item() == pytest.approx(value, abs=1e-6)


def test_the_best_by_validation_is_kept(tmp_path):
    scores = iter([0.5, 0.3])
    values = []

    def validate(tracker):
        assert not tracker.training
        values.append(tracker.value.item())
        return next(scores)

    run = training(tmp_path, validate=validate)
    run.fit()
    assert run.best == 0.5 and run.tracker.training
    assert weights(tmp_path, "best.pt")["model"]["value"].item() == values[0]
    assert weights(tmp_path)["step"] == 10


def test_a_loss_that_is_not_finite_stops_with_its_batch_saved(tmp_path):
    run = training(tmp_path, Line(math.nan))
    with pytest.raises(InputError, match="step 0: the loss is nan"):
        run.fit()
    saved = torch.load(tmp_path / "not_finite.pt", weights_only=True)
    assert saved["clip"]["searches"].shape == (2, 1, 3, 12, 12)
    assert not (tmp_path / "checkpoints").exists()


class Root(Line):
    """A loss of finite value whose gradient is not."""

    def loss(self, clip):
        losses, seen = super().loss(clip)
        return {
            "root": losses["square"] * 0 + (self.value - self.value.detach()).abs().sqrt()
        }, seen


def test_a_gradient_that_is_not_finite_stops_before_the_weights_are_lost(tmp_path):
    run = training(tmp_path, Root())
    with pytest.raises(InputError, match="step 0: the loss is 0, its gradient nan"):
        run.fit()
    assert run.tracker.value.item() == 0 and not (tmp_path / "checkpoints").exists()


def test_a_run_killed_before_its_first_checkpoint_starts_again(tmp_path):
    run = training(tmp_path, max_steps=2, checkpoint_every=1)
    run.fit()
    (tmp_path / "checkpoints" / "last.pt").unlink()
    with open(tmp_path / "metrics.jsonl", "a") as file:
        file.write('{"step": 2, "lo')  # a line that the kill cut short
    again = training(tmp_path, max_steps=2)
    again.resume()
    assert again.step == 0 and (tmp_path / "metrics.jsonl").read_text() == ""
    again.fit()
    assert again.tracker.value.item() == run.tracker.value.item()


def test_long_gradients_are_shortened(tmp_path):
    run = training(tmp_path, Line(1000.0), clip_norm=1.0, max_steps=1)
    run.fit()
    assert run.tracker.value.item() == pytest.approx(1000 - 0.1, abs=1e-3)


def test_a_run_goes_on_only_as_it_was_started():
    held = {"seed": 0, "name": "a", "trainer": {"batch_size": 2, "max_steps": 5}}
    check_same_config(held, {"seed": 0, "name": "b", "trainer": {"batch_size": 2, "max_steps": 9}})
    with pytest.raises(InputError, match=r"trainer.batch_size=2, not 4"):
        check_same_config(held, {**held, "trainer": {"batch_size": 4, "max_steps": 5}})


@pytest.mark.parametrize("damage", ["half", "foreign", "missing", "empty"])
def test_a_damaged_checkpoint_is_named(tmp_path, damage):
    path = tmp_path / "last.pt"
    save_checkpoint(path, {"model": {"value": torch.zeros(1000)}})
    data = path.read_bytes()
    if damage == "half":
        path.write_bytes(data[: len(data) // 2])
    elif damage == "foreign":
        torch.save({"state_dict": {}}, path)
    elif damage == "empty":
        path.write_bytes(b"")
    else:
        path.unlink()
    with pytest.raises(InputError, match="last.pt: "):
        load_checkpoint(path)
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []
