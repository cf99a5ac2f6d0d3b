"""What happens to machines and disks, caused on purpose."""

import os
import resource
import signal
from pathlib import Path

import cv2
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
from conftest import sliding

from engine.finite import DEAD, FiniteCheck
from ops.errors import InputError


def write_folder(root, sequences=4, length=10):
    """A folder of sequences: {number of the sequence: its pictures}."""
    pictures = {}
    for number in range(sequences):
        sequence = sliding(f"s{number}", length, (160, 120), seed=number)
        folder = root / sequence.name / "img"
        folder.mkdir(parents=True)
        pictures[number] = [folder / f"{index:04d}.jpg" for index in range(length)]
        for path, frame in zip(pictures[number], sequence.frames, strict=True):
            cv2.imwrite(str(path), frame[..., ::-1])
        rows = "".join(",".join(map(str, box)) + "\n" for box in sequence.boxes)
        (root / sequence.name / "groundtruth_rect.txt").write_text(rows)
    return pictures


def on_folder(root):
    return {"footage": ["dataset=folder", f"data_root={root}"]}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    directory = tmp_path_factory.mktemp("whole") / "run"
    assert run_training(directory)[0] == 0
    return directory


def test_an_unreadable_picture_is_named_and_gone_around(tmp_path):
    pictures = write_folder(tmp_path / "footage")
    broken = pictures[1][4]
    broken.write_bytes(broken.read_bytes()[:-200])
    code, printed = run_training(tmp_path / "run", **on_folder(tmp_path / "footage"))
    assert code == 0, printed
    log = (tmp_path / "run" / "train.log").read_text()
    lines = [line for line in log.splitlines() if str(broken) in line]
    assert len(lines) == 1 and "another clip is drawn" in lines[0]
    assert checkpoint(tmp_path / "run")["unreadable"] > 0

    # Workers, too: the same clips, the same weights.
    code, printed = run_training(
        tmp_path / "workers", "trainer.workers=2", **on_folder(tmp_path / "footage")
    )
    assert code == 0, printed
    assert_same_end(tmp_path / "run", tmp_path / "workers")


def test_too_many_unreadable_pictures_stop_the_run(tmp_path):
    pictures = write_folder(tmp_path / "footage")
    for path in (*pictures[0], *pictures[1]):
        path.write_bytes(b"no picture")
    code, printed = run_training(
        *(tmp_path / "run", "trainer.unreadable=0.002"), **on_folder(tmp_path / "footage")
    )
    assert code == 1 and "trainer.unreadable=0.002" in printed and "Traceback" not in printed


def test_a_reader_that_dies_is_replaced(undisturbed, tmp_path):
    process = start_training(tmp_path / "run", "trainer.workers=1")
    wait_for_steps(process, tmp_path / "run", 3)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert children
    for child in children:
        os.kill(int(child), signal.SIGKILL)
    process.join()
    printed = (tmp_path / "run.txt").read_text()
    assert process.exitcode == 0 and "others go on in its place" in printed, printed
    assert_same_end(undisturbed, tmp_path / "run")


def limit_files():
    """No file may grow beyond 100 kB, as on a disk that is nearly full."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))


def test_a_full_disk_is_one_clear_line_and_the_run_goes_on_once_there_is_room(
    undisturbed, tmp_path
):
    directory = tmp_path / "run"
    assert run_training(directory, "trainer.max_steps=2")[0] == 0
    before = checkpoint(directory)
    code, printed = run_training(directory, "resume=true", first=limit_files)
    assert code == 1 and "next.pt: cannot be written (File too large)" in printed, printed
    assert "Traceback" not in printed
    assert_same(before, checkpoint(directory))
    assert not [path for path in (directory / "checkpoints").iterdir() if path.suffix == ".tmp"]
    code, printed = run_training(directory, "resume=true")
    assert code == 0, printed
    for key in ("model", "optimizer", "step"):
        assert_same(checkpoint(undisturbed)[key], checkpoint(directory)[key])


def test_a_dataset_that_changed_is_not_gone_on_with(tmp_path):
    write_folder(tmp_path / "footage")
    directory, footage = tmp_path / "run", on_folder(tmp_path / "footage")
    assert run_training(directory, "trainer.max_steps=2", **footage)[0] == 0
    annotation = tmp_path / "footage" / "s2" / "groundtruth_rect.txt"
    annotation.write_text(annotation.read_text().replace("20.0", "21.0"))
    code, printed = run_training(directory, "resume=true", **footage)
    assert code == 1 and "training data changed since this run began" in printed


def test_a_cache_does_not_serve_other_footage(tmp_path):
    cached = (f"cache.directory={tmp_path / 'cache'}", "trainer.validate=false")
    cached += ("trainer.max_steps=2",)
    for seed in (0, 1):
        for name, keys in (("with", cached), ("without", cached[1:])):
            directory = tmp_path / f"{name}{seed}"
            code, printed = run_training(directory, *keys, f"dataset.seed={seed}")
            assert code == 0, printed
        with_cache, without = (tmp_path / f"{name}{seed}" for name in ("with", "without"))
        assert_same(checkpoint(with_cache)["model"], checkpoint(without)["model"])
    assert len(list((tmp_path / "cache").iterdir())) == 2


def poison_rank_1():
    """Let the loss of the second process be NaN from its third step on."""
    from trackers import CorrelationFilterTracker

    loss, steps = CorrelationFilterTracker.loss, []

    def poisoned(tracker, clip):
        losses, seen = loss(tracker, clip)
        steps.append(clip)
        bad = os.environ["RANK"] == "1" and len(steps) > 2
        return {name: value * (float("nan") if bad else 1) for name, value in losses.items()}, seen

    CorrelationFilterTracker.loss = poisoned


def test_a_loss_that_is_not_finite_stops_all_ranks_with_their_batches_saved(tmp_path):
    directory = tmp_path / "run"
    ranks = start_ranks(directory, "trainer.validate=false", first=poison_rank_1)
    for rank, process in enumerate(ranks):
        process.join()
        printed = Path(f"{directory}_{rank}.txt").read_text()
        assert process.exitcode == 1 and "step 2: the loss is" in printed, printed
    assert checkpoint(directory)["step"] == 2
    for name in ("not_finite.pt", "not_finite_rank1.pt"):
        saved = torch.load(directory / name, weights_only=True)
        assert saved["step"] == 2 and saved["clip"]["searches"].shape == (1, 2, 3, 63, 63)


def test_a_dead_network_stops_the_run(tmp_path):
    finite = FiniteCheck(tmp_path, torch.device("cpu"))
    alive, dead = torch.tensor(0.5), torch.tensor(0.0)
    for step in range(3 * DEAD):  # a step now and then whose clips are all answered
        finite.add(step, None, alive, alive if step % DEAD == 0 else dead)
    finite.add(100, None, alive, alive)
    for step in range(DEAD - 1):
        finite.add(101 + step, None, alive, dead)
    with pytest.raises(InputError, match=r"step 120: the gradient was exactly 0 for 20 steps"):
        finite.add(120, None, alive, dead)
    assert not list(tmp_path.iterdir())
