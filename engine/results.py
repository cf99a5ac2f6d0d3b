"""Tracking a dataset into result files that survive a kill, and a report made of them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from benchmarks.archives import write_archive
from benchmarks.protocols import PROTOCOLS, REPEATED, Rules, choose_protocol
from benchmarks.report import terminal_table, write_report
from benchmarks.results import result_path, write_boxes
from benchmarks.scores import Scores
from benchmarks.scoring import score
from benchmarks.vot.trajectories import Trajectory, write_trajectory
from datasets.contact_sheet import contact_sheet
from datasets.sequence import Dataset
from engine.distributed import ALONE, World
from engine.evaluation import Evaluation, Finished, check_starts
from engine.hashes import dataset_hash, source_hash
from engine.provenance import hardware, weights_hash
from engine.scoring import how_to_score, score_results
from ops.errors import InputError, check_number
from ops.files import write_atomically
from trackers.base import Tracker

VOT_REPETITIONS = 15  # of the baseline, for a tracker that draws
TIMED_SERVERS = ("got10k",)  # that want the seconds of every frame


@dataclass(frozen=True)
class EvaluationSettings:
    """The config's `evaluation` (configs/command/common.yaml explains)."""

    batch_size: int = 8
    protocol: str | None = None
    repetitions: int | None = None
    frames_per_second: float = 20.0
    grace: int = 3

    def __post_init__(self):
        check_number("evaluation.batch_size", self.batch_size, 1)
        check_number("evaluation.grace", self.grace, 0)
        check_number("evaluation.frames_per_second", self.frames_per_second, 0, whole=False)
        if not self.frames_per_second:
            raise InputError("evaluation.frames_per_second=0: expected a number above 0")
        if self.repetitions is not None:
            check_number("evaluation.repetitions", self.repetitions, 1)

    def protocol_of(self, dataset: Dataset) -> str:
        """The protocol asked for, or the dataset's default.

        Raises InputError for one that the dataset does not have, or that knows no repetitions.
        """
        protocol = choose_protocol(self.protocol, dataset.protocols, dataset.name)
        if protocol not in REPEATED and self.repetitions not in (None, 1):
            raise InputError(
                f"evaluation.repetitions={self.repetitions}: evaluation.protocol={protocol} has "
                f"none, only {' and '.join(REPEATED)} have"
            )
        return protocol

    def rules(self, dataset: Dataset, tracker: Tracker) -> Rules:
        """What the dataset's protocol needs to know. A tracker that draws nothing is run once."""
        asked, vot = self.repetitions, dataset.vot
        if asked is None:
            asked = VOT_REPETITIONS if self.protocol_of(dataset) == "baseline" else 1
        return Rules(
            repetitions=1 if tracker.seed is None else asked,
            frames_per_second=self.frames_per_second,
            grace=self.grace,
            bounded=vot is None or vot.bounded,
            painting="legacy" if vot is not None and vot.legacy else "pysot",
        )


def check_evaluation(
    dataset: Dataset, settings: EvaluationSettings, convention: str | None = None
) -> None:
    """Raise InputError, before anything starts, for a protocol or a convention that `dataset` does
    not have, and for a sequence that cannot be tracked."""
    protocol = settings.protocol_of(dataset)
    if dataset.server is None:
        how_to_score(dataset, protocol, convention)
    check_starts(dataset.sequences)


@dataclass
class Contestant:
    """A tracker in an evaluation: its name in the report, and what it was made from.

    `weights` says in words where they come from: a checkpoint's path, or "untrained".
    """

    name: str
    tracker: Tracker
    weights: str
    config: dict[str, Any]


def track_dataset(
    contestant: Contestant,
    dataset: Dataset,
    directory: Path,
    settings: EvaluationSettings,
    device: torch.device,
    seed: int,
) -> dict[str, Any]:
    """Write DIRECTORY/NAME/PATH.txt (benchmarks/protocols.py) for each run that is not there yet.

    One-pass results are in the benchmark's own coordinates. Beside them, made_by.json says what
    made them. Returns its content with the speed.

    Raises InputError where results of another make lie there.
    """
    tracker = contestant.tracker.to(device, memory_format=torch.channels_last).eval()
    folder = directory / contestant.name
    protocol, rules = settings.protocol_of(dataset), settings.rules(dataset, tracker)
    live = protocol == "realtime"
    batch_size = 1 if live else settings.batch_size
    made_by = {
        "weights": contestant.weights,
        "weights_hash": weights_hash(tracker),
        "config": contestant.config,
        "code_version": source_hash(),
        "dataset": dataset.name,
        "dataset_hash": dataset_hash(dataset),
        "part": dataset.part,
        "protocol": protocol,
        "repetitions": rules.repetitions,
        "seed": seed,
    }
    if live:  # what is found depends on how fast the machine is
        clock = {"frames_per_second": rules.frames_per_second, "grace": rules.grace}
        made_by["realtime"] = clock | {"hardware": hardware(device)}
    runs = [run for sequence in dataset.sequences for run in PROTOCOLS[protocol](sequence, rules)]
    speed = _claim(folder, made_by)
    left = [r for r in runs if not result_path(directory, contestant.name, r.path).exists()]
    timed = live or dataset.server in TIMED_SERVERS
    frames = sum(run.frames for run in left)  # what is skipped after a failure counts until then
    with tqdm(total=frames, unit="frame", desc=contestant.name, disable=not left) as bar:
        evaluation = Evaluation(tracker, batch_size, device, bar.update, timed)
        for finished in evaluation.drive(left):
            _write(directory, contestant.name, finished, dataset)
            bar.total -= finished.run.frames - len(finished.seconds)
            speed["frames"] += len(finished.seconds)
            speed["seconds"] = speed["earlier"] + bar.format_dict["elapsed"]
            write_atomically(folder / "speed.json", json.dumps(speed))
    rate = speed["frames"] / speed["seconds"] if speed["seconds"] else None
    measured = {"frames_per_second": rate, "batch_size": batch_size, "hardware": hardware(device)}
    return made_by | measured


def _write(directory: Path, tracker: str, finished: Finished, dataset: Dataset) -> None:
    """The result of a run, after the seconds of its frames where a server wants them."""
    path = finished.run.path
    if dataset.server in TIMED_SERVERS:
        lines = "".join(f"{seconds:.8f}\n" for seconds in finished.seconds.tolist())
        write_atomically(result_path(directory, tracker, f"{path}_time"), lines)
    if isinstance(finished.result, Trajectory):
        write_trajectory(result_path(directory, tracker, path), finished.result)
    else:
        write_boxes(result_path(directory, tracker, path), finished.result, dataset.origin)


def _claim(folder: Path, made_by: dict[str, Any]) -> dict[str, float]:
    """Take a folder of results for this make; what earlier sittings took of time, for the speed."""
    path, text = folder / "made_by.json", json.dumps(made_by, indent=1, default=str)
    held, given = json.loads(path.read_text()) if path.exists() else None, json.loads(text)
    # `weights` says where the weights lay; what they are their hash says.
    differs = sorted(
        key for key in given if held and key != "weights" and held.get(key) != given[key]
    )
    if differs:
        raise InputError(
            f"{folder} holds results of another make ({', '.join(differs)} differ): "
            "remove it, or name=NAME evaluates beside it"
        )
    if not path.exists():
        write_atomically(path, text)
    speed = folder / "speed.json"
    held = json.loads(speed.read_text()) if speed.exists() else {"frames": 0, "seconds": 0.0}
    return held | {"earlier": held["seconds"]}


def report(
    directory: Path,
    dataset: Dataset,
    made_by: dict[str, Any],
    protocol: str,
    convention: str | None = None,
) -> Scores:
    """Score what lies in DIRECTORY/results of the trackers of `made_by`, in the dataset's own
    convention if in no other, and write DIRECTORY/report.json and report.html."""
    scores = score_results(dataset, directory / "results", list(made_by), protocol, convention)
    write_report(
        directory,
        scores,
        made_by,
        benchmark=dataset.name,
        frames=lambda name, index: dataset.by_name[name].frame(index),
        contact_sheet=contact_sheet(dataset.sequences[:8]),
        part=dataset.part,
        notes=_notes(made_by),
    )
    return scores


def _notes(made_by: dict[str, Any]) -> list[str]:
    """A word on what nobody has trained: all of a network, or all but its backbone."""
    weights = {name: facts["weights"] for name, facts in made_by.items()}
    return [f"{name}: {words}." for name, words in weights.items() if words.startswith("untrained")]


def validation_score(evaluation: Evaluation, dataset: Dataset, world: World = ALONE) -> float:
    """The figure that ranks on a dataset, tracked now: success AUC, AO on GOT-10k.

    Ranks share the sequences, every one of them gets the score of all.
    """
    mine = range(world.rank, len(dataset.sequences), world.size)
    tracked = evaluation.run(dataset.sequences[index] for index in mine)
    found = world.gather({sequence.name: boxes for sequence, boxes in tracked})
    results = {name: boxes for part in found for name, boxes in part.items()}
    scores = score({"val": results}, dataset.sequences, dataset.convention)
    return scores.means["val"][scores.ranked_by]


def evaluate_all(
    contestants: list[Contestant],
    dataset: Dataset,
    directory: Path,
    settings: EvaluationSettings,
    device: torch.device,
    seed: int,
    convention: str | None = None,
) -> None:
    """Track a dataset with each contestant, print the table, write the report into DIRECTORY.

    Where a server keeps the truth, write the archives to upload instead.
    """
    results = directory / "results"
    made_by = {
        contestant.name: track_dataset(contestant, dataset, results, settings, device, seed)
        for contestant in contestants
    }
    if dataset.server is not None and dataset.part is not None:
        print(f"no archive: {dataset.part} of {dataset.name}, whose server takes all")
        return
    if dataset.server is not None:
        for name in made_by:
            print(f"to upload: {archive(directory, name, dataset)}")
        return
    scores = report(directory, dataset, made_by, settings.protocol_of(dataset), convention)
    print(terminal_table(scores, dataset.part))
    print(f"report: {directory / 'report.html'}")


def archive(directory: Path, tracker: str, dataset: Dataset) -> Path:
    """Write DIRECTORY/TRACKER.zip, of what lies in DIRECTORY/results, for the dataset's server.

    Raises InputError where the results are not what the server takes.
    """
    results, path = directory / "results", directory / f"{tracker}.zip"
    times = None
    if dataset.server in TIMED_SERVERS:
        times = {
            sequence.name: np.loadtxt(
                result_path(results, tracker, f"{sequence.name}_time"), ndmin=1
            )
            for sequence in dataset.sequences
        }
    frames = {sequence.name: len(sequence) for sequence in dataset.sequences}
    first_boxes = {sequence.name: sequence.boxes[0] for sequence in dataset.sequences}
    write_archive(dataset.server, results, tracker, frames, path, times, first_boxes)
    return path
