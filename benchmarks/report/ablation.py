"""Ablation tables: the reports of a sweep's rows beside what the paper says of each."""

import json
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmarks.figures import METRICS as FIGURES
from benchmarks.published import PublishedTable, published_names, published_table
from ops.errors import InputError
from ops.files import write_atomically

METRICS = {metric: FIGURES[metric].head for metric in ("success_auc", "precision_20", "eao")}
RANKING = ("success_auc", "eao")  # whose interval is shown: the first that was measured
NOTHING = "-"


@dataclass(frozen=True)
class Measured:
    """One report, of one row's own tracker.

    Attributes:
        place: the report's folder below the table's: ROW, or ROW/PART.
        benchmark: what was tracked: benchmark, protocol, number of sequences, which part.
        scores: metric -> mean over sequences.
        interval: 95 %, of the first of RANKING that was measured; None for one sequence.
        weights: "trained, step N", "untrained", or what the report says.
    """

    place: str
    benchmark: str
    scores: dict[str, float]
    interval: tuple[float, float] | None
    weights: str

    @property
    def row(self) -> str:
        return self.place.split("/")[0]


@dataclass(frozen=True)
class Column:
    """Of a printed table: what it belongs to, its head, one text a line."""

    group: str
    head: str
    cells: list[str]
    numeric: bool = True


def write_tables(directory: Path) -> str:
    """Tables of the rows below `directory`, as text; each is also written into its table.md.

    DIR/ROW/report.json is a row of the table DIR, which is compared if the paper's table has that
    name; DIR/ROW/PART/report.json is another report of it, on another benchmark or from another
    seed. A directory of several tables gives each of them.

    Raises:
        InputError: no such directory, no row in it, or a report that cannot be read.
    """
    directory = Path(directory).resolve()
    if not directory.is_dir():
        raise InputError(f"runs={directory}: no such folder")
    known = [path for path in sorted(directory.iterdir()) if path.name in published_names()]
    folders = [directory] if directory.name in published_names() else known or [directory]
    texts = []
    for folder in folders:
        measured = read_rows(folder)
        if not measured:
            continue
        published = PublishedTable("", {})
        if folder.name in published_names():
            published = published_table(folder.name)
        columns = table_columns(measured, published)
        write_atomically(folder / "table.md", markdown_table(folder.name, columns, published))
        caption = [f"paper: {published.source}"] * bool(published.source)
        caption += [f"note: {note}" for note in published.notes]
        lines = [folder.name, text_table(columns), *caption, f"written: {folder / 'table.md'}"]
        texts.append("\n".join(lines))
    if not texts:
        raise InputError(
            f"runs={directory}: no row was found; expected ROW/report.json in it, or TABLE/ROW/"
            f"report.json with TABLE among {', '.join(published_names())}"
        )
    return "\n\n".join(texts)


def read_rows(folder: Path) -> list[Measured]:
    """What FOLDER/ROW/report.json and FOLDER/ROW/PART/report.json say, by place."""
    paths = [*folder.glob("*/report.json"), *folder.glob("*/*/report.json")]
    return [_read(path, folder) for path in sorted(paths, key=lambda path: path.parent)]


def table_columns(measured: list[Measured], published: PublishedTable) -> list[Column]:
    """The paper's rows in its order, each with its reports or a dash, then rows of one's own."""
    own = sorted({m.row for m in measured} - set(published.rows))
    lines: list[tuple[str, Measured | None]] = []
    for row in (*published.rows, *own):
        lines += [(row, m) for m in measured if m.row == row] or [(row, None)]
    places = [m.place if m else row for row, m in lines]
    found = [m for _, m in lines]
    columns = [Column("", "row", places, numeric=False)]
    columns.append(Column("", "measured on", [m.benchmark if m else NOTHING for m in found], False))
    for metric, head in METRICS.items():
        if any(metric in m.scores for m in measured):
            cells = [_number(m.scores.get(metric) if m else None) for m in found]
            columns.append(Column("measured", head, cells))
    spreads = [_spread(m.interval if m else None) for m in found]
    columns.append(Column("measured", "95 % interval", spreads))
    columns.append(
        Column("measured", "weights", [m.weights if m else NOTHING for m in found], False)
    )
    for benchmark, metric in _published_figures(published):
        cells = [
            _number(published.rows.get(row, {}).get(benchmark, {}).get(metric)) for row, _ in lines
        ]
        columns.append(Column(f"paper, {benchmark}", METRICS[metric], cells))
    return columns


def text_table(columns: list[Column]) -> str:
    """For the terminal: groups over their heads, a rule, the lines."""
    groups = list(dict.fromkeys(column.group for column in columns))
    lines: list[list[str]] = [[] for _ in range(2 + len(columns[0].cells))]
    for group in groups:
        members = [column for column in columns if column.group == group]
        blocks = [_aligned([c.head, *c.cells], c.numeric) for c in members]
        joined = ["  ".join(cells) for cells in zip(*blocks, strict=True)]
        width = max(len(group), len(joined[0]))
        for line, text in zip(lines, [group, *joined], strict=True):
            line.append(text.ljust(width))
    texts = [" | ".join(line).rstrip() for line in lines]
    texts.insert(2, "-" * max(map(len, texts)))
    return "\n".join(texts)


def markdown_table(name: str, columns: list[Column], published: PublishedTable) -> str:
    """The same for a paper's draft."""
    heads = [f"{c.group}: {c.head}" if c.group else c.head for c in columns]
    rules = ["---:" if c.numeric else ":---" for c in columns]
    rows = zip(*(c.cells for c in columns), strict=True)
    lines = [f"## {name}", ""]
    lines += [f"| {' | '.join(_escaped(cells))} |" for cells in (heads, rules, *rows)]
    if published.source:
        lines += ["", f"Paper: {published.source}."]
    lines += [""] * bool(published.notes) + [f"- {note}" for note in published.notes]
    return "\n".join(lines) + "\n"


def _read(path: Path, folder: Path) -> Measured:
    place = path.parent.relative_to(folder).as_posix()
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        tracker = _own_tracker(path, place.split("/")[0], list(report["scores"]))
        scores = {m: report["scores"][tracker].get(m) for m in METRICS}
        made_by = report["made_by"].get(tracker, {})
        benchmark, protocol = report["benchmark"], report["protocol"]
        intervals = report["intervals"].get(tracker, {})
        count = len(report["per_sequence"][tracker])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: not a report: {type(error).__name__} {error}") from error
    scores = {metric: score for metric, score in scores.items() if score is not None}
    ranked = next((intervals.get(metric) for metric in RANKING if metric in scores), None)
    interval = tuple(ranked) if ranked and None not in ranked else None
    sequences = f"{count} sequence{'s' if count != 1 else ''}"
    facts = [benchmark, protocol, made_by.get("part") or sequences]
    weights = _weights(str(made_by.get("weights", NOTHING)))
    return Measured(place, ", ".join(facts), scores, interval, weights)


def _own_tracker(path: Path, row: str, trackers: list[str]) -> str:
    """Which of a report's trackers is the row's, and not a baseline beside it.

    It is the one that the run's config labels, or that is called as the row; or the only one.
    """
    config = path.parent / ".hydra" / "config.yaml"
    label = yaml.safe_load(config.read_text())["label"] if config.exists() else row
    for name in (label, row):
        if name in trackers:
            return name
    if len(trackers) == 1:
        return trackers[0]
    raise InputError(f"{path}: none of {', '.join(trackers)} is called {label}")


def _weights(words: str) -> str:
    """Shortened from what engine/ writes: a checkpoint's path gives way to its step."""
    if words.startswith("untrained"):
        return "untrained"
    path, _, step = words.rpartition(", step ")
    return f"trained, step {step}" if path else words


def _published_figures(published: PublishedTable) -> list[tuple[str, str]]:
    """(benchmark, metric) of all that a table has, benchmark by benchmark."""
    found: dict[str, set[str]] = {}
    for row in published.rows.values():
        for benchmark, figures in row.items():
            found.setdefault(benchmark, set()).update(figures)
    return [(b, metric) for b, metrics in found.items() for metric in METRICS if metric in metrics]


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.3f}"


def _spread(interval: tuple[float, float] | None) -> str:
    return NOTHING if interval is None else "{:.3f} to {:.3f}".format(*interval)


def _aligned(cells: list[str], right: bool) -> list[str]:
    width = max(map(len, cells))
    return [cell.rjust(width) if right else cell.ljust(width) for cell in cells]


def _escaped(cells: list[str] | tuple[str, ...]) -> list[str]:
    return [cell.replace("|", "\\|") for cell in cells]
