"""The training loop, on trackers whose steps are worked out by hand."""

import itertools
import json
import math

import numpy as np
import pytest
import torch

from backbones import ResNet
from engine.checkpoints import load_checkpoint, save_checkpoint
from engine.settings import Settings
from engine.training import Training, check_same_config
from ops.clip import ClipGeometry, RawClips
from ops.crop import Frames
from ops.errors import InputError
from trackers.base import Tracker


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
        return Clips.geometry


class Clips:
    """Grey clips whose brightness is a function of the key."""

    geometry = ClipGeometry(20, 5, 12, 3)

    def __getitems__(self, keys):
        batch, window = len(keys), torch.tensor([4.0, 4, 20, 20])
        greys = [np.full((40, 40, 3), 100 + index, np.uint8) for _, index in keys]
        frames, boxes = Frames.stack(greys), torch.tensor([4.0, 4, 4, 4]).expand(batch, 1, 4)
        windows = window.expand(batch, 1, 4)
        rest = torch.ones(batch, 1), torch.ones(batch, 1, dtype=torch.bool)
        return RawClips(
            *(frames, windows, 2 * boxes, frames, windows, boxes, *rest),
            *(torch.arange(batch), None, []),
        )


def settings(**changed):
    values = {
        "epochs": 2, "clips_per_epoch": 10, "batch_size": 2, "max_steps": None, "workers": 0,
        "amp": "auto", "compile": False, "clip_norm": 10.0, "log_every": 2, "picture_every": 4,
        "checkpoint_every": 3, "keep_every": None, "keep_most": 5, "unreadable": 0.01,
        "validate": True, "validate_every": 1, "learning_rate": 0.1, "backbone_factor": 1.0,
        "final_learning_rate": 0.001, "momentum": 0.0, "weight_decay": 0.0,
    }  # fmt: skip
    return Settings(**(values | {"frozen_epochs": 0} | changed))


def training(tmp_path, tracker=None, validate=None, **changed):
    return Training(
        *(tracker or Line(), Clips(), settings(**changed), tmp_path, {}, torch.device("cpu")),
        validate=validate,
    )


def weights(directory, name="last.pt"):
    return torch.load(directory / "checkpoints" / name, weights_only=True)


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
    for path in (tmp_path / "checkpoints").iterdir():
        path.unlink()
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


@pytest.mark.parametrize("damage", ["half", "foreign", "missing", "empty", "flipped"])
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
    elif damage == "flipped":
        place = data.index(bytes(400)) + 100  # within the tensor
        path.write_bytes(data[:place] + b"\1" + data[place + 1 :])
    else:
        path.unlink()
    with pytest.raises(InputError, match="last.pt: "):
        load_checkpoint(path)
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


@pytest.mark.parametrize("name", ["learning_rate", "final_learning_rate"])
def test_a_rate_of_zero_is_refused(name):
    with pytest.raises(InputError, match=f"optimizer.{name}=0: expected a number above 0"):
        settings(**{name: 0.0})


@pytest.mark.parametrize(("amp", "expected"), [("auto", False), (True, True), (False, False)])
def test_steps_on_the_cpu_compute_in_bf16_where_that_is_said(tmp_path, monkeypatch, amp, expected):
    monkeypatch.setattr("engine.settings.computes_bf16", lambda: True)
    types = []

    class Product(Line):
        def loss(self, clip):
            types.append((self.value[None, None] @ torch.ones(1, 1)).dtype)
            return super().loss(clip)

    training(tmp_path, Product(), amp=amp, max_steps=1, validate=False).fit()
    assert types == [torch.bfloat16 if expected else torch.float32]
    assert weights(tmp_path)["model"]["value"].dtype == torch.float32
    assert settings(amp=amp).mixed(torch.device("cuda")) is (amp is not False)


def test_a_cpu_without_bf16_computes_in_float32_and_says_so(monkeypatch):
    """It would take seven times as long: convolutions fall back to plain loops."""
    monkeypatch.setattr("engine.settings.computes_bf16", lambda: False)
    with pytest.warns(UserWarning, match="trainer.amp=true: this CPU has no instructions for bf16"):
        assert not settings(amp=True).mixed(torch.device("cpu"))
    assert settings(amp=True).mixed(torch.device("cuda"))


def test_another_precision_is_refused():
    with pytest.raises(InputError, match="trainer.amp=bf16: expected true, false or auto"):
        settings(amp="bf16")


def test_a_batch_is_shared_evenly():
    settings(batch_size=6).check_ranks(3)
    with pytest.raises(InputError, match=r"trainer.batch_size=2: .* multiple of the 3 processes"):
        settings().check_ranks(3)


def test_numbered_checkpoints_are_pruned(tmp_path):
    training(tmp_path, checkpoint_every=100, keep_every=2, keep_most=3).fit()
    names = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    numbered = [f"step_{step:08d}.pt" for step in (6, 8, 10)]
    assert names == ["last.pt", "previous.pt", *numbered]
    steps = [weights(tmp_path, name)["step"] for name in names]
    assert steps == [10, 8, 6, 8, 10]


def test_footage_that_changed_is_not_gone_on_with(tmp_path):
    run = training(tmp_path, max_steps=2)
    run.footage = "before"
    run.fit()
    again = training(tmp_path)
    again.footage = "after"
    with pytest.raises(InputError, match="training data changed since this run began"):
        again.resume()


def test_the_backbone_learns_at_its_own_rate(tmp_path):
    weights_file = str(tmp_path / "resnet.pt")
    torch.save(ResNet(18, ["conv2"], 4).state_dict(), weights_file)
    run = training(tmp_path, Features(weights_file), backbone_factor=0.0, max_steps=2)
    before = run.tracker.backbone.layer1[0].conv1.weight.detach().clone()
    run.fit()
    assert torch.equal(before, run.tracker.backbone.layer1[0].conv1.weight)
    assert run.tracker.value.item() != 0


def test_validation_that_was_cut_short_is_done_at_the_start(tmp_path):
    def cut(tracker):
        raise KeyboardInterrupt

    run = training(tmp_path, validate=cut)
    with pytest.raises(KeyboardInterrupt):
        run.fit()
    assert weights(tmp_path)["step"] == 5 and not (tmp_path / "checkpoints" / "best.pt").exists()
    scores = iter([0.5, 0.3])
    run = training(tmp_path, validate=lambda tracker: next(scores))
    run.resume()
    run.fit()
    assert weights(tmp_path, "best.pt")["step"] == 5 and run.best == 0.5
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "val_score" in line] == [5, 10]
