"""What the rows of an ablation came to: reports of a sweep's runs, a row's seeds taken together."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from benchmarks.figures import mean_over_sequences
from benchmarks.statistics import draws, interval, mean_over_seeds
from ops.errors import InputError

TABLE_METRICS = ("success_auc", "precision_20", "eao")
RANKING = ("success_auc", "eao")  # the first that was measured ranks
SEED = re.compile(r"seed-(\d+)")  # a folder's name, as a sweep over seeds makes it
NOTHING = "-"


@dataclass(frozen=True)
class Measured:
    """What a row's own tracker came to on one benchmark: one report, or one of each seed.

    Attributes:
        row: its name in the table.
        part: the folder below the row's, the seed's aside: another benchmark; "" for none.
        benchmark: its name.
        setting: what was tracked, in words: benchmark, protocol, number of sequences, which part.
        sequences: their names.
        made_like: convention of the scores and hash of the footage, None for what a report lacks.
        scores: metric -> mean over sequences and seeds.
        interval: 95 %, of the metric that ranks, over sequences and seeds; None where it is not
            known.
        weights: "trained, step N", "untrained", "untrained but for its backbone", or as the report
            has it.
        seeds: of the runs, in ascending order; None for one that does not say its seed.
        range: lowest and highest of the seeds' scores in the metric that ranks; None where there
            is no such metric.
        per_sequence: (K, S) of that metric, of K seeds, NaN where a sequence does not count; None
            where the score is not the plain mean of such values.
    """

    row: str
    part: str
    benchmark: str
    setting: str
    sequences: tuple[str, ...]
    made_like: tuple[str | None, str | None]
    scores: dict[str, float]
    interval: tuple[float, float] | None
    weights: str
    seeds: tuple[int | None, ...]
    range: tuple[float, float] | None
    per_sequence: np.ndarray | None

    @property
    def place(self) -> str:
        """ROW, or ROW/PART."""
        return "/".join(filter(None, (self.row, self.part)))

    @property
    def metric(self) -> str | None:
        """The metric that ranks."""
        return next((metric for metric in RANKING if metric in self.scores), None)

    @property
    def scope(self) -> tuple:
        """Equal for what may be compared, sequence by sequence."""
        return self.part, self.setting, self.metric, self.sequences, self.made_like

    @property
    def key(self) -> tuple:
        """One line of a table."""
        return self.row, *self.scope


def read_rows(folder: Path) -> list[Measured]:
    """What FOLDER/ROW[/seed-N][/PART]/report.json say, by place; the seeds of a row are one.

    A run of the row without a folder for its seed is one of its seeds too. Runs on other sequences
    than the row's others stand for themselves.

    Raises:
        InputError: a report that cannot be read, or two of the same row, seed and benchmark.
    """
    paths = [
        path for depth in ("*", "*/*", "*/*/*") for path in folder.glob(f"{depth}/report.json")
    ]
    groups: dict[tuple, dict[int | None, tuple[Path, Measured]]] = {}
    for path in sorted(paths, key=lambda path: path.parent):
        row, *below = path.parent.relative_to(folder).parts
        seeds = [int(found[1]) for name in below if (found := SEED.fullmatch(name))]
        parts = [name for name in below if not SEED.fullmatch(name)]
        if max(len(seeds), len(parts)) > 1:
            continue
        seed = seeds[0] if seeds else _config(folder / row).get("seed")
        one = _read(path, row, "".join(parts), seed)
        group = groups.setdefault(one.key, {})
        if seed in group:
            raise InputError(f"{path}: seed {seed} of {one.place} is also {group[seed][0]}")
        group[seed] = path, one
    found = [_over_seeds([one for _, one in group.values()]) for group in groups.values()]
    return sorted(found, key=lambda one: (one.row, one.part))


def _over_seeds(runs: list[Measured]) -> Measured:
    """One row of what several seeds of it came to."""
    first, *others = runs = sorted(runs, key=lambda one: (one.seeds[0] is not None, *one.seeds))
    if not others:
        return first
    per_sequence = bounds = None
    if all(one.per_sequence is not None for one in runs):
        per_sequence = np.concatenate([one.per_sequence for one in runs])
        bounds = _interval(per_sequence)
    ranked = [one.scores[first.metric] for one in runs if first.metric]
    return Measured(
        first.row,
        first.part,
        first.benchmark,
        first.setting,
        first.sequences,
        first.made_like,
        scores={
            metric: float(np.mean([one.scores[metric] for one in runs]))
            for metric in first.scores
            if all(metric in one.scores for one in others)
        },
        interval=bounds,
        weights="; ".join(dict.fromkeys(one.weights for one in runs)),
        seeds=tuple(one.seeds[0] for one in runs),
        range=(min(ranked), max(ranked)) if ranked else None,
        per_sequence=per_sequence,
    )


def _read(path: Path, row: str, part: str, seed: int | None) -> Measured:
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        tracker = _own_tracker(path, row, list(report["scores"]))
        scores = {metric: report["scores"][tracker].get(metric) for metric in TABLE_METRICS}
        made_by = report["made_by"].get(tracker, {})
        benchmark, protocol = report["benchmark"], report["protocol"]
        intervals = report["intervals"].get(tracker, {})
        by_sequence = report["per_sequence"][tracker]
        scores = {metric: score for metric, score in scores.items() if score is not None}
        metric = next((metric for metric in RANKING if metric in scores), None)
        values = np.array([found.get(metric) for found in by_sequence.values()], float)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: not a report: {type(error).__name__} {error}") from error
    bounds = intervals.get(metric)
    count = len(by_sequence)
    what = made_by.get("part") or f"{count} sequence{'s' if count != 1 else ''}"
    return Measured(
        row=row,
        part=part,
        benchmark=benchmark,
        setting=", ".join([benchmark, protocol, what]),
        sequences=tuple(by_sequence),
        made_like=(report.get("convention"), made_by.get("dataset_hash")),
        scores=scores,
        interval=tuple(bounds) if bounds and None not in bounds else None,
        weights=_weights(str(made_by.get("weights", NOTHING))),
        seeds=(seed,),
        range=(scores[metric], scores[metric]) if metric else None,
        per_sequence=values[None] if metric and _is_mean(scores[metric], values) else None,
    )


def _is_mean(score: float, values: np.ndarray) -> bool:
    """Whether a score is the plain mean of the sequences' values, and not pooled otherwise."""
    return bool(np.isclose(mean_over_sequences(values).value(), score, rtol=0, atol=1e-9))


def _interval(values: np.ndarray) -> tuple[float, float] | None:
    """As a report has it of its metrics, of seeds and sequences (K, S); None for one sequence."""
    sequences = values.shape[1]
    return interval(mean_over_seeds(values).value(draws(sequences))) if sequences > 1 else None


def _own_tracker(path: Path, row: str, trackers: list[str]) -> str:
    """Which of a report's trackers is the row's, and not a baseline beside it.

    It is the one that the run's config labels, or that is called as the row; or the only one.
    """
    label = _config(path.parent).get("label", row)
    for name in (label, row):
        if name in trackers:
            return name
    if len(trackers) == 1:
        return trackers[0]
    raise InputError(f"{path}: none of {', '.join(trackers)} is called {label}")


def _config(run: Path) -> dict:
    """What a run directory says that it was made with; {} where it does not."""
    path = run / ".hydra" / "config.yaml"
    return yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}


def _weights(words: str) -> str:
    """Shortened from what engine/ writes: a checkpoint's path gives way to its step."""
    if words.startswith("untrained"):
        return words.split(", ")[0]
    path, _, step = words.rpartition(", step ")
    return f"trained, step {step}" if path else words
