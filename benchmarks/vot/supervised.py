"""VOT's reset-based measures: accuracy, robustness, failures and EAO, as two toolkits define them.

- `pysot`: accuracy pools the frames of all sequences, a frame being the mean of its repetitions;
  robustness is failures per 100 frames. Published figures of VOT-2015 to VOT-2019 follow it, as
  does the MATLAB toolkit.
- `vot_toolkit` (0.9.0): accuracy and failures of each sequence are the means of its repetitions
  (accuracy 0 where no frame counts), and means over sequences weighted by their lengths.

In both the overlap counts from the tenth frame after a start on (*burn-in*).
"""

from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.figures import Figure, TrackerScore, pooled
from benchmarks.truth import Truth
from benchmarks.vot.expected_overlap import (
    expected_overlap_sums,
    pysot_fragments,
    shares,
    toolkit_fragments,
)
from benchmarks.vot.overlap import furthest, overlaps
from benchmarks.vot.trajectories import FAILED, STARTED, TRACKED, Trajectory
from ops.errors import InputError

TOOLKITS = ("pysot", "vot_toolkit")
BURN_IN = 10  # frames, the start included

Runs = Sequence[Sequence[Trajectory]]
PerRun = list[list[np.ndarray]]


def score_supervised(
    runs: Runs,
    truths: Sequence[Truth],
    toolkit: str,
    eao_interval: tuple[int, int],
    bounded: bool = True,
    legacy: bool = False,
) -> TrackerScore:
    """Score one tracker on S sequences.

    Args:
        runs: (S, R) trajectories, R >= 1 repetitions of each sequence, as long as its truth.
        truths: the sequences, with polygons as regions of benchmarks/vot/overlap.py (an annotation
            that is a box in its file is best left one: NaN after four numbers), and picture sizes.
        toolkit: one of TOOLKITS.
        eao_interval: first and last length of a sequence in EAO. vot-toolkit does not count the
            start, so its interval lies one frame later.
        bounded: whether overlap stops at the picture's border; it does not for VOT-2015.
        legacy: paint regions as before VOT-2016.

    Figures: "eao", a column for each length; "accuracy"; "robustness" as the toolkit has it (pysot
    failures per 100 frames, vot-toolkit mean failures); "failures" their total, a mean over
    repetitions. `by_tag` has "eao" of all frames ("all"), of each tag found and of frames without
    any ("empty"): a fragment counts by its share of such frames. vot-toolkit has no tags.
    `curves` has "expected_overlap" over lengths 1 to that of the longest sequence, NaN where no
    fragment counts. `overlaps` are those of the first repetition.

    Raises InputError for an unknown toolkit, or where a truth lacks polygons or its picture size.
    """
    if toolkit not in TOOLKITS:
        raise InputError(f"toolkit={toolkit}: expected one of {', '.join(TOOLKITS)}")
    _check_truths(truths, bounded)
    painting = "legacy" if legacy else toolkit
    frames, eao_frames = _run_overlaps(runs, truths, toolkit, painting, bounded)
    accuracy, per_accuracy = (_pysot_accuracy if toolkit == "pysot" else _toolkit_accuracy)(
        frames, runs
    )
    lengths = np.array([len(truth) for truth in truths], float)
    failures = np.array(
        [np.mean([(run.states == FAILED).sum() for run in repeated]) for repeated in runs]
    )
    if toolkit == "pysot":
        robustness, per_robustness = pooled(100 * failures, lengths), 100 * failures / lengths
    else:
        robustness, per_robustness = pooled(failures * lengths, lengths), failures
    eao, curve, by_tag = _expected_overlap(eao_frames, runs, truths, toolkit, eao_interval)
    return TrackerScore(
        figures={
            "eao": eao,
            "accuracy": accuracy,
            "robustness": robustness,
            "failures": pooled(failures * len(failures), np.ones(len(failures))),  # their total
        },
        per_sequence={
            "accuracy": per_accuracy,
            "robustness": per_robustness,
            "failures": failures,
        },
        curves={"expected_overlap": curve},
        overlaps=[
            np.where(repeated[0].states == FAILED, 0, values[0])
            for repeated, values in zip(runs, frames, strict=True)
        ],
        by_tag=by_tag,
    )


def _check_truths(truths: Sequence[Truth], bounded: bool) -> None:
    for truth in truths:
        if truth.polygons is None:
            raise InputError(f"sequence {truth.name}: VOT's measures need polygons")
        if bounded and truth.picture_size is None:
            raise InputError(f"sequence {truth.name}: the size of its pictures is not known")


def _run_overlaps(runs, truths, toolkit, painting, bounded) -> tuple[PerRun, PerRun]:
    """Overlaps of each run's frames for accuracy and for EAO: (S, R) arrays (N,), NaN if untracked.

    A region with NaN in it counts as overlap 0 in pysot; vot-toolkit leaves it out. pysot bounds by
    width and height for accuracy and by one less for EAO, which only regions that go so far notice.
    """
    pairs = [(run, truth) for repeated, truth in zip(runs, truths, strict=True) for run in repeated]
    tracked = np.concatenate([run.states == TRACKED for run, _ in pairs])
    found = np.concatenate([run.regions for run, _ in pairs])[tracked]
    true = np.concatenate([truth.polygons for _, truth in pairs])[tracked]
    sizes = None
    if bounded:
        sizes = np.repeat(
            [truth.picture_size for _, truth in pairs], [len(run) for run, _ in pairs], axis=0
        )[tracked]
    values = overlaps(found, true, sizes, painting)
    eao_values = values
    if bounded and toolkit == "pysot":
        far = np.flatnonzero((np.maximum(furthest(found), furthest(true)) > sizes - 1).any(1))
        eao_values = values.copy()
        eao_values[far] = overlaps(found[far], true[far], sizes[far] - 1, painting)
    if toolkit == "pysot":
        unknown = np.isnan(found[:, :4]).any(1)
        values[unknown] = eao_values[unknown] = 0
    ends = np.cumsum([len(run) for run, _ in pairs])
    result = []
    for some in (values, eao_values):
        every = np.full(len(tracked), np.nan)
        every[tracked] = some
        by_run = iter(np.split(every, ends[:-1]))
        result.append([[next(by_run) for _ in repeated] for repeated in runs])
    return result[0], result[1]


def _after_burn_in(values: np.ndarray, run: Trajectory) -> np.ndarray:
    """Overlaps (N,), NaN also in the first BURN_IN frames of each start."""
    values = values.copy()
    for start in np.flatnonzero(run.states == STARTED):
        values[start : start + BURN_IN] = np.nan
    return values


def _mean_of_known(values: np.ndarray) -> np.ndarray:
    """Mean over the first axis of what is not NaN; NaN where nothing is."""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.where(known, values, 0).sum(0) / known.sum(0)


def _pysot_accuracy(frames: PerRun, runs: Runs) -> tuple[Figure, np.ndarray]:
    """Accuracy and that of single sequences (S,): all frames pooled."""
    sums, counts = np.zeros(len(runs)), np.zeros(len(runs))
    for s, (values, repeated) in enumerate(zip(frames, runs, strict=True)):
        burnt = [_after_burn_in(*pair) for pair in zip(values, repeated, strict=True)]
        mean = _mean_of_known(np.stack(burnt))
        sums[s], counts[s] = np.nansum(mean), (~np.isnan(mean)).sum()
    with np.errstate(invalid="ignore"):
        return pooled(sums, counts), sums / counts


def _toolkit_accuracy(frames: PerRun, runs: Runs) -> tuple[Figure, np.ndarray]:
    """Accuracy and that of single sequences (S,): sequences weighted by length."""
    single = [
        [_mean_of_known(_after_burn_in(*pair)) for pair in zip(values, repeated, strict=True)]
        for values, repeated in zip(frames, runs, strict=True)
    ]
    accuracy = np.array([np.nan_to_num(values).mean() for values in single])
    lengths = np.array([len(repeated[0]) for repeated in runs], float)
    return pooled(accuracy * lengths, lengths), accuracy


def _expected_overlap(
    frames: PerRun, runs: Runs, truths: Sequence[Truth], toolkit: str, interval: tuple[int, int]
) -> tuple[Figure, np.ndarray, Mapping[str, Mapping[str, float]]]:
    """EAO, the curve over all lengths (T,), and EAO by tag."""
    names, chosen = _tagged(truths) if toolkit == "pysot" else ((), None)
    longest = max(len(truth) for truth in truths)
    by_sequence = np.zeros((2, len(truths), longest))  # sums of overlaps, of weights
    by_name = np.zeros((2, max(len(names), 1), longest))
    reached = 0
    for s, (values, repeated) in enumerate(zip(frames, runs, strict=True)):
        for overlap, run in zip(values, repeated, strict=True):
            if toolkit == "pysot":
                fragments = pysot_fragments(run.states)
                weights = shares(fragments, chosen[s]) / len(repeated)
            else:
                fragments = toolkit_fragments(run.states)
                weights = np.ones((1, len(fragments.start)))
            sums = expected_overlap_sums(overlap, fragments, weights, longest)  # (2, K, T)
            by_sequence[:, s] += sums[:, 0]
            by_name += sums
            reached = max(reached, int((fragments.stop - fragments.start).max()))
    low, high = interval
    if toolkit == "vot_toolkit":
        low, high = low + 1, high + 1
        # Its curve ends with the longest fragment, not with the longest sequence.
        by_sequence[..., reached:] = by_name[..., reached:] = 0
    figure = Figure(*by_sequence[..., low - 1 : high])
    by_tag = {
        name: {"eao": float(Figure(*by_name[:, k : k + 1, low - 1 : high]).value())}
        for k, name in enumerate(names)
    }
    with np.errstate(invalid="ignore"):
        return figure, np.divide(*by_name[:, 0]), by_tag


def _tagged(truths: Sequence[Truth]) -> tuple[tuple[str, ...], list[np.ndarray]]:
    """Names of tags, "all" first, "empty" last, and for each sequence which frames have them.

    The second is S arrays (K, N) bool. Without any tags there is only "all".
    """
    found = list(dict.fromkeys(tag for truth in truths for tag in truth.tags))
    chosen = []
    for truth in truths:
        none = np.zeros(len(truth), bool)
        tags = np.array([truth.tags.get(tag, none) for tag in found], bool).reshape(-1, len(truth))
        empty = [~tags.any(0)] if found else []
        chosen.append(np.stack([~none, *tags, *empty]))
    return ("all", *found, *(["empty"] if found else [])), chosen
