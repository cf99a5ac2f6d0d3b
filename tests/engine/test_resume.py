"""A run that is killed, stopped, or finds its checkpoint torn ends as if nothing had happened."""

import json
import os
import random
import signal
import time

import pytest
import torch
from commands import (
    assert_same,
    assert_same_end,
    checkpoint,
    run_training,
    start_ranks,
    start_training,
    wait_for_steps,
)

SIXTY = ("trainer.clips_per_epoch=40", "trainer.checkpoint_every=4")  # 3 epochs of 20 steps


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    directory = tmp_path_factory.mktemp("whole") / "run"
    code, printed = run_training(directory, *SIXTY)
    assert code == 0, printed
    assert checkpoint(directory)["step"] == 60
    return directory


def losses(directory):
    lines = [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]
    return [(line["step"], line["loss"]) for line in lines if "loss" in line]


def test_killed_at_ten_moments(undisturbed, tmp_path):
    directory, chance = tmp_path / "run", random.Random(5)
    resumed = ()
    for kill in range(10):
        process = start_training(directory, *SIXTY, *resumed)
        wait_for_steps(process, directory, len_metrics(directory, resumed) + chance.randint(1, 7))
        time.sleep(chance.uniform(0, 0.15))
        assert process.is_alive(), f"it ended before kill {kill}"
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        resumed = ("resume=true",)
    assert checkpoint(directory)["step"] < 60
    code, printed = run_training(directory, *SIXTY, "resume=true")
    assert code == 0, printed
    assert_same_end(undisturbed, directory)
    assert losses(undisturbed) == losses(directory) and len(losses(directory)) == 60


def len_metrics(directory, resumed):
    """Lines that a resumed run starts with: those up to its checkpoint."""
    path = directory / "checkpoints" / "last.pt"
    if not resumed or not path.exists():
        return 0
    step = checkpoint(directory)["step"]
    lines = (directory / "metrics.jsonl").read_text().splitlines(keepends=True)
    return sum(line.endswith("\n") and json.loads(line)["step"] <= step for line in lines)


def test_sigterm_saves_and_the_same_command_goes_on(undisturbed, tmp_path):
    directory = tmp_path / "run"
    often = (*SIXTY, "trainer.checkpoint_every=50", "trainer.workers=1")
    process = start_training(directory, *often)
    wait_for_steps(process, directory, 6)
    os.kill(process.pid, signal.SIGTERM)
    process.join()
    printed = (tmp_path / "run.txt").read_text()
    assert process.exitcode == 143 and "Traceback" not in printed, printed
    stopped = checkpoint(directory)["step"]
    assert 6 <= stopped < 20 and f"step {stopped}" in (directory / "stopped").read_text()
    assert losses(directory)[-1][0] == stopped

    code, printed = run_training(directory, *SIXTY)  # without resume=true
    assert code == 0 and not (directory / "stopped").exists(), printed
    assert_same_end(undisturbed, directory)


def test_sigterm_while_the_test_set_is_tracked(tmp_path):
    directory = tmp_path / "run"
    after = ("trainer.max_steps=1", "trainer.validate=false", "evaluate_after=true")
    after += ("test_dataset.count=2", "test_dataset.length=100", "evaluation.batch_size=1")
    process = start_training(directory, *after)
    while process.is_alive() and not (directory / "results").exists():
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGTERM)
    process.join()
    assert process.exitcode == 143 and not (directory / "report.json").exists()
    code, printed = run_training(directory, *after)
    assert code == 0 and (directory / "report.json").exists(), printed


def test_sigterm_while_two_ranks_validate(tmp_path):
    directory = tmp_path / "run"
    slow = ("val_dataset.length=300", "evaluation.batch_size=1", "trainer.max_steps=4")
    ranks = start_ranks(directory, *slow)
    while all(rank.is_alive() for rank in ranks) and not saved(directory, 4):
        time.sleep(0.05)
    time.sleep(0.5)
    for rank in ranks:
        os.kill(rank.pid, signal.SIGTERM)
    for rank in ranks:
        rank.join(20)
        assert rank.exitcode == 143, (tmp_path / "run_0.txt").read_text()
    assert "step 4" in (directory / "stopped").read_text()
    assert checkpoint(directory)["validated"] == 0


def test_all_ranks_stop_where_one_is_asked(tmp_path):
    directory = tmp_path / "run"
    ranks = start_ranks(directory, *SIXTY, "trainer.checkpoint_every=50", "trainer.validate=false")
    wait_for_steps(ranks[0], directory, 3)
    os.kill(ranks[1].pid, signal.SIGTERM)
    for rank in ranks:
        rank.join(20)
        assert rank.exitcode == 143, (tmp_path / "run_0.txt").read_text()
    step = checkpoint(directory)["step"]
    assert 3 <= step < 20 and f"step {step}" in (directory / "stopped").read_text()


def ask_in_the_last_save():
    """SIGTERM while the checkpoint of step 2 is written."""
    from engine.checkpoints import Checkpoints

    save = Checkpoints.save

    def asked(checkpoints, content):
        save(checkpoints, content)
        if content["step"] == 2:
            signal.raise_signal(signal.SIGTERM)

    Checkpoints.save = asked


def test_a_run_asked_in_its_last_step_does_not_go_on_to_the_test_set(tmp_path):
    directory = tmp_path / "run"
    after = ("trainer.max_steps=2", "trainer.validate=false", "evaluate_after=true")
    after += ("test_dataset.count=1", "test_dataset.length=5")
    code, printed = run_training(directory, *after, first=ask_in_the_last_save)
    assert code == 143 and not (directory / "results").exists(), printed
    code, printed = run_training(directory, *after)
    assert code == 0 and (directory / "report.json").exists(), printed


def test_a_report_of_earlier_weights_does_not_stay(tmp_path):
    directory = tmp_path / "run"
    after = ("evaluate_after=true", "test_dataset.count=1", "test_dataset.length=5")
    slow = ("val_dataset.length=60", "evaluation.batch_size=1", "trainer.epochs=2")
    code, printed = run_training(directory, *after, *slow, "trainer.max_steps=3")
    assert code == 0, printed
    process = start_training(directory, *after, *slow, "resume=true", "trainer.max_steps=8")
    while process.is_alive() and not saved(directory, 8):
        time.sleep(0.01)
    time.sleep(0.3)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    code, printed = run_training(directory, *after, *slow, "resume=true", "trainer.max_steps=8")
    assert code == 0, printed
    report = json.loads((directory / "report.json").read_text())
    assert "step 3" not in json.dumps(report["made_by"])


def saved(directory, step):
    """Whether the newest checkpoint is of this step."""
    path = directory / "checkpoints" / "last.pt"
    return path.exists() and checkpoint(directory)["step"] == step


def requeue():
    """As submitit does: a job that is warned of its end goes back into the queue."""

    def handler(number, frame):
        print("back into the queue", flush=True)
        os._exit(0)

    signal.signal(signal.SIGUSR2, handler)


@pytest.mark.parametrize(
    ("number", "first", "code", "word"),
    [
        (signal.SIGINT, None, 130, "the same command goes on"),
        (signal.SIGUSR2, requeue, 0, "back into the queue"),
    ],
)
def test_other_signals_save_before_they_act(tmp_path, number, first, code, word):
    directory = tmp_path / "run"
    process = start_training(directory, *SIXTY, "trainer.checkpoint_every=50", first=first)
    wait_for_steps(process, directory, 2)
    os.kill(process.pid, number)
    process.join()
    printed = (tmp_path / "run.txt").read_text()
    assert process.exitcode == code and word in printed and "Traceback" not in printed, printed
    step = checkpoint(directory)["step"]
    assert 2 <= step < 20 and f"step {step}" in (directory / "stopped").read_text()


def test_a_requeued_job_goes_on_by_itself_and_another_is_refused(tmp_path):
    directory = tmp_path / "run"
    assert run_training(directory, "trainer.max_steps=2")[0] == 0
    code, printed = run_training(directory, "trainer.max_steps=3")
    assert code == 1 and "resume=true" in printed and checkpoint(directory)["step"] == 2
    again = {"SLURM_RESTART_COUNT": "1"}
    code, printed = run_training(directory, "trainer.max_steps=3", environment=again)
    assert code == 0 and checkpoint(directory)["step"] == 3, printed
    code, printed = run_training(directory, "trainer.batch_size=4", "resume=true")
    assert code == 1 and "trainer.batch_size=2, not 4" in printed


@pytest.mark.parametrize("damage", ["torn", "foreign"])
def test_the_checkpoint_before_a_damaged_one_is_used(tmp_path, damage):
    whole, directory = tmp_path / "whole", tmp_path / "run"
    for place, steps in ((whole, 6), (directory, 4)):
        assert run_training(place, f"trainer.max_steps={steps}")[0] == 0
    last = directory / "checkpoints" / "last.pt"
    if damage == "torn":
        last.write_bytes(last.read_bytes()[:-1000])
    else:
        torch.save({"state_dict": {}}, last)
    code, printed = run_training(directory, "trainer.max_steps=6", "resume=true")
    assert code == 0, printed
    assert f"last.pt: {'torn' if damage == 'torn' else 'not written by train.py'}" in printed
    assert "previous.pt, of step 4, is used in its place" in printed
    for key in ("model", "optimizer"):
        assert_same(checkpoint(whole)[key], checkpoint(directory)[key])

    for name in ("last.pt", "previous.pt"):
        (directory / "checkpoints" / name).write_bytes(b"")
    code, printed = run_training(directory, "trainer.max_steps=6", "resume=true")
    assert code == 1 and "none before it" in printed
