"""Expected average overlap (EAO): what overlap to expect on a sequence of a given length.

A run is cut into fragments that each begin with a start. The average overlap of a fragment after
its first n frames, the start not counted, stands for a sequence of length n; a fragment that ended
in a failure is followed by zeros, however long; one that came to the end of its sequence counts up
to there. The curve is the weighted mean over fragments, EAO its mean over an interval of lengths
(Kristan et al., The Visual Object Tracking VOT2015 challenge results, ICCVW 2015).
"""

from dataclasses import dataclass

import numpy as np

from benchmarks.vot.trajectories import FAILED, RESTART, STARTED


@dataclass(frozen=True)
class Fragments:
    """The F fragments of one run.

    Attributes:
        start, stop: (F,) frames start to stop - 1 of the run.
        size: (F,) number of frames that weights are shares of.
        lost: (F,) bool, the fragment ends in a failure.
    """

    start: np.ndarray
    stop: np.ndarray
    size: np.ndarray
    lost: np.ndarray


def pysot_fragments(states: np.ndarray) -> Fragments:
    """Fragments of a run with `states` (N,) as the MATLAB toolkit and pysot cut them.

    One begins five frames after each failure, whatever the file says, and one that ended in a
    failure includes the frames up to the next start and that start itself, with overlap 0. A
    failure in the last four frames has no such start and makes no cut: its fragment counts as one
    that came to the end.
    """
    length = len(states)
    failures = np.flatnonzero(states == FAILED) + RESTART
    start = np.concatenate([[0], failures[failures <= length]])
    size = np.append(np.diff(start) + 1, length - start[-1])
    lost = np.arange(len(start)) < len(start) - 1
    some = size > 0  # a start in the frame after the last one leaves an empty fragment
    return Fragments(start[some], np.minimum(start + size, length)[some], size[some], lost[some])


def toolkit_fragments(states: np.ndarray) -> Fragments:
    """Fragments of a run with `states` (N,) as vot-toolkit 0.9.0 cuts them.

    From each start to the frame before its failure, or to the end; a run without a failure is one
    fragment.
    """
    failures = np.flatnonzero(states == FAILED)
    start, stop = np.flatnonzero(states == STARTED), failures
    if len(failures) == 0:
        start = np.zeros(1, int)
    if len(start) > len(failures):
        stop = np.append(failures, len(states))
    return Fragments(start, stop, stop - start, np.arange(len(start)) < len(failures))


def shares(fragments: Fragments, chosen: np.ndarray) -> np.ndarray:
    """Share of each fragment's frames that are `chosen` (..., N) bool: (..., F)."""
    before = np.pad(np.cumsum(chosen, -1), [(0, 0)] * (chosen.ndim - 1) + [(1, 0)])
    return (before[..., fragments.stop] - before[..., fragments.start]) / fragments.size


def expected_overlap_sums(
    overlaps: np.ndarray, fragments: Fragments, weights: np.ndarray, longest: int
) -> np.ndarray:
    """Weighted sums of average overlaps over the fragments of one run, and sums of weights.

    Args:
        overlaps: (N,) of the run's frames; NaN counts as 0.
        fragments: F of them.
        weights: (K, F), K weightings.
        longest: T >= N, the longest length to answer for.

    Returns:
        (2, K, T), sums of overlaps and of weights; column n - 1 is length n. Nothing counts for
        length 1.
    """
    lengths = fragments.stop - fragments.start
    column = np.arange(longest)
    within = column < lengths[:, None]  # (F, T)
    average = np.zeros(within.shape)
    average[within] = np.nan_to_num(
        np.concatenate(
            [overlaps[a:b] for a, b in zip(fragments.start, fragments.stop, strict=True)]
        )
    )
    average[:, 0] = 0
    np.cumsum(average, axis=1, out=average)
    average /= np.maximum(column, 1)  # frame 0 is the start
    alive = ((within | fragments.lost[:, None]) & (column > 0)).astype(float)
    return np.stack([weights @ (average * alive), weights @ alive])
