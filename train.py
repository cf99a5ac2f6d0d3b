"""Train a tracker: python train.py tracker=rar dataset=synthetic (README.md tells more)."""

import json
import logging
import shutil
import sys
import time
from collections.abc import Iterator
from typing import NoReturn

import torch
from omegaconf import DictConfig, OmegaConf

from datasets.clips import ClipDataset
from datasets.sequence import Dataset
from engine.build import (
    build_clips,
    build_tracker,
    describe_weights,
    load_tracker,
    network_config,
)
from engine.command import open_run, run_command
from engine.distributed import World, join_world, leave_world
from engine.evaluation import Evaluation, check_starts
from engine.hashes import footage_digest
from engine.instantiate import build_dataset
from engine.results import (
    Contestant,
    EvaluationSettings,
    check_evaluation,
    evaluate_all,
    validation_score,
)
from engine.run import Run
from engine.settings import Settings
from engine.stopping import Stopped, StopRequest
from engine.training import Training, Validate
from ops.errors import InputError, check_flag
from trackers import FirstBox
from trackers.base import Tracker


def train(config: DictConfig) -> None:
    """Train `config`'s tracker on its dataset, into the run directory; then, perhaps, test it.

    Started by torchrun, its processes share every batch and train as one.
    """
    check_flag("evaluate_after", config.evaluate_after)
    world, device = join_world(config.device)
    with world.main_first():  # of a used directory one of them says so
        run = open_run(config, world.main)
    run.resumed = world.broadcast(run.resumed)
    settings = Settings(**config.trainer, **config.optimizer)
    with world.main_first():  # it reads the annotations, the others what it wrote down
        dataset = build_dataset(config.dataset)
    validate = build_validation(config, world, device) if settings.validate else None
    test_dataset = build_test(config) if config.evaluate_after else None
    tracker = build_tracker(config).to(device, memory_format=torch.channels_last)
    digest = footage_digest(dataset)
    clips = build_clips(config, dataset, digest, tracker)
    plain = OmegaConf.to_container(config, resolve=True)
    training = Training(
        tracker, clips, settings, run.directory, plain, device, digest, validate, world
    )
    if run.resumed:
        training.resume()
    log = run.open("train", world.rank)
    log.info("%s: %s on %s, %s", run.directory, config.label, device, describe(training))
    for line in describe_clips(clips):
        log.info("%s", line)
    with StopRequest() as stop:
        try:
            fit(training, run, stop, log)
            if (
                world.main
                and test_dataset is not None
                and not is_reported(config, run, test_dataset)
            ):
                evaluate_trained(config, run, test_dataset, device)
        except Stopped as stopped:
            leave(stopped.number, training, run, stop, log)
        except RuntimeError as error:  # of a rank whose others have stopped, perhaps
            if world.size == 1 or not asked_soon(stop):
                raise
            log.warning("%s", error)
            leave(stop.asked, training, run, stop, log)


def fit(training: Training, run: Run, stop: StopRequest, log: logging.Logger) -> None:
    """The training itself."""
    if training.world.main and training.has_work():  # what earlier weights found is not the next'
        shutil.rmtree(run.results, ignore_errors=True)
        (run.directory / "report.json").unlink(missing_ok=True)
    training.fit(stop)
    leave_world()
    log.info("trained: %s", run.checkpoints / "last.pt")
    if stop.asked:
        raise Stopped(stop.asked)


def asked_soon(stop: StopRequest, seconds: float = 5.0) -> bool:
    """Whether this process is asked to stop, too: signals reach machines one after another."""
    end = time.monotonic() + seconds
    with stop.put_off():
        while not stop.asked and time.monotonic() < end:
            time.sleep(0.05)
    return bool(stop.asked)


def leave(
    number: int, training: Training, run: Run, stop: StopRequest, log: logging.Logger
) -> NoReturn:
    """End the command as signal `number` asked. Everything is saved; word is left to go on."""
    with stop.put_off():
        if training.world.main:
            run.stop(training.saved)
        log.info("asked to stop: saved at step %d, the same command goes on", training.saved)
        stop.pass_on(number)
        sys.exit(128 + number)  # as a shell reports a process that a signal has ended


def describe(training: Training) -> str:
    """In words, what there is to do, and how."""
    words = f"steps {training.step} to {training.settings.last_step}"
    words += f", in {'bf16' if training.amp else 'float32'}"
    ranks = training.world.size
    return words if ranks == 1 else f"{words}, in {ranks} processes"


def describe_clips(clips: ClipDataset) -> Iterator[str]:
    """In words, what they are drawn from, and what is kept of it."""
    total = sum(part.weight for part in clips.parts)
    for part in clips.parts:
        share = f"{part.weight / total:.0%} of the clips"
        gap = "" if part.max_gap is None else f", frames up to {part.max_gap} apart"
        yield f"{part.name}: {share}, {len(part.sequences):,} targets{gap}"
    if clips.cache is not None:
        cache = clips.cache
        yield f"crop cache {cache.folder}: {cache.filled:,} of {cache.items:,} frames are in it"


def build_validation(config: DictConfig, world: World, device: torch.device) -> Validate:
    """The figure that ranks on val_dataset, by tracking it, shared among the processes."""
    dataset = build_dataset(config.val_dataset)
    if dataset.split == "test":
        raise InputError(f"val_dataset {dataset.name}: split=test is refused in training")
    settings = EvaluationSettings(**config.evaluation)
    check_starts(dataset.sequences)

    def validate(tracker: Tracker) -> float:
        evaluation = Evaluation(tracker, settings.batch_size, device)
        return validation_score(evaluation, dataset, world)

    return validate


def build_test(config: DictConfig) -> Dataset:
    """test_dataset, with everything that `evaluate_trained` is going to need of the config."""
    listed = OmegaConf.is_list(config.baselines)
    if not listed or not set(config.baselines) <= set(BASELINES):
        raise InputError(
            f"baselines={config.baselines}: expected a list, of {', '.join(BASELINES)}"
        )
    settings = EvaluationSettings(**config.evaluation)
    dataset = build_dataset(config.test_dataset)
    check_evaluation(dataset, settings)
    return dataset


def evaluate_trained(config: DictConfig, run: Run, dataset: Dataset, device: torch.device) -> None:
    """Track `dataset` with the best weights of the run, beside `baselines`."""
    best = run.checkpoints / "best.pt"
    path = str(best if best.exists() else run.checkpoints / "last.pt")
    trained, checkpoint, stored = load_tracker(path, config, overrides=[])
    weights = f"{path}, step {checkpoint['step']}"
    contestants = [Contestant(config.label, trained, weights, network_config(stored))]
    contestants += [BASELINES[name](stored, config.label) for name in config.baselines]
    settings = EvaluationSettings(**config.evaluation)
    evaluate_all(contestants, dataset, run.directory, settings, device, config.seed)


def is_reported(config: DictConfig, run: Run, dataset: Dataset) -> bool:
    """Whether an earlier sitting came to the end with what is asked for now."""
    path = run.directory / "report.json"
    if not path.exists():
        return False
    report = json.loads(path.read_text())
    asked = {config.label, *(LABELS[name].format(config.label) for name in config.baselines)}
    protocol = EvaluationSettings(**config.evaluation).protocol_of(dataset)
    found = [report[key] for key in ("benchmark", "protocol", "part")]
    same = found == [dataset.name, protocol, dataset.part] and (
        set(report["sequences"]) == set(dataset.by_name)
    )
    return same and asked <= set(report["made_by"])


def untrained(config: DictConfig, label: str) -> Contestant:
    """The tracker before its training."""
    tracker = build_tracker(config)
    weights = describe_weights(config, tracker)
    return Contestant(LABELS["untrained"].format(label), tracker, weights, network_config(config))


LABELS = {"first_box": "first_box", "untrained": "{}_untrained"}  # in reports, of a tracker's
BASELINES = {
    "first_box": lambda *_: Contestant("first_box", FirstBox(), "none", {}),
    "untrained": untrained,
}


if __name__ == "__main__":
    run_command(train, "train")
