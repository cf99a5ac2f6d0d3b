"""Scoring one-pass results, and several runs a sequence, in the field's conventions."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from benchmarks.conventions import Convention, find_convention
from benchmarks.frame_errors import FrameErrors, Refused
from benchmarks.metrics import mean_over_runs, thresholds, tracker_score
from benchmarks.runs import Runs, join_results, join_truth
from benchmarks.scores import Boxes, Scores, assemble, nothing_scored
from benchmarks.truth import Truth
from ops.errors import InputError


def score(
    results: Mapping[str, Boxes],
    truths: Sequence[Truth],
    convention: str = "matlab_otb",
    damaged: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
) -> Scores:
    """Score one-pass results of trackers on sequences.

    Args:
        results: tracker -> sequence -> boxes (M, 4), 0-based; sequences that are not in `truths`
            are left aside.
        truths: the sequences.
        convention: a key of benchmarks.conventions.CONVENTIONS. A tracker whose results its toolkit
            stops at is left out and named in `refused`.
        damaged: tracker -> why its results could not be read; they are named there too.
        notes: what is known to be said already.

    Raises:
        InputError: no tracker, sequence or frame, a result missing or not (M, 4), or all trackers
            refused.
    """
    check_something(results, truths, damaged)
    runs = join_truth(truths)
    rules = find_convention(convention, runs)
    each = {
        tracker: [checked(tracker, truth, found) for truth in truths]
        for tracker, found in results.items()
    }
    errors, refused, told = _errors_of_all(each, runs, rules)
    return assemble(
        {tracker: tracker_score(found, runs, rules) for tracker, found in errors.items()},
        truths,
        results=results,
        convention=rules.name,
        summary=rules.summary,
        protocol="ope",
        thresholds=thresholds(rules),
        refused={**(damaged or {}), **refused},
        notes=[*notes, *told],
    )


def score_runs(
    results: Mapping[str, Mapping[str, Sequence[np.ndarray]]],
    truths: Sequence[Truth],
    starts: Mapping[str, Sequence[int]],
    convention: str,
    protocol: str,
    damaged: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
) -> Scores:
    """Score several runs a sequence (TRE, SRE): frames pooled by sequence, and by_run beside them.

    Args:
        results: tracker -> sequence -> its runs' boxes (M, 4), 0-based.
        starts: sequence -> the frame at which each of its runs begins.

    Raises InputError and leaves out refused trackers as `score` does.
    """
    check_something(results, truths, damaged)
    parts = [
        _from(truth, start, run)
        for truth in truths
        for run, start in enumerate(starts[truth.name], 1)
    ]
    sequence = np.repeat(np.arange(len(truths)), [len(starts[t.name]) for t in truths])
    runs = join_truth(parts)
    rules = find_convention(convention, runs, protocol)
    each = {
        tracker: [
            checked(tracker, part, {part.name: boxes})
            for part, boxes in zip(
                parts, (boxes for t in truths for boxes in found[t.name]), strict=True
            )
        ]
        for tracker, found in results.items()
    }
    errors, refused, told = _errors_of_all(each, runs, rules)
    begins = np.searchsorted(sequence, np.arange(len(truths)))
    scored, by_run = {}, {}
    for tracker, found in errors.items():
        pooled = tracker_score(found, runs, rules, sequence)
        scored[tracker] = replace(pooled, overlaps=[pooled.overlaps[run] for run in begins])
        by_run[tracker] = mean_over_runs(tracker_score(found, runs, rules), sequence)
    return assemble(
        scored,
        truths,
        results={t: {s.name: results[t][s.name][0] for s in truths} for t in scored},
        convention=rules.name,
        summary=rules.summary,
        protocol=protocol,
        thresholds=thresholds(rules),
        refused={**(damaged or {}), **refused},
        by_run=by_run,
        notes=[*notes, *told],
    )


def check_something(
    results: Mapping, truths: Sequence[Truth], damaged: Mapping[str, str] | None = None
) -> None:
    """Raise InputError without a tracker, a sequence, or a frame in one."""
    if damaged and not results:
        raise nothing_scored(damaged)
    if not results or not truths:
        raise InputError(f"nothing to score: {len(results)} trackers, {len(truths)} sequences")
    for truth in truths:
        if len(truth.boxes) == 0:
            raise InputError(f"sequence {truth.name} has no frames to score")


def checked(tracker: str, truth: Truth, found: Boxes) -> np.ndarray:
    """The tracker's boxes of a sequence. Raises InputError where they are missing, not (M, 4)."""
    if truth.name not in found:
        raise InputError(f"tracker {tracker} has no result for sequence {truth.name}")
    boxes = np.asarray(found[truth.name], np.float64)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise InputError(
            f"tracker {tracker}, sequence {truth.name}: expected {len(truth.boxes)} rows of 4 "
            f"numbers, found {' x '.join(map(str, boxes.shape))}"
        )
    return boxes


def _errors_of_all(
    each: Mapping[str, Sequence[np.ndarray]], runs: Runs, rules: Convention
) -> tuple[dict[str, FrameErrors], dict[str, str], list[str]]:
    """(errors by tracker, why trackers are refused, what must be said) of their boxes by run."""
    errors, refused, told = {}, {}, []
    for tracker, boxes in each.items():
        try:
            errors[tracker] = _errors(boxes, runs, rules)
            told += _other_lengths(tracker, runs, boxes)
        except Refused as reason:
            refused[tracker] = str(reason)
    return errors, refused, told


def _other_lengths(tracker: str, runs: Runs, each: Sequence[np.ndarray]) -> list[str]:
    """What must be said of results that are shorter or longer than their runs."""
    found = list(zip(runs.names, map(len, each), runs.lengths, strict=True))
    notes = []
    for word, odd in (
        ("short", [one for one in found if one[1] < one[2]]),
        ("long", [one for one in found if one[1] > one[2]]),
    ):
        if odd:
            name, rows, frames = odd[0]
            notes.append(
                f"{tracker}: {len(odd)} of {len(found)} results are too {word} ({name} has {rows} "
                f"of {frames} rows); the convention says what follows."
            )
    return notes


def _errors(each: Sequence[np.ndarray], runs: Runs, rules: Convention) -> FrameErrors:
    """The errors of one tracker's runs. Raises Refused where the toolkit stops."""
    for name, length, boxes in zip(runs.names, runs.lengths, each, strict=True):
        cut = name in rules.cuts if isinstance(rules.cuts, tuple) else rules.cuts
        if len(boxes) > length and not cut:
            raise Refused(f"sequence {name} has {len(boxes)} rows for {length} frames")
    return rules.errors(runs, *join_results(each, runs))


def _from(truth: Truth, start: int, run: int) -> Truth:
    """The part of a sequence that a run sees."""
    absent = None if truth.absent is None else truth.absent[start:]
    return Truth(f"{truth.name}, run {run}", truth.boxes[start:], absent=absent)
