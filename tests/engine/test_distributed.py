"""Two processes against one: each part, and whole trainings on the command line."""

import json
import os
import subprocess
import sys
import time
import warnings
from statistics import fmean

import pytest
import torch
from commands import checkpoint
from conftest import ROOT
from hydra import compose, initialize_config_dir
from torch import nn
from two_ranks import on_two_ranks

from datasets.synthetic import synthetic
from engine.build import build_tracker
from engine.distributed import ALONE, Ballot, World, build_device, distribute, find_world
from engine.evaluation import Evaluation
from engine.results import validation_score
from ops.clip import Clip
from ops.errors import InputError
from trackers import FirstBox
from trackers.base import Tracker

CPU = torch.device("cpu")


def test_the_world_is_what_torchrun_says(monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    assert find_world() == World(0, 1, 0, 1) and find_world().main
    told = {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "4"}
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    assert find_world() == World(5, 8, 1, 4) and not find_world().main


def test_each_process_takes_the_gpu_of_its_local_rank(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    second = World(3, 4, 1, 2)
    for name in ("auto", "cuda"):
        assert build_device(name, second) == torch.device("cuda:1")
        assert build_device(name) == torch.device("cuda")
    assert build_device("cpu", second) == CPU
    assert build_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(InputError, match="device=cuda:2: no such GPU, 2 found"):
        build_device("cuda:2")
    with pytest.raises(InputError, match="device=gpu: expected auto"):
        build_device("gpu")
    with pytest.raises(InputError, match="device=cuda:1: under torchrun"):
        build_device("cuda:1", second)
    with pytest.raises(InputError, match="3 processes on this machine, 2 GPUs found"):
        build_device("auto", World(0, 3, 0, 3))


def exchange(world):
    return (
        world.broadcast({"from": world.rank}),
        world.gather(10 * world.rank),
        world.stack(torch.tensor([world.rank, 2.0])),
    )


def test_values_are_exchanged(tmp_path):
    rows = torch.tensor([[0.0, 2], [1, 2]])
    for broadcast, gathered, stacked in on_two_ranks(exchange, tmp_path):
        assert broadcast == {"from": 0} and gathered == [0, 10]
        assert torch.equal(stacked, rows)
    alone = exchange(ALONE)
    assert alone[:2] == ({"from": 0}, [0]) and torch.equal(alone[2], rows[:1])


def take_turns(world, file):
    """Rank 0 writes, late; the others must find it. Then rank 0 fails, and both leave."""
    with world.main_first():
        if world.main:
            time.sleep(0.2)
            file.write_text("there")
        found = file.read_text()
    try:
        with world.main_first():
            if world.main:
                raise InputError("a wrong file")
            found = "went on"
    except (InputError, SystemExit) as error:
        return found, type(error)


def test_rank_0_goes_first_and_the_others_leave_when_it_fails(tmp_path):
    found = on_two_ranks(take_turns, tmp_path, tmp_path / "file")
    assert found == [("there", InputError), ("there", SystemExit)]
    with ALONE.main_first():
        pass


def vote(world, codes, file):
    """What each step's vote gives. Before its last vote, rank 1 waits until rank 0 has cast its."""
    ballot, results = Ballot(world), []
    for code in codes[world.rank][:-1]:
        results.append(ballot.cast(code))
    for _ in range(0 if world.main else 6000):
        if not file.exists():
            time.sleep(0.01)
    assert world.main or file.exists(), "rank 0 waits for a vote that was not cast"
    results.append(ballot.cast(codes[world.rank][-1]))
    file.touch()
    return [*results, ballot.close()]


def test_a_vote_is_read_a_step_later_and_nobody_waits(tmp_path):
    codes = [0, 0, 0, 0, 3], [0, 0, 2, 1, 0]
    for results in on_two_ranks(vote, tmp_path, codes, tmp_path / "cast"):
        assert results == [0, 0, 0, 2, 1, 3]
    assert vote(ALONE, [[0, 2, 0]], tmp_path / "alone") == [0, 2, 0, 0]  # at once


class Small(Tracker):
    """A stem that may be frozen, batch norm, and losses that are means over clips."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.head = nn.Conv2d(4, 1, 1)
        self.spare = nn.Parameter(torch.ones(3))  # gets no gradient, as a branch nobody reads

    def loss(self, clip):
        response = self.head(torch.tanh(self.norm(self.stem(clip.searches[:, 0] / 255))))
        losses = {"square": response.square().mean(), "shift": (response - 1).abs().mean()}
        return losses, {"responses": response.detach()}


def clips(step, share):
    pixels = torch.rand(8, 1, 3, 9, 9, generator=torch.manual_seed(step)).double() * 255
    empty = torch.zeros(8, 1, 4)
    clip = [pixels, empty, pixels, empty, empty[..., 0], empty[..., 0].bool(), torch.arange(8)]
    return Clip(*(tensor[share] for tensor in clip))


def means(world, losses):
    gathered = world.gather({name: loss.item() for name, loss in losses.items()})
    return {name: fmean(each[name] for each in gathered) for name in losses}


def four_steps(world):
    """Weights, buffers and losses after four steps of SGD; the stem is frozen in the first two."""
    tracker, losses = Small().double(), []
    optimizer = torch.optim.SGD(tracker.parameters(), 0.1, momentum=0.9, weight_decay=1e-2)
    size = 8 // world.size
    for step in range(4):
        if step in (0, 2):
            tracker.stem.requires_grad_(step == 2)
            module = distribute(tracker, world, CPU)
        found, seen = module(clips(step, slice(world.rank * size, (world.rank + 1) * size)))
        optimizer.zero_grad(set_to_none=True)
        sum(found.values()).backward()
        optimizer.step()
        assert list(found) == ["square", "shift"] and len(seen["responses"]) == size
        losses.append(means(world, found))
    return tracker.state_dict(), losses


def test_steps_of_two_processes_are_those_of_one_with_the_whole_batch(tmp_path):
    whole, losses = four_steps(ALONE)
    assert not torch.equal(whole["stem.weight"], Small().double().stem.weight)
    for state, shared_losses in on_two_ranks(four_steps, tmp_path):
        for name, tensor in whole.items():
            torch.testing.assert_close(state[name], tensor, rtol=1e-10, atol=1e-12)
        for mine, expected in zip(shared_losses, losses, strict=True):
            assert mine == pytest.approx(expected, rel=1e-10)


def validate(world, count):
    dataset = synthetic("val", count=count, length=6, size=(160, 120))
    tracked = []
    evaluation = Evaluation(FirstBox(), 2, on_round=tracked.append)
    return validation_score(evaluation, dataset, world), sum(tracked)


@pytest.mark.parametrize("count", [1, 3])  # one rank has nothing, or less
def test_validation_is_shared_and_every_rank_gets_the_score_of_all(tmp_path, count):
    score, frames = validate(ALONE, count)
    shared = on_two_ranks(validate, tmp_path, count)
    assert [found for found, _ in shared] == [score, score] and 0 < score < 1
    assert [tracked for _, tracked in shared] == [-(-count // 2) * 6, count // 2 * 6]
    assert frames == count * 6


# ------------------------------------------------------------------ every tracker

SIAMESE = ["tracker.template_size=95", "tracker.search_size=159"]
RESNET = ["backbone=resnet18", "backbone.outputs=[conv2,conv3]", *SIAMESE]
RAR = "head.stride=4 head.hidden_channels=4 head.width=8 head.out_channels=4 tracker.input_size=63"
SMALL = {
    "rar": ["backbone=resnet18", "backbone.outputs=[conv2]", *RAR.split()],
    "siamfc": ["backbone.width=0.25", *SIAMESE],
    "rasnet": ["backbone.width=0.25", *SIAMESE],
    "hrom": RESNET,
    "cract": RESNET,
}


def noise(geometry, sampling):
    """Two clips of noise, of which one is a negative pair."""
    generator = torch.manual_seed(2)

    def crops(count, size):
        pixels = 255 * torch.rand(2, count, 3, size, size, generator=generator)
        places = 0.3 + 0.4 * torch.rand(2, count, 2, generator=generator)
        sides = 0.2 + 0.3 * torch.rand(2, count, 2, generator=generator)
        return pixels, size * torch.cat([places - sides / 2, sides], -1)

    templates = crops(sampling.templates, geometry.template_size)
    searches = crops(sampling.searches, geometry.search_size)
    ones = torch.ones(2, sampling.searches)
    matches = ones.bool() & torch.tensor([[True], [False]])
    return Clip(*templates, *searches, ones, matches, torch.arange(2))


def gradients(world, name):
    """Losses and gradients of a batch in float64, in which rounding hides nothing."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # no pretrained weights
        patch.setattr(torch.Tensor, "float", torch.Tensor.double)
        patch.setattr(torch, "float32", torch.float64)
        torch.set_default_dtype(torch.float64)
        try:
            with initialize_config_dir(str(ROOT / "configs"), version_base="1.3"):
                config = compose("train", [f"tracker={name}", *SMALL[name]])
            tracker = build_tracker(config).train()
            clip = noise(tracker.geometry(), config.clip)
            part = Clip(*(tensor[world.rank :: world.size] for tensor in vars(clip).values()))
            network = distribute(tracker, world, CPU)
            losses, _ = network(part)
            sum(losses.values()).backward()
        finally:
            torch.set_default_dtype(torch.float)
    found = {key: value.grad for key, value in tracker.named_parameters()}
    return means(world, losses), found


@pytest.mark.parametrize("name", SMALL)
def test_gradients_of_every_tracker_are_those_of_the_whole_batch(tmp_path, name):
    losses, whole = gradients(ALONE, name)
    for mine, shared in on_two_ranks(gradients, tmp_path, name):
        assert mine == pytest.approx(losses, rel=1e-10)
        for key, gradient in whole.items():
            allowed = 1e-9 * gradient.abs().max().item()
            torch.testing.assert_close(shared[key], gradient, rtol=0, atol=allowed)


# ------------------------------------------------------------------ the command line

SHARED = (
    "dataset.count=3 dataset.length=12 dataset.size=[160,120] val_dataset.count=3 "
    "val_dataset.length=5 val_dataset.size=[160,120] trainer.epochs=2 trainer.clips_per_epoch=12 "
    "trainer.batch_size=4 trainer.workers=0 trainer.log_every=1 device=cpu"
).split()
# Backbones on which rounding stays small: a ReLU of random features turns it into other gradients.
SMOOTH = {"rar": ["backbone=pixels", *RAR.split()], "siamfc": SMALL["siamfc"]}
TORCHRUN = [sys.executable, *"-m torch.distributed.run --standalone --nproc_per_node=2".split()]


def arguments(directory, tracker, *more):
    return [f"tracker={tracker}", *SMOOTH[tracker], *SHARED, f"hydra.run.dir={directory}", *more]


def train(launcher, *arguments):
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [*launcher, str(ROOT / "train.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    return done.returncode, done.stderr


def lines(directory):
    return [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("tracker", SMOOTH)
def test_torchrun_trains_to_the_weights_of_one_process(tmp_path, tracker):
    one, two = tmp_path / "one", tmp_path / "two"
    for launcher, directory in (([sys.executable], one), (TORCHRUN, two)):
        code, error = train(launcher, *arguments(directory, tracker))
        assert code == 0, error
    ends = [checkpoint(directory) for directory in (one, two)]
    assert ends[0]["step"] == ends[1]["step"] == 6
    for key, tensor in ends[0]["model"].items():
        allowed = 1e-6 + 1e-4 * tensor.abs().max().item()
        torch.testing.assert_close(ends[1]["model"][key], tensor, rtol=1e-4, atol=allowed)
    assert ends[1]["best"] == pytest.approx(ends[0]["best"], abs=1e-6)

    logged = [[(line["step"], line.get("loss")) for line in lines(d)] for d in (one, two)]
    assert [step for step, _ in logged[1]] == [1, 2, 3, 3, 4, 5, 6, 6]  # by rank 0 alone
    for (_, mine), (_, expected) in zip(logged[1], logged[0], strict=True):
        assert mine == (expected and pytest.approx(expected, rel=1e-4))
    assert {path.name for path in one.iterdir()} == {path.name for path in two.iterdir()}
