"""The table of a search, for the screen and in search.md, .csv and .json."""

import csv
import io
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.figures import METRICS
from benchmarks.report.ablation import Column, markdown_lines, text_table
from engine.search import DEFAULTS, Interval, Setting, left_out, read_settings
from ops.files import write_atomically

SHOWN = 10  # rows on the screen; the files have all


def write_search(folder: Path) -> str:
    """Write the table of the rows there are into FOLDER/search.md, .csv and .json.

    Returns it for the screen: the best SHOWN rows and the defaults. Raises as read_settings does.
    """
    settings = read_settings(folder)
    notes = _notes(settings)
    lines = [*markdown_lines(folder.name, _columns(settings)), "", *(f"- {note}" for note in notes)]
    write_atomically(folder / "search.md", "\n".join(lines) + "\n")
    write_atomically(folder / "search.csv", _csv(settings))
    document = {
        "best": settings[0].row,
        "overrides": settings[0].overrides,
        "notes": notes,
        "left_out": left_out(settings),
        "rows": [asdict(setting) for setting in settings],
    }
    write_atomically(folder / "search.json", json.dumps(_known(document), indent=1) + "\n")
    shown = [one for i, one in enumerate(settings) if i < SHOWN or one.row == DEFAULTS]
    lines = [folder.name, text_table(_columns(settings, shown)), *notes]
    if len(shown) < len(settings):
        lines.insert(2, f"{len(settings) - len(shown)} more rows in the files")
    return "\n".join([*lines, f"written: {folder / 'search.md'}, .csv, .json"])


def _columns(settings: Sequence[Setting], shown: Sequence[Setting] | None = None) -> list[Column]:
    """The table of the rows `shown`, all by default."""
    shown = settings if shown is None else shown
    varied = _varied(settings)
    named = []
    for one in shown:
        values = " ".join(f"{key}={_flat(one.tracking)[key]}" for key in varied)
        named.append(f"{values} (the defaults)".strip() if one.row == DEFAULTS else values)
    own = [one.row == DEFAULTS for one in shown]
    paired = list(zip(shown, own, strict=True))
    against = f"against {DEFAULTS}"
    return [
        Column("", "tracking.", named, numeric=False),
        Column("measured", METRICS[settings[0].metric].head, [f"{s.score:.3f}" for s in shown]),
        Column("measured", "95 % interval", [_spread(one.interval, "{:.3f}") for one in shown]),
        Column(against, "paired", ["-" if d else f"{one.difference:+.3f}" for one, d in paired]),
        Column(
            against,
            "95 % interval",
            ["-" if d else _spread(one.difference_interval, "{:+.3f}") for one, d in paired],
        ),
        Column(against, "better on", ["-" if d else str(one.better) for one, d in paired]),
        Column(against, "worse on", ["-" if d else str(one.worse) for one, d in paired]),
    ]


def _notes(settings: Sequence[Setting]) -> list[str]:
    """What a reader must not miss, and the line to be used."""
    best, make = settings[0], settings[0].make
    count = len(best.sequences)
    where = f"{make['dataset']}, {make['part'] or f'{count} sequence' + 's' * (count != 1)}"
    tried = f"{len(settings)} settings, the {DEFAULTS} among them"
    if len(settings) == 1:
        return [f"No setting but the {DEFAULTS} was tried yet, on {where}, {make['convention']}."]
    if best.row == DEFAULTS:
        return [f"The {DEFAULTS} are the best of {tried}, on {where}, {make['convention']}."]
    low = best.difference_interval[0]
    notes = [
        f"The best was found among {tried}, on {where}, {make['convention']}: chosen by these "
        "sequences, its score and its difference are optimistic, the more so the more settings; "
        "the intervals do not know of the choice.",
    ]
    if count > 1:
        notes.append(
            "Chosen anew for each sequence by the others alone, the difference to the "
            f"{DEFAULTS} is {left_out(settings):+.3f}."
        )
    if not low > 0:
        why = "one sequence has no interval" if count == 1 else "the interval has 0 in it"
        notes.append(f"The best is not told apart from the {DEFAULTS}: {why}.")
    return [*notes, f"To be used: {shlex.join(best.overrides)}"]


def _csv(settings: Sequence[Setting]) -> str:
    """A row a setting, best first, a column for each setting that varies."""
    file, varied = io.StringIO(), _varied(settings)
    writer = csv.writer(file, lineterminator="\n")
    metric = settings[0].metric
    measured = [metric, "low", "high", "difference", "difference_low", "difference_high"]
    writer.writerow(["row", *(f"tracking.{key}" for key in varied), *measured, "better", "worse"])
    for one in settings:
        values = [one.score, *one.interval, one.difference, *one.difference_interval]
        texts = ["" if value != value else repr(float(value)) for value in values]
        held = _flat(one.tracking)
        writer.writerow([one.row, *(held[key] for key in varied), *texts, one.better, one.worse])
    return file.getvalue()


def _varied(settings: Sequence[Setting]) -> list[str]:
    """Keys below tracking. in which rows differ."""
    held = [_flat(one.tracking) for one in settings]
    keys = dict.fromkeys(key for one in held for key in one)
    return [key for key in keys if any(one.get(key) != held[0].get(key) for one in held)]


def _flat(tracking: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by their dotted keys."""
    flat = {}
    for key, value in tracking.items():
        inner = isinstance(value, Mapping)
        flat |= _flat(value, f"{prefix}{key}.") if inner else {f"{prefix}{key}": value}
    return flat


def _spread(interval: Interval, number: str) -> str:
    low, high = interval
    return f"{number} to {number}".format(low, high) if low == low else "-"


def _known(value: Any) -> Any:
    """For JSON, which has no NaN: null in its place."""
    if isinstance(value, dict):
        return {key: _known(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_known(inner) for inner in value]
    return None if isinstance(value, float) and value != value else value
