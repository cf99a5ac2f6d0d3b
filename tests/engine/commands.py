"""Commands in processes of their own, which can be killed: forks of one that has torch loaded."""

import multiprocessing
import os
import socket
import sys
import time
from pathlib import Path

import torch

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["train"])

SMALL = (
    "backbone=resnet18 backbone.outputs=[conv2] head.stride=4 head.hidden_channels=4 head.width=8 "
    "head.out_channels=4 tracker.input_size=63 "
    "val_dataset.count=2 val_dataset.length=5 val_dataset.size=[160,120] "
    "trainer.epochs=3 trainer.clips_per_epoch=8 trainer.batch_size=2 trainer.workers=0 "
    "trainer.checkpoint_every=1 trainer.log_every=1 device=cpu"
).split()
SYNTHETIC = "dataset.count=3 dataset.length=12 dataset.size=[160,120]".split()


def start_training(directory, *more, footage=SYNTHETIC, environment=None, first=None, output=None):
    """A process that does what `python train.py ...` does, after `first`; its output goes to
    DIRECTORY.txt unless said."""
    output = output or Path(f"{directory}.txt")
    arguments = ["train.py", *SMALL, *footage, f"hydra.run.dir={directory}", *more]
    process = FORKS.Process(target=_train, args=(arguments, output, environment or {}, first))
    process.start()
    return process


def start_ranks(directory, *more, ranks=2, **kind):
    """As torchrun starts them; each one's output goes to DIRECTORY_RANK.txt."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"WORLD_SIZE": ranks, "LOCAL_WORLD_SIZE": ranks}
    shared |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    started = []
    for rank in range(ranks):
        environment = {key: str(value) for key, value in shared.items()}
        environment |= {"RANK": str(rank), "LOCAL_RANK": str(rank)}
        output = Path(f"{directory}_{rank}.txt")
        kind |= {"environment": environment, "output": output}
        started.append(start_training(directory, *more, **kind))
    return started


def run_training(directory, *more, **kind):
    """The same to its end: (exit code, what it printed)."""
    process = start_training(directory, *more, **kind)
    process.join()
    return process.exitcode, Path(f"{directory}.txt").read_text()


def _train(arguments, output, environment, first):
    os.setpgid(0, 0)
    stream = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(stream, 1)
    os.dup2(stream, 2)
    os.environ.update(environment)
    torch.set_num_threads(1)
    multiprocessing.current_process()._config["daemon"] = False  # it may have readers
    from engine.command import run_command
    from train import train

    if first is not None:
        first()
    sys.argv = arguments
    run_command(train, "train")


def wait_for_steps(process, directory, steps):
    """Until metrics.jsonl has so many lines, or the process has ended."""
    metrics = Path(directory) / "metrics.jsonl"
    while process.is_alive():
        if metrics.exists() and metrics.read_text().count("\n") >= steps:
            return
        time.sleep(0.01)


def checkpoint(directory, name="last.pt"):
    return torch.load(Path(directory) / "checkpoints" / name, weights_only=True)


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


def assert_same_end(one, other):
    """Two runs that ended with the same weights, state and best weights, and logged the same."""
    ends = checkpoint(one), checkpoint(other)
    for key in ("model", "optimizer", "step", "best", "validated", "random"):
        assert_same(ends[0][key], ends[1][key])
    assert_same(checkpoint(one, "best.pt")["model"], checkpoint(other, "best.pt")["model"])
