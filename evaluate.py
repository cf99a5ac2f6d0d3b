"""Track a dataset and report: python evaluate.py checkpoint=FILE dataset=otb2015 data_root=DIR.

python evaluate.py mode=score dataset=otb2015 data_root=DIR results=DIR scores raw results.
python evaluate.py mode=table runs=DIR prints a sweep's ablation table beside the paper's.
python evaluate.py -m mode=search checkpoint=FILE split=val tracking.KEY=A,B searches settings.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hydra import compose
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from benchmarks.report import terminal_table, write_report, write_tables
from engine.command import open_run, record_network, run_command
from engine.instantiate import build_dataset
from engine.scoring import facts_of_results, frames_of, score_results
from engine.search import DEFAULTS, check_searchable, is_search, measure
from engine.search_table import write_search
from ops.errors import InputError

if TYPE_CHECKING:
    from engine.results import Contestant


def evaluate(config: DictConfig) -> float | None:
    """Do what `mode` says: track a dataset, score results, print a sweep's tables, or be a job of
    a search, which returns its score."""
    if config.mode not in MODES:
        raise InputError(f"mode={config.mode}: expected one of {', '.join(MODES)}")
    return MODES[config.mode](config)


def evaluate_tracker(config: DictConfig) -> None:
    """Track `config`'s dataset with its checkpoint, or with its tracker as it is built."""
    _check_tracking(config)
    # Here, since torch takes seconds to import: the other modes do without it.
    from engine.build import build_contestant
    from engine.distributed import build_device
    from engine.results import EvaluationSettings, check_evaluation, evaluate_all

    run = open_run(config)
    device = build_device(config.device)
    dataset = build_dataset(config.dataset)
    contestant = build_contestant(config)
    settings = EvaluationSettings(**config.evaluation)
    check_evaluation(dataset, settings, config.convention)
    record_network(run, config, contestant.config)
    log = run.open("evaluate")
    log.info("%s on %s, %s; weights: %s", contestant.name, dataset.name, device, contestant.weights)
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
    """Print the ablation tables below the folder `runs`, or its search, and write them into it."""
    if config.runs is None:
        raise InputError("runs=null: mode=table expects runs=DIR, the folder of a sweep's rows")
    folder = Path(config.runs).resolve()
    print(write_search(folder) if is_search(folder) else write_tables(folder))


def search(config: DictConfig) -> float:
    """Track a val split with one setting of tracking.*, a job of Hydra's sweeper: its score.

    The first job tracks it with the tracker's own settings, too, for the others to be compared
    with. Each writes the search's table anew. One that asks again for a setting gets what it had.
    """
    _check_tracking(config)
    hydra_config = HydraConfig.get()
    if hydra_config.mode != RunMode.MULTIRUN:
        raise InputError("mode=search: expected -m beside it, a sweep over tracking.KEY=A,B,...")
    directory = Path(hydra_config.runtime.output_dir)
    if hydra_config.job.num == 0:
        SEARCHED.clear()
    if directory in SEARCHED:
        return SEARCHED[directory]
    run = open_run(config)
    dataset = build_dataset(config.dataset)
    try:
        check_searchable(dataset, config.evaluation.protocol)
    except InputError as error:  # of all jobs alike: the sweep ends with it
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)

    from engine.build import build_contestant
    from engine.distributed import build_device
    from engine.results import EvaluationSettings, check_evaluation, track_dataset

    device = build_device(config.device)
    given = list(hydra_config.overrides.task)
    chosen = [override for override in given if override.lstrip("+~").startswith("tracking.")]
    defaults = _build_defaults(config, [override for override in given if override not in chosen])
    contestant = build_contestant(config)
    settings = EvaluationSettings(**config.evaluation)
    check_evaluation(dataset, settings, config.convention)
    record_network(run, config, contestant.config)
    folder, rows = directory.parent, {DEFAULTS: (defaults, [])}
    if contestant.config != defaults.config:
        rows[directory.name] = (contestant, chosen)
    log = run.open("search")
    log.info("%s on %s, %s; weights: %s", contestant.name, dataset.name, device, contestant.weights)
    if len(rows) == 1 and chosen:
        log.info("%s: as the defaults have it", " ".join(chosen))
    for row, (one, overrides) in rows.items():
        log.info("%s", " ".join(overrides) or f"the {DEFAULTS}")
        results = folder / row / "results"
        made_by = track_dataset(one, dataset, results, settings, device, config.seed)
        found = measure(folder, row, overrides, one.name, made_by, dataset, config.convention)
        log.info("%s %.4f", found.metric, found.score)
    log.info("%s", write_search(folder))
    SEARCHED[directory] = found.score
    return found.score


def _build_defaults(config: DictConfig, overrides: list[str]) -> "Contestant":
    """The tracker with its own settings: what is asked for, but for tracking.*."""
    from engine.build import build_contestant

    if config.checkpoint is None:
        config = compose("evaluate", overrides)
    return build_contestant(config, overrides)


def _check_tracking(config: DictConfig) -> None:
    """Raise InputError for keys of mode=score beside a mode that runs a tracker, and where nothing
    says which it is."""
    for key in ("results", "trackers"):
        if config[key] is not None:
            raise InputError(f"{key}={config[key]}: goes with mode=score, which runs no tracker")
    given = {text.lstrip("+").split("=")[0] for text in HydraConfig.get().overrides.task}
    if config.checkpoint is None and not given & {"tracker", "backbone", "head"}:
        raise InputError(
            "checkpoint is not set: a file of train.py, or the name of one in weights/; "
            "tracker=NAME in its place is an untrained one"
        )


MODES = {"track": evaluate_tracker, "score": score_folder, "table": print_tables, "search": search}
SEARCHED: dict[Path, float] = {}  # rows of this command, as a sweeper may ask for one again


if __name__ == "__main__":
    run_command(evaluate, "evaluate")
