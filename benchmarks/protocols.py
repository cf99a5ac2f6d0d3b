"""Evaluation protocols, each a generator of a few lines.

A protocol yields requests, `Start` ("start here with this box") or `Track` ("track this frame"),
and is sent an `Answer` for each; what it returns is the result. It knows nothing of trackers,
pictures or batches: engine/evaluation.py drives many of them at once.

    protocol   runs of a sequence                        files below the tracker's folder
    ope        1                                         SEQ.txt
    tre        20, from 20 starts to the end             tre/SEQ/SEQ_001.txt to _020
    sre        12, from 12 shifted and scaled boxes      sre/SEQ/SEQ_001.txt to _012
    baseline   as many as repetitions, with resets       baseline/SEQ/SEQ_001.txt, ...
    realtime   the same against the clock                realtime/SEQ/SEQ_001.txt, ...
"""

import math
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.results import run_name
from benchmarks.starts import SHIFTS, sequence_starts, shifted_box
from benchmarks.truth import Truth
from benchmarks.vot.overlap import as_regions, failed
from benchmarks.vot.trajectories import FAILED, RESTART, SKIPPED, STARTED, TRACKED, Trajectory
from ops.boxes import valid
from ops.errors import InputError


@dataclass(frozen=True)
class Start:
    """Start at `frame` with `box` (4,)."""

    frame: int
    box: np.ndarray


@dataclass(frozen=True)
class Track:
    """Track `frame`, coming from the frame of the request before."""

    frame: int


@dataclass(frozen=True)
class Answer:
    """What came of a request: box (4,), and how long the tracker took (0 where nobody measured)."""

    box: np.ndarray
    seconds: float = 0.0


Protocol = Generator[Start | Track, Answer, np.ndarray | Trajectory]


def one_pass(boxes: np.ndarray, first: int = 0, start: np.ndarray | None = None) -> Protocol:
    """One-pass evaluation: start once, never restart.

    Args:
        boxes: (N, 4) the truth.
        first: the frame to start on.
        start: (4,) the box to start with; None for the truth's.

    Returns:
        (N - first, 4) boxes, the first of them the one it was started with.
    """
    results = [(yield Start(first, boxes[first] if start is None else start)).box]
    for frame in range(first + 1, len(boxes)):
        results.append((yield Track(frame)).box)
    return np.stack(results)


# ---------------------------------------------------------------------------- OTB


def shifted_pass(sequence: Truth, shift: str) -> Protocol:
    """One run of SRE. The first picture is looked at where its size is not known otherwise."""
    size = sequence.picture_size or sequence.frame(0).shape[1::-1]
    start = shifted_box(sequence.boxes[0], shift, size)
    return (yield from one_pass(sequence.boxes, start=start))


# ---------------------------------------------------------------------------- VOT


class Clock:
    """Which frames pass by while a tracker is busy, as vot-toolkit's RealtimeTrackerRuntime has it.

    From a frame to the next it is `interval` seconds. What an update takes beyond that the tracker
    owes; as long as it owes more than an interval the next frame passes by and takes one off, and
    the rest is forgiven. So are the first `grace` times that anything is owed after a start, the
    start itself among them.
    """

    def __init__(self, interval: float = math.inf, grace: int = 0):
        self.interval, self.grace = interval, grace

    def start(self, seconds: float) -> None:
        self.forgiven = self.grace
        self.work(seconds)

    def work(self, seconds: float) -> None:
        self.owed = max(seconds - self.interval, 0)
        if self.owed and self.forgiven:
            self.owed, self.forgiven = 0, self.forgiven - 1

    def passes_by(self) -> bool:
        """Whether the next frame does."""
        if self.owed > self.interval:
            self.owed -= self.interval
            return True
        return False


def reset_based(
    boxes: np.ndarray, has_failed: Callable[[int, np.ndarray], bool], clock: Clock
) -> Protocol:
    """VOT's supervised experiment: after a failure the tracker starts again, 5 frames later.

    A frame that passes by has the last box found, and may fail with it. Decision: a frame whose
    truth has no area is no place to start; the next one that has is.

    Args:
        boxes: (N, 4) of the truth, to start with.
        has_failed: whether the box (4,) on a frame is a failure.
        clock: `Clock()` lets no frame pass by.
    """
    states, found = np.full(len(boxes), SKIPPED, np.int8), np.full(boxes.shape, np.nan)
    startable, frame = valid(boxes), 0
    while frame < len(boxes):
        if not startable[frame]:
            frame += 1
            continue
        answer = yield Start(frame, boxes[frame])
        clock.start(answer.seconds)
        states[frame] = STARTED
        frame += 1
        while frame < len(boxes):
            if not clock.passes_by():
                answer = yield Track(frame)
                clock.work(answer.seconds)
            if has_failed(frame, answer.box):
                states[frame] = FAILED
                frame += RESTART
                break
            states[frame], found[frame] = TRACKED, answer.box
            frame += 1
    return Trajectory(states, as_regions(found))


# ---------------------------------------------------------------------------- what is run


@dataclass(frozen=True)
class Rules:
    """What of a protocol is not the sequence's.

    Attributes:
        repetitions: of the reset-based protocols.
        frames_per_second, grace: of real time, see `Clock`.
        bounded, painting: of VOT's overlap, which decides on failures: whether it is taken inside
            the picture alone; a key of benchmarks.vot.overlap.PAINTINGS.
    """

    repetitions: int = 1
    frames_per_second: float = 20.0
    grace: int = 3
    bounded: bool = True
    painting: str = "pysot"


@dataclass(frozen=True)
class Pass:
    """One run of a tracker over a sequence or a part of it.

    Attributes:
        sequence: the footage.
        path: of its file, below the tracker's folder and without suffix.
        steps: the protocol, not yet begun.
        frames: how many requests it makes at most.
        repetition: counted from 0; all that it changes is what a tracker draws.
    """

    sequence: Truth
    path: str
    steps: Protocol
    frames: int
    repetition: int = 0


def ope(sequence: Truth, rules: Rules) -> Iterator[Pass]:
    """One-pass evaluation: the whole sequence from its first box."""
    yield Pass(sequence, sequence.name, one_pass(sequence.boxes), len(sequence))


def tre(sequence: Truth, rules: Rules) -> Iterator[Pass]:
    """OTB's temporal robustness: `sequence_starts`. A file has the rows of its segment alone."""
    for number, first in enumerate(sequence_starts(sequence.name, sequence.boxes), 1):
        steps = one_pass(sequence.boxes, first)
        yield Pass(sequence, run_name("tre", sequence.name, number), steps, len(sequence) - first)


def sre(sequence: Truth, rules: Rules) -> Iterator[Pass]:
    """OTB's spatial robustness: `shifted_box`, in the order of SHIFTS."""
    for number, shift in enumerate(SHIFTS, 1):
        steps = shifted_pass(sequence, shift)
        yield Pass(sequence, run_name("sre", sequence.name, number), steps, len(sequence))


def baseline(sequence: Truth, rules: Rules) -> Iterator[Pass]:
    """VOT's reset-based experiment: `reset_based`."""
    yield from _reset_based("baseline", sequence, rules, math.inf)


def realtime(sequence: Truth, rules: Rules) -> Iterator[Pass]:
    """VOT's real-time experiment: the baseline against the clock.

    Decision: every sequence comes at `frames_per_second`, as the challenge says; vot-toolkit takes
    the rate that a sequence's own file gives, where there is one.
    """
    yield from _reset_based("realtime", sequence, rules, 1 / rules.frames_per_second)


PROTOCOLS = {"ope": ope, "tre": tre, "sre": sre, "baseline": baseline, "realtime": realtime}
REPEATED = ("baseline", "realtime")  # that have repetitions


def choose_protocol(asked: str | None, offered: tuple[str, ...], benchmark: str) -> str:
    """The protocol asked for, or the benchmark's default, the first that it offers.

    Raises InputError for an unknown one, or one that the benchmark does not have.
    """
    if asked is None:
        return offered[0]
    if asked not in PROTOCOLS:
        raise InputError(f"evaluation.protocol={asked}: expected one of {', '.join(PROTOCOLS)}")
    if asked not in offered:
        raise InputError(f"evaluation.protocol={asked}: {benchmark} has {', '.join(offered)}")
    return asked


def _reset_based(name: str, sequence: Truth, rules: Rules, interval: float) -> Iterator[Pass]:
    size = sequence.picture_size if rules.bounded else None

    def has_failed(frame: int, box: np.ndarray) -> bool:
        return failed(sequence.polygons[frame], box, size, rules.painting)

    for repetition in range(rules.repetitions):
        steps = reset_based(sequence.boxes, has_failed, Clock(interval, rules.grace))
        path = run_name(name, sequence.name, repetition + 1)
        yield Pass(sequence, path, steps, len(sequence), repetition)
