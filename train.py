"""Train a tracker: python train.py tracker=rar dataset=synthetic (README.md tells more)."""

import json
import shutil
from collections.abc import Callable

import torch
from omegaconf import DictConfig, OmegaConf

from datasets.sequence import Dataset
from engine.build import (
    build_clips,
    build_device,
    build_tracker,
    load_tracker,
    network_config,
)
from engine.command import open_run, run_command
from engine.evaluation import Evaluation, check_starts
from engine.instantiate import build_dataset
from engine.results import (
    Contestant,
    EvaluationSettings,
    check_evaluation,
    evaluate_all,
    validation_score,
)
from engine.run import Run
from engine.training import Settings, Training
from ops.errors import InputError
from trackers import FirstBox
from trackers.base import Tracker


def train(config: DictConfig) -> None:
    """Train `config`'s tracker on its dataset, into the run directory; then, perhaps, test it."""
    run = open_run(config)
    device = build_device(config.device)
    settings = Settings(**config.trainer, **config.optimizer)
    dataset = build_dataset(config.dataset)
    validate = build_validation(config, device) if settings.validate else None
    test_dataset = build_test(config) if config.evaluate_after else None
    tracker = build_tracker(config).to(device, memory_format=torch.channels_last)
    clips = build_clips(config, dataset, tracker)
    plain = OmegaConf.to_container(config, resolve=True)
    training = Training(tracker, clips, settings, run.directory, plain, device, validate)
    if run.resumed:
        training.resume()
    log = run.open("train")
    log.info("%s on %s, steps %d to %d", config.label, device, training.step, settings.last_step)
    started = training.step
    training.fit()
    if training.step > started:  # what earlier weights found is not these weights' result
        shutil.rmtree(run.results, ignore_errors=True)
        (run.directory / "report.json").unlink(missing_ok=True)
    log.info("trained: %s", run.checkpoints / "last.pt")
    if test_dataset is not None and not is_reported(run, test_dataset):
        evaluate_trained(config, run, test_dataset, device)


def build_validation(config: DictConfig, device: torch.device) -> Callable[[Tracker], float]:
    """Success AUC by tracking val_dataset."""
    dataset = build_dataset(config.val_dataset)
    if dataset.split == "test":
        raise InputError(f"val_dataset {dataset.name}: split=test is refused in training")
    check_starts(dataset.sequences)

    def validate(tracker: Tracker) -> float:
        evaluation = Evaluation(tracker, config.evaluation.batch_size, device)
        return validation_score(evaluation, dataset)

    return validate


def build_test(config: DictConfig) -> Dataset:
    """test_dataset, with everything that `evaluate_trained` is going to need of the config."""
    unknown = sorted(set(config.baselines) - set(BASELINES))
    if unknown:
        raise InputError(f"baselines: {unknown[0]}: expected some of {', '.join(BASELINES)}")
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
    contestants += [BASELINES[name](stored) for name in config.baselines]
    settings = EvaluationSettings(**config.evaluation)
    evaluate_all(contestants, dataset, run.directory, settings, device, config.seed)


def is_reported(run: Run, dataset: Dataset) -> bool:
    """Whether an earlier sitting came to the end with `dataset`."""
    path = run.directory / "report.json"
    report = json.loads(path.read_text()) if path.exists() else {"benchmark": None}
    return report["benchmark"] == dataset.name and set(report["sequences"]) == set(dataset.by_name)


BASELINES = {
    "first_box": lambda config: Contestant("first_box", FirstBox(), "none", {}),
    "untrained": lambda config: Contestant(
        f"{config.label}_untrained", build_tracker(config), "untrained", network_config(config)
    ),
}


if __name__ == "__main__":
    run_command(train, "train")
