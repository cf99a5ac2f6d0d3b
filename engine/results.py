"""Tracking a dataset into result files that survive a kill, and a report made of them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from benchmarks.files import write_atomically
from benchmarks.report import terminal_table, write_report
from benchmarks.results import read_boxes, result_path, write_boxes
from benchmarks.scoring import Scores, score
from datasets.contact_sheet import contact_sheet
from datasets.sequence import Dataset
from engine.evaluation import Evaluation
from engine.provenance import dataset_hash, hardware, source_hash, weights_hash
from ops.errors import InputError
from trackers.base import Tracker


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
    batch_size: int,
    protocol: str,
    device: torch.device,
    seed: int,
) -> dict[str, Any]:
    """Write DIRECTORY/NAME/SEQUENCE.txt for each sequence that is not there yet.

    Beside them, made_by.json says what made them. Returns its content with the speed.

    Raises InputError where results of another make lie there.
    """
    tracker = contestant.tracker.to(device, memory_format=torch.channels_last).eval()
    folder = directory / contestant.name
    made_by = {
        "weights": contestant.weights,
        "weights_hash": weights_hash(tracker),
        "config": contestant.config,
        "code_version": source_hash(),
        "dataset": dataset.name,
        "dataset_hash": dataset_hash(dataset),
        "part": dataset.part,
        "protocol": protocol,
        "seed": seed,
    }
    speed = _claim(folder, made_by)
    left = [
        s for s in dataset.sequences if not result_path(directory, folder.name, s.name).exists()
    ]
    frames = sum(map(len, left))
    with tqdm(total=frames, unit="frame", desc=contestant.name, disable=not left) as bar:
        evaluation = Evaluation(tracker, batch_size, protocol, device, bar.update)
        for sequence, boxes in evaluation.run(left):
            write_boxes(result_path(directory, folder.name, sequence.name), boxes)
            speed["frames"] += len(boxes)
            speed["seconds"] = speed["earlier"] + bar.format_dict["elapsed"]
            write_atomically(folder / "speed.json", json.dumps(speed))
    rate = speed["frames"] / speed["seconds"] if speed["seconds"] else None
    measured = {"frames_per_second": rate, "batch_size": batch_size, "hardware": hardware(device)}
    return made_by | measured


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
    directory: Path, names: list[str], dataset: Dataset, made_by: dict[str, Any], protocol: str
) -> Scores:
    """Score what lies in DIRECTORY/results and write DIRECTORY/report.json and report.html."""
    results = {
        name: {
            s.name: read_boxes(result_path(directory / "results", name, s.name))
            for s in dataset.sequences
        }
        for name in names
    }
    truth = {sequence.name: sequence.boxes for sequence in dataset.sequences}
    attributes = {sequence.name: sequence.attributes for sequence in dataset.sequences}
    scores = score(results, truth, attributes, dataset.convention)
    write_report(
        directory,
        scores,
        made_by,
        benchmark=dataset.name,
        protocol=protocol,
        frames=lambda name, index: dataset.by_name[name].frame(index),
        contact_sheet=contact_sheet(dataset.sequences[:8]),
        notes=_notes(dataset, made_by),
    )
    return scores


def _notes(dataset: Dataset, made_by: dict[str, Any]) -> list[str]:
    notes = [f"A part of {dataset.name}: {dataset.part}."] if dataset.part else []
    untrained = [name for name, facts in made_by.items() if "untrained" in facts["weights"]]
    if untrained:
        notes.append(f"Untrained, from random initialisation: {', '.join(untrained)}.")
    return notes


def validation_score(evaluation: Evaluation, dataset: Dataset) -> float:
    """Mean success AUC of a dataset, tracked now."""
    results = {sequence.name: boxes for sequence, boxes in evaluation.run(dataset.sequences)}
    truth = {sequence.name: sequence.boxes for sequence in dataset.sequences}
    return score({"val": results}, truth, {}, dataset.convention).means["val"]["success_auc"]


def evaluate_all(
    contestants: list[Contestant],
    dataset: Dataset,
    directory: Path,
    batch_size: int,
    protocol: str,
    device: torch.device,
    seed: int,
) -> Scores:
    """Track a dataset with each contestant, print the table, write the report into DIRECTORY."""
    results = directory / "results"
    made_by = {
        contestant.name: track_dataset(
            contestant, dataset, results, batch_size, protocol, device, seed
        )
        for contestant in contestants
    }
    scores = report(directory, [c.name for c in contestants], dataset, made_by, protocol)
    print(terminal_table(scores))
    print(f"report: {directory / 'report.html'}")
    return scores
