"""Track a dataset and report: python evaluate.py checkpoint=FILE dataset=folder data_root=DIR.

python evaluate.py mode=table runs=DIR prints a sweep's ablation table beside the paper's.
"""

from pathlib import Path

from omegaconf import DictConfig

from benchmarks.protocols import find_protocol
from benchmarks.report import write_tables
from engine.build import build_contestant, build_dataset, build_device
from engine.command import open_run, record_network, run_command
from engine.evaluation import check_starts
from engine.results import evaluate_all
from ops.errors import InputError, check_number


def evaluate(config: DictConfig) -> None:
    """Do what `mode` says: track a dataset, or put a sweep's rows beside the paper's."""
    if config.mode not in MODES:
        raise InputError(f"mode={config.mode}: expected one of {', '.join(MODES)}")
    MODES[config.mode](config)


def track_dataset(config: DictConfig) -> None:
    """Track `config`'s dataset with its checkpoint, or with its tracker as it is built."""
    run = open_run(config)
    device = build_device(config.device)
    dataset = build_dataset(config.dataset)
    check_starts(dataset.sequences)
    find_protocol(config.evaluation.protocol)
    check_number("evaluation.batch_size", config.evaluation.batch_size, 1)
    contestant = build_contestant(config)
    record_network(run, config, contestant.config)
    log = run.open("evaluate")
    log.info("%s, %s, on %s, %s", contestant.name, contestant.weights, dataset.name, device)
    evaluate_all(
        [contestant], dataset, run.directory, device=device, seed=config.seed, **config.evaluation
    )


def print_tables(config: DictConfig) -> None:
    """Print the ablation tables below the folder `runs`, and write each into its table.md."""
    if config.runs is None:
        raise InputError("runs=null: mode=table expects runs=DIR, the folder of a sweep's rows")
    print(write_tables(Path(config.runs)))


MODES = {"track": track_dataset, "table": print_tables}


if __name__ == "__main__":
    run_command(evaluate, "evaluate")
