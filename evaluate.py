"""Track a dataset and report: python evaluate.py checkpoint=FILE dataset=folder data_root=DIR."""

from omegaconf import DictConfig

from benchmarks.protocols import find_protocol
from engine.build import build_contestant, build_dataset, build_device
from engine.command import open_run, run_command
from engine.evaluation import check_starts
from engine.results import evaluate_all
from ops.errors import check_number


def evaluate(config: DictConfig) -> None:
    """Track `config`'s dataset with its checkpoint, or with its tracker as it is built."""
    run = open_run(config)
    device = build_device(config.device)
    dataset = build_dataset(config.dataset)
    check_starts(dataset.sequences)
    find_protocol(config.evaluation.protocol)
    check_number("evaluation.batch_size", config.evaluation.batch_size, 1)
    contestant = build_contestant(config)
    log = run.open("evaluate")
    log.info("%s, %s, on %s, %s", contestant.name, contestant.weights, dataset.name, device)
    evaluate_all(
        [contestant], dataset, run.directory, device=device, seed=config.seed, **config.evaluation
    )


if __name__ == "__main__":
    run_command(evaluate, "evaluate")
