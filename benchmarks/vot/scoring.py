"""Scores of trackers over a VOT benchmark, as benchmarks/scoring.py has them for one-pass ones."""

from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.figures import Figure
from benchmarks.scores import Scores, assemble
from benchmarks.scoring import check_something
from benchmarks.truth import Truth
from benchmarks.vot.supervised import score_supervised
from benchmarks.vot.trajectories import Trajectory
from ops.errors import InputError

SENSITIVITY = 30  # S: frames over which reliability is stated

SUMMARIES = {
    "pysot": "Reset-based: a tracker that fails (overlap 0) starts again five frames later. "
    "Accuracy pools all frames but the ten from each start on, robustness is failures in 100 "
    "frames, EAO is the expected overlap averaged over lengths {low} to {high}. Overlap is painted "
    "in pixels, a box of w x h covering (w+1) x (h+1). What the MATLAB toolkit and the published "
    "figures of these years follow.",
    "vot_toolkit": "Reset-based, as vot-toolkit 0.9.0: accuracy and failures (robustness) are "
    "means over sequences weighted by length, EAO is the expected overlap averaged over lengths "
    "{low} to {high}, starts not counted, or to the longest that the tracker ran without a new "
    "start. Overlap is painted in pixels, a box of w x h covering w x h.",
}


def score_vot(
    results: Mapping[str, Mapping[str, Sequence[Trajectory]]],
    truths: Sequence[Truth],
    convention: str,
    protocol: str,
    eao_interval: tuple[int, int],
    bounded: bool = True,
    legacy: bool = False,
    damaged: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
) -> Scores:
    """Score trackers on sequences with polygons.

    Args:
        results: tracker -> sequence -> its repetitions.
        convention: "pysot" or "vot_toolkit".
        protocol: "baseline" or "realtime".
        eao_interval, bounded, legacy: see score_supervised.
        damaged: tracker -> why its results could not be read; named in `refused`.
        notes: what is known to be said already.

    Raises InputError for another convention, or without a tracker or a sequence.
    """
    if convention not in SUMMARIES:
        raise InputError(
            f"convention={convention}: expected {' or '.join(SUMMARIES)} for VOT's benchmarks"
        )
    check_something(results, truths, damaged)
    names = [truth.name for truth in truths]
    scored = {
        tracker: score_supervised(
            [found[name] for name in names], truths, convention, eao_interval, bounded, legacy
        )
        for tracker, found in results.items()
    }
    low, high = eao_interval
    longest = max(len(truth.boxes) for truth in truths)
    return assemble(
        scored,
        truths,
        results={
            tracker: {name: _boxes(found[name][0].regions) for name in names}
            for tracker, found in results.items()
        },
        convention=convention,
        summary=SUMMARIES[convention].format(low=low, high=high),
        protocol=protocol,
        thresholds={
            "expected_overlap": np.arange(1.0, longest + 1),
            "eao_interval": np.array(eao_interval, float),
        },
        refused=damaged or {},
        reliability={
            tracker: _reliability(one.figures, convention, truths)
            for tracker, one in scored.items()
        },
        notes=[*notes, *_notes(results, longest, low, high + (convention == "vot_toolkit"))],
    )


def _reliability(figures: Mapping[str, Figure], convention: str, truths: Sequence[Truth]) -> float:
    """exp(-S failures / frames), S = 30, of VOT's accuracy-robustness plot.

    pysot's failures a frame are those of all frames; vot-toolkit's are its mean failures of a
    sequence over the mean length.
    """
    robustness = float(figures["robustness"].value())
    mean_length = np.mean([len(truth.boxes) for truth in truths])
    rate = robustness / 100 if convention == "pysot" else robustness / mean_length
    return float(np.exp(-SENSITIVITY * rate))


def _notes(
    results: Mapping[str, Mapping[str, Sequence[Trajectory]]],
    longest: int,
    low: int,
    high: int,
) -> list[str]:
    """What must be said; `low` to `high` are the lengths that EAO averages over."""
    notes = []
    for tracker, found in results.items():
        counts = sorted({len(runs) for runs in found.values()})
        if len(counts) > 1:
            notes.append(
                f"{tracker}: {counts[0]} to {counts[-1]} repetitions, by sequence; vot_toolkit's "
                "EAO gives every run the same weight."
            )
    if longest < high:
        notes.append(
            f"EAO averages over lengths {low} to {high}, and the longest sequence here has "
            f"{longest} frames: it is of the shorter lengths alone, or not defined."
        )
    return notes


def _boxes(regions: np.ndarray) -> np.ndarray:
    """Boxes (N, 4) around regions (N, 8), for pictures; NaN where nothing was tracked."""
    corners = regions.reshape(-1, 4, 2)
    low, high = corners.min(1), corners.max(1)
    around = np.concatenate([low, high - low], 1)
    is_box = np.isnan(regions[:, 4:]).all(1)[:, None]
    return np.where(is_box, regions[:, :4], around)
