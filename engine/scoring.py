"""Scoring result files against a dataset's truth: no tracker, no pictures, no torch."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.conventions import CONVENTIONS
from benchmarks.protocols import choose_protocol
from benchmarks.results import (
    check_all_there,
    read_runs,
    read_tracker,
    run_path,
    tracker_names,
)
from benchmarks.scores import Scores
from benchmarks.scoring import score, score_runs
from benchmarks.starts import SHIFTS, sequence_starts
from benchmarks.vot.scoring import SUMMARIES, score_vot
from benchmarks.vot.trajectories import find_results, read_trajectory
from datasets.sequence import Dataset
from engine.hashes import dataset_hash, files_hash
from ops.errors import InputError

# The frames at which the runs of a sequence begin, where there are several from a start each.
STARTS = {
    "tre": lambda truth: sequence_starts(truth.name, truth.boxes),
    "sre": lambda truth: [0] * len(SHIFTS),
}


def score_results(
    dataset: Dataset,
    directory: Path,
    trackers: list[str] | None = None,
    protocol: str | None = None,
    convention: str | None = None,
) -> Scores:
    """Score DIRECTORY/TRACKER/..., laid out as benchmarks.protocols says.

    Args:
        trackers: names of folders; None for all there are.
        protocol, convention: None for the dataset's own.

    A tracker with a missing or damaged result is named in `refused`, and the others are scored.

    Raises:
        InputError: a dataset that only its server scores, a protocol that it does not have, or no
            tracker that can be scored.
    """
    protocol, convention = how_to_score(dataset, protocol, convention)
    truths = dataset.sequences
    directory = Path(directory)
    if trackers is not None and (isinstance(trackers, str) or not all(map(str, trackers))):
        raise InputError(f"trackers={trackers}: expected [NAME, ...], or null for all")
    starts = {} if protocol not in STARTS else {t.name: STARTS[protocol](t) for t in truths}
    found, damaged = {}, {}
    for tracker in tracker_names(directory) if trackers is None else map(str, trackers):
        try:
            found[tracker] = _read(dataset, directory, tracker, protocol, starts)
        except InputError as error:  # reports are passed on, so without this machine's folders
            damaged[tracker] = str(error).replace(f"{directory}/", "")
    notes = _another_truth(dataset, directory, found)
    if dataset.vot is not None:
        return score_vot(
            found,
            truths,
            convention,
            protocol,
            eao_interval=dataset.vot.eao_interval,
            bounded=dataset.vot.bounded,
            legacy=dataset.vot.legacy,
            damaged=damaged,
            notes=[*notes, *([dataset.vot.note] if dataset.vot.note else [])],
        )
    if protocol == "ope":
        return score(found, truths, convention, damaged, notes)
    return score_runs(found, truths, starts, convention, protocol, damaged, notes)


def _read(
    dataset: Dataset, directory: Path, tracker: str, protocol: str, starts: dict[str, list[int]]
) -> dict[str, Any]:
    """A tracker's results by sequence. Raises InputError where one is missing or damaged."""
    names = [truth.name for truth in dataset.sequences]
    if dataset.vot is not None:
        first = [run_path(directory, tracker, protocol, name, 1) for name in names]
        check_all_there(directory / tracker, first)
        return {t.name: _trajectories(directory, tracker, protocol, t) for t in dataset.sequences}
    if protocol == "ope":
        return read_tracker(directory, tracker, names, dataset.origin)
    counts = {name: len(frames) for name, frames in starts.items()}
    return read_runs(directory, tracker, protocol, counts, dataset.origin)


def how_to_score(dataset: Dataset, protocol: str | None, convention: str | None) -> tuple[str, str]:
    """Protocol and convention, those of the dataset where none is given.

    Raises InputError for a dataset that only its server scores, or for one that it does not have.
    """
    if dataset.server is not None:
        raise InputError(
            f"{dataset.name}: its truth is not public, the {dataset.server} server scores it; "
            "mode=track writes the archive to upload"
        )
    protocol = choose_protocol(protocol, dataset.protocols, dataset.name)
    known = CONVENTIONS if dataset.vot is None else SUMMARIES
    convention = convention or dataset.convention
    if convention not in known:
        raise InputError(
            f"convention={convention}: expected one of {', '.join(known)} for {dataset.name}"
        )
    return protocol, convention


def facts_of_results(dataset: Dataset, directory: Path, trackers: list[str]) -> dict[str, Any]:
    """tracker -> what is known of where its results come from, for the report."""
    scored_on = {
        "scored_on": dataset.name,
        "scored_on_hash": dataset_hash(dataset),
        "scored_on_part": dataset.part,
    }
    return {tracker: _facts(Path(directory) / tracker) | scored_on for tracker in trackers}


def frames_of(dataset: Dataset) -> Callable[[str, int], np.ndarray] | None:
    """(sequence, index) -> picture, for the report; None where no pictures lie in the dataset."""
    try:
        dataset.sequences[0].frame(0)
    except InputError:
        return None
    return lambda name, index: dataset.by_name[name].frame(index)


def _facts(folder: Path) -> dict[str, Any]:
    read = {"results": str(folder), "results_hash": files_hash(folder.rglob("*.txt"))}
    return {"weights": "not known, raw results"} | _made_by(folder) | read


def _made_by(folder: Path) -> dict[str, Any]:
    """What engine/results.py wrote beside a tracker's results; {} beside raw ones, or if it is not
    what it writes."""
    path = folder / "made_by.json"
    try:
        made_by = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError:
        return {}
    return made_by if isinstance(made_by, dict) else {}


def _another_truth(dataset: Dataset, directory: Path, trackers: Iterable[str]) -> list[str]:
    """What must be said of results of our own that were made on something else.

    Of the same part of a dataset the truth is compared, of another part the dataset's name alone.
    """
    notes, held = [], dataset_hash(dataset)
    for tracker in trackers:
        made_by = _made_by(directory / tracker)
        same_part = made_by.get("part") == dataset.part
        if made_by.get("dataset", dataset.name) != dataset.name or (
            same_part and made_by.get("dataset_hash", held) != held
        ):
            made_on = f"{made_by.get('dataset')}, {made_by.get('part') or 'the whole'}"
            notes.append(
                f"{tracker}: made on another truth ({made_on}) than it is scored on "
                f"({dataset.name}, {dataset.part or 'the whole'})."
            )
    return notes


def _trajectories(directory: Path, tracker: str, protocol: str, truth) -> list:
    paths = find_results(directory, tracker, protocol, truth.name)
    return [read_trajectory(path, len(truth.boxes)) for path in paths]
