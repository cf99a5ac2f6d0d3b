"""A search over the settings of tracking: a row a setting, each beside the defaults, in one table.

    SEARCH/ROW/setting.json        what was measured with the setting, by the job that tracked it
    SEARCH/defaults/setting.json   the tracker's own settings
    SEARCH/search.md, .csv, .json  the table of all rows there are, written anew after each

Without torch: the table starts without waiting for it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.results import read_tracker
from benchmarks.scoring import score
from benchmarks.statistics import Comparison
from datasets.sequence import Dataset
from ops.errors import InputError
from ops.files import write_atomically

DEFAULTS, ROW = "defaults", "setting.json"
# Of results (engine/results.py), what is the same for all rows of a search.
MAKE = ("weights_hash", "code_version", "dataset", "dataset_hash", "part", "protocol", "seed")
Interval = tuple[float, float]


@dataclass(frozen=True)
class Setting:
    """What was measured with one setting.

    Attributes:
        row: its folder's name; DEFAULTS for the tracker's own settings.
        overrides: what makes it of the defaults, for the command line.
        tracking: all settings of tracking that it has, nested as in the config.
        metric: the figure that ranks on the dataset, of benchmarks.figures.METRICS.
        score, interval: that figure and its 95 % bootstrap interval over sequences.
        difference, difference_interval: paired with the defaults' on the same sequences.
        better, worse: sequences on which it is above, below the defaults.
        sequences: the figure by sequence.
        make: what it must share with the other rows, for their figures to compare.

    NaN stands for what is not known: an interval over one sequence.
    """

    row: str
    overrides: list[str]
    tracking: dict[str, Any]
    metric: str
    score: float
    interval: Interval
    difference: float
    difference_interval: Interval
    better: int
    worse: int
    sequences: dict[str, float]
    make: dict[str, Any]


def check_searchable(dataset: Dataset, protocol: str | None) -> None:
    """Raise InputError unless the dataset is marked as one to choose settings by, in one pass.

    protocol: that is asked for; None for the dataset's own.
    """
    if dataset.split != "val":
        raise InputError(
            f"mode=search on {dataset.name}: its split is {dataset.split}, expected split=val, "
            "as of dataset=folder; footage that chose the settings can't test them, so no test "
            "set is searched on"
        )
    if protocol not in (None, "ope"):
        raise InputError(f"evaluation.protocol={protocol}: mode=search expects ope")


def measure(
    folder: Path,
    row: str,
    overrides: list[str],
    label: str,
    made_by: Mapping[str, Any],
    dataset: Dataset,
    convention: str | None,
) -> Setting:
    """Score a row of the search FOLDER beside its defaults, and write it into its setting.json.

    Args:
        label: the tracker's folder in FOLDER/ROW/results and FOLDER/defaults/results.
        made_by: what engine.results.track_dataset returned for the row.
        convention: None for the dataset's own.

    Raises InputError where the convention refuses the results of one of them.
    """
    names = [sequence.name for sequence in dataset.sequences]
    rows = list(dict.fromkeys([DEFAULTS, row]))
    results = {
        name: read_tracker(folder / name / "results", label, names, dataset.origin) for name in rows
    }
    scores = score(results, dataset.sequences, convention or dataset.convention)
    for name, reason in scores.refused.items():
        raise InputError(f"{folder / name}: {scores.convention} does not score it: {reason}")
    metric = scores.ranked_by
    found = {name: scores.per_sequence[row][name][metric] for name in names}
    usual = {name: scores.per_sequence[DEFAULTS][name][metric] for name in names}
    difference, spread = _against(row, scores.paired)
    setting = Setting(
        row=row,
        overrides=overrides,
        tracking=made_by["config"]["tracking"],
        metric=metric,
        score=scores.means[row][metric],
        interval=scores.intervals[row][metric],
        difference=difference,
        difference_interval=spread,
        better=sum(found[name] > usual[name] for name in names),
        worse=sum(found[name] < usual[name] for name in names),
        sequences=found,
        make={key: made_by[key] for key in MAKE} | {"convention": scores.convention},
    )
    write_atomically(folder / row / ROW, json.dumps(asdict(setting), indent=1) + "\n")
    return setting


def read_settings(folder: Path) -> list[Setting]:
    """The rows of a search, best first; of equal ones the defaults come first.

    Raises InputError for no rows, one that cannot be read, or rows that do not compare.
    """
    settings = [read_setting(path.parent) for path in sorted(folder.glob(f"*/{ROW}"))]
    if DEFAULTS not in [setting.row for setting in settings]:
        raise InputError(f"{folder}: no {DEFAULTS}/{ROW} in it, expected the folder of a search")
    settings.sort(key=lambda one: (-np.nan_to_num(one.score, nan=-1), one.row != DEFAULTS, one.row))
    defaults = next(setting for setting in settings if setting.row == DEFAULTS)
    for one in settings:
        differs = sorted(key for key, value in defaults.make.items() if one.make.get(key) != value)
        if differs:
            raise InputError(
                f"{folder / one.row}: of another make than {DEFAULTS} ({', '.join(differs)} "
                "differ): remove it"
            )
    return settings


def read_setting(directory: Path) -> Setting:
    """What a job wrote. Raises InputError for something else."""
    try:
        held = json.loads((directory / ROW).read_text("utf-8"))
        spreads = {key: tuple(held[key]) for key in ("interval", "difference_interval")}
        return Setting(**{**held, **spreads})
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"{directory / ROW}: not a row of a search: {error}") from error


def is_search(folder: Path) -> bool:
    """Whether a folder holds the rows of a search."""
    return (folder / DEFAULTS / ROW).is_file()


def left_out(settings: Sequence[Setting]) -> float:
    """What choosing brings on a sequence that had no part in the choice: the mean difference to
    the defaults where the setting for each sequence is the best of the other sequences' mean.

    (Leave-one-out cross-validation of the choice: Stone, 1974.) NaN for less than two sequences.
    """
    names = [name for name, value in settings[0].sequences.items() if value == value]
    if len(names) < 2:
        return float("nan")
    defaults = next(index for index, one in enumerate(settings) if one.row == DEFAULTS)
    values = np.array([[one.sequences[name] for name in names] for one in settings])  # (R, S)
    others = values.sum(1, keepdims=True) - values
    # Of equal sums, to rounding, the defaults: without a difference there is nothing to choose.
    others[defaults] += 1e-9
    chosen = others.argmax(0)
    return float((values[chosen, np.arange(len(names))] - values[defaults]).mean())


def _against(row: str, paired: Sequence[Comparison]) -> tuple[float, Interval]:
    """The row's difference to the defaults, whichever of the two is the better; its interval."""
    if not paired:
        return 0.0, (0.0, 0.0)
    (found,) = paired
    found = found if found.tracker == row else found.turned
    return found.difference, found.interval
