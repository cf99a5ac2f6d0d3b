"""The field's conventions by name: how each toolkit scores one-pass results.

A convention turns boxes into errors of frames (benchmarks/frame_errors.py), in which everything
that the toolkits do differently is decided. What follows (benchmarks/metrics.py) is common to all:
success counts overlap > t, precision distance <= t, curves are averaged over sequences.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.frame_errors import (
    FrameErrors,
    got10k_errors,
    got10k_val_errors,
    matlab_otb_errors,
    matlab_robustness_errors,
    pysot_errors,
    pytracking_errors,
)
from benchmarks.runs import Runs
from ops.errors import InputError

ONE_PASS = ("success_auc", "precision_20", "norm_precision_20", "ao", "sr_50", "sr_75")


@dataclass(frozen=True)
class Convention:
    """How one toolkit scores boxes.

    Attributes:
        name: as `convention=` and the reports give it.
        summary: its rules in words, for the reports.
        success_thresholds: of the overlap; the comparison is strict.
        errors: (runs, predicted (F, 4) 0-based, missing (F,) bool) -> FrameErrors. Raises Refused.
        pooled: whether figures pool the frames of all sequences, instead of giving every sequence
            the same weight.
        averages_failures: whether frames that fail by rule have their part in AO, as 0.
        cuts: whether rows beyond the truth's are left out, or the sequences on which they are;
            otherwise the tracker is refused.
        metrics: its figures, of benchmarks.figures.METRICS.
    """

    name: str
    summary: str
    success_thresholds: np.ndarray
    errors: Callable[[Runs, np.ndarray, np.ndarray], FrameErrors]
    pooled: bool = False
    averages_failures: bool = True
    cuts: bool | tuple[str, ...] = False
    metrics: tuple[str, ...] = ONE_PASS


# MATLAB builds 0:0.05:1 from both ends. Overlaps of integer boxes tie with these numbers (0.7), and
# only this construction decides the ties as the published figures do.
MATLAB_THRESHOLDS = np.array([i * 0.05 if i <= 10 else 1 - (20 - i) * 0.05 for i in range(21)])
EVEN_THRESHOLDS = np.linspace(0, 1, 21)  # the other toolkits'; 0.7 is 0.7000000000000001 there

MEAN = "Mean over sequences, equal weight."

CONVENTIONS = {
    row.name: row
    for row in (
        Convention(
            name="matlab_otb",
            summary="Success: share of frames with overlap above the threshold, mean over 21 "
            "thresholds (a perfect tracker has 20/21). First frame replaced by the truth; frames "
            "without valid truth fail in success and count as correct in precision; a bad box "
            f"becomes the previous one; missing frames fail. {MEAN}",
            success_thresholds=MATLAB_THRESHOLDS,
            errors=matlab_otb_errors,
        ),
        Convention(
            name="pysot",
            summary="As the MATLAB toolkit, but: the first frame is the tracker's own; only truth "
            "without a size fails in success, only a centre that is not positive counts as correct "
            f"in precision; boxes with NaN fail; a result that is too short is refused. {MEAN}",
            success_thresholds=EVEN_THRESHOLDS,
            errors=pysot_errors,
            cuts=("monkey-17",),  # of LaSOT, by name
        ),
        Convention(
            name="got10k",
            summary="First frame replaced by the truth; any truth counts but NaN, whose frames are "
            "left out; boxes with NaN fail; results and truth are cut to the shorter of both. "
            f"{MEAN}",
            success_thresholds=EVEN_THRESHOLDS,
            errors=got10k_errors,
            cuts=True,
        ),
        Convention(
            name="pytracking",
            summary="First frame replaced by the truth; frames without valid truth fail in success "
            "and precision (NaN is correct in precision) and are left out of AO; a box without a "
            "size becomes the previous one; missing frames fail; NaN boxes and negative sizes are "
            f"refused. {MEAN}",
            success_thresholds=EVEN_THRESHOLDS,
            errors=pytracking_errors,
            averages_failures=False,
            cuts=True,
        ),
    )
}

# What the got10k toolkit does on GOT-10k itself.
GOT10K_VAL = Convention(
    name="got10k",
    summary="GOT-10k's own protocol: first frames and frames with cover 0 left out, boxes bounded "
    "by the picture (one that leaves on the left or top is moved, as the toolkit does), AO and SR "
    "over the frames of all sequences pooled.",
    success_thresholds=np.linspace(0, 1, 101),
    errors=got10k_val_errors,
    cuts=True,
    pooled=True,
    metrics=("ao", "sr_50", "sr_75"),
)


# The published TRE and SRE figures of affine trackers, with thresholds as the reference figures of
# this project's tests have them (MATLAB's own differ by 1e-5 from those).
MATLAB_ROBUSTNESS = Convention(
    name="matlab_otb",
    summary="Frames of all runs of a sequence pooled, then the mean over sequences. As in one pass "
    "(first frame replaced by the truth; frames without valid truth fail in success and count as "
    "correct in precision), but a bad box stays and a result that is too short cuts its run.",
    success_thresholds=EVEN_THRESHOLDS,
    errors=matlab_robustness_errors,
    cuts=True,
)


def find_convention(name: str, runs: Runs, protocol: str = "ope") -> Convention:
    """The convention of that name for these runs. Raises InputError for an unknown one."""
    if name not in CONVENTIONS:
        raise InputError(f"convention={name}: expected one of {', '.join(CONVENTIONS)}")
    if name == "got10k" and runs.cover is not None:
        return GOT10K_VAL
    if name == "matlab_otb" and protocol in ("tre", "sre"):
        return MATLAB_ROBUSTNESS
    return CONVENTIONS[name]
