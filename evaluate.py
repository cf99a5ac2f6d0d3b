"""Track a dataset and report: python evaluate.py checkpoint=FILE dataset=folder data_root=DIR."""

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from engine.build import (
    build_dataset,
    build_device,
    build_tracker,
    describe_weights,
    load_tracker,
    network_config,
)
from engine.command import run_command
from engine.evaluation import check_starts
from engine.results import Contestant, evaluate_all
from engine.run import Run


def evaluate(config: DictConfig) -> None:
    """Track `config`'s dataset with its checkpoint, or with its tracker as it is built."""
    run = Run.of_hydra(config.resume)
    device = build_device(config.device)
    dataset = build_dataset(config.dataset)
    check_starts(dataset.sequences)
    contestant = build_contestant(config)
    log = run.open(config, "evaluate")
    log.info("%s, %s, on %s, %s", contestant.name, contestant.weights, dataset.name, device)
    evaluate_all(
        [contestant], dataset, run.directory, device=device, seed=config.seed, **config.evaluation
    )


def build_contestant(config: DictConfig) -> Contestant:
    """The tracker that is asked for, with what it was made from."""
    if config.checkpoint is None:
        tracker = build_tracker(config)
        weights = describe_weights(config, tracker)
        return Contestant(config.label, tracker, weights, network_config(config))
    tracker, checkpoint, stored = load_tracker(config, HydraConfig.get().overrides.task)
    weights = f"{config.checkpoint}, step {checkpoint['step']}"
    return Contestant(stored.label, tracker, weights, network_config(stored))


if __name__ == "__main__":
    run_command(evaluate, "evaluate")
