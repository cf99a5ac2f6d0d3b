"""Scoring result files against a dataset's truth: no tracker, no pictures, no torch."""

import json
from pathlib import Path
from typing import Any

from benchmarks.conventions import CONVENTIONS
from benchmarks.protocols import choose_protocol
from benchmarks.results import read_results, read_runs, tracker_names
from benchmarks.scoring import Scores, score, score_runs
from benchmarks.starts import SHIFTS, occluded_frames, segment_starts
from benchmarks.vot.scoring import SUMMARIES, score_vot
from benchmarks.vot.trajectories import find_results, read_trajectory
from datasets.sequence import Dataset
from engine.hashes import dataset_hash, files_hash
from ops.errors import InputError


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

    Raises:
        InputError: a dataset that only its server scores, a protocol that it does not have, no
            tracker, a missing or damaged result.
    """
    protocol, convention = how_to_score(dataset, protocol, convention)
    truths = dataset.sequences
    trackers = tracker_names(directory) if trackers is None else trackers
    if dataset.vot is not None:
        runs = {
            tracker: {
                truth.name: _trajectories(directory, tracker, protocol, truth) for truth in truths
            }
            for tracker in trackers
        }
        rules = dataset.vot
        return score_vot(
            runs,
            truths,
            convention,
            protocol,
            eao_interval=rules.eao_interval,
            bounded=rules.bounded,
            legacy=rules.legacy,
        )
    if protocol == "ope":
        names = [truth.name for truth in truths]
        found = read_results(directory, trackers, names, dataset.origin)
        return score(found, truths, convention)
    starts = {truth.name: _starts(truth, protocol) for truth in truths}
    counts = {name: len(found) for name, found in starts.items()}
    found = read_runs(directory, trackers, protocol, counts, dataset.origin)
    return score_runs(found, truths, starts, convention, protocol)


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
    return {tracker: _facts(dataset, Path(directory) / tracker) for tracker in trackers}


def _facts(dataset: Dataset, folder: Path) -> dict[str, Any]:
    own = folder / "made_by.json"
    made_by = json.loads(own.read_text(encoding="utf-8")) if own.is_file() else {}
    return made_by | {
        "weights": made_by.get("weights", "not known, raw results"),
        "results": str(folder),
        "results_hash": files_hash(folder.rglob("*.txt")),
        "dataset": dataset.name,
        "dataset_hash": dataset_hash(dataset),
        "part": dataset.part,
    }


def _starts(truth, protocol: str) -> list[int]:
    """The frame at which each run begins."""
    if protocol == "sre":
        return [0] * len(SHIFTS)
    return segment_starts(truth.boxes, occluded_frames().get(truth.name, []))


def _trajectories(directory: Path, tracker: str, protocol: str, truth) -> list:
    paths = find_results(directory, tracker, protocol, truth.name)
    return [read_trajectory(path, len(truth.boxes)) for path in paths]
