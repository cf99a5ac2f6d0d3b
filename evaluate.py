"""Track a dataset and report: python evaluate.py checkpoint=FILE dataset=otb2015 data_root=DIR.

python evaluate.py mode=score dataset=otb2015 data_root=DIR results=DIR scores raw results.
python evaluate.py mode=table runs=DIR prints a sweep's ablation table beside the paper's.
"""

from pathlib import Path

from omegaconf import DictConfig

from benchmarks.report import terminal_table, write_report, write_tables
from engine.command import open_run, record_network, run_command
from engine.instantiate import build_dataset
from engine.scoring import facts_of_results, frames_of, score_results
from ops.errors import InputError


def evaluate(config: DictConfig) -> None:
    """Do what `mode` says: track a dataset, score results, or print a sweep's tables."""
    if config.mode not in MODES:
        raise InputError(f"mode={config.mode}: expected one of {', '.join(MODES)}")
    MODES[config.mode](config)


def track_dataset(config: DictConfig) -> None:
    """Track `config`'s dataset with its checkpoint, or with its tracker as it is built."""
    for key in ("results", "trackers"):
        if config[key] is not None:
            raise InputError(f"{key}={config[key]}: goes with mode=score, which runs no tracker")
    # Here, since torch takes seconds to import: the other modes do without it.
    from engine.build import build_contestant
    from engine.distributed import build_device
    from engine.results import EvaluationSettings, check_evaluation, evaluate_all

    run = open_run(config)
    device = build_device(config.device)
    dataset = build_dataset(config.dataset)
    settings = EvaluationSettings(**config.evaluation)
    check_evaluation(dataset, settings, config.convention)
    contestant = build_contestant(config)
    record_network(run, config, contestant.config)
    log = run.open("evaluate")
    log.info("%s, %s, on %s, %s", contestant.name, contestant.weights, dataset.name, device)
    evaluate_all(
        [contestant], dataset, run.directory, settings, device, config.seed, config.convention
    )


def score_folder(config: DictConfig) -> None:
    """Score what lies in `results`, of any number of trackers, and report; no tracker is run."""
    if config.results is None:
        raise InputError("results=null: mode=score expects results=DIR, of TRACKER/SEQUENCE.txt")
    run = open_run(config)
    dataset = build_dataset(config.dataset)
    results = Path(config.results)
    scores = score_results(
        dataset, results, config.trackers, config.evaluation.protocol, config.convention
    )
    log = run.open("score")
    write_report(
        run.directory,
        scores,
        facts_of_results(dataset, results, [*scores.trackers, *scores.refused]),
        benchmark=dataset.name,
        part=dataset.part,
        frames=frames_of(dataset),
    )
    log.info("%s", terminal_table(scores, dataset.part))
    log.info("report: %s", run.directory / "report.html")


def print_tables(config: DictConfig) -> None:
    """Print the ablation tables below the folder `runs`, and write each into its table.md."""
    if config.runs is None:
        raise InputError("runs=null: mode=table expects runs=DIR, the folder of a sweep's rows")
    print(write_tables(Path(config.runs)))


MODES = {"track": track_dataset, "score": score_folder, "table": print_tables}


if __name__ == "__main__":
    run_command(evaluate, "evaluate")
