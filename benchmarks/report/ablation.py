"""Ablation tables: what a sweep's rows came to, beside what the paper says of each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.ablation import NOTHING, TABLE_METRICS, Measured, read_rows
from benchmarks.figures import METRICS
from benchmarks.orderings import compare, orderings, published_ranks, ranks, scopes
from benchmarks.published import PublishedTable, published_names, published_table
from benchmarks.report.orderings import ordering_lines
from ops.errors import InputError
from ops.files import write_atomically

SEEDS_RANGE, RANK = "seeds' range", "rank"
HEADS = {metric: METRICS[metric].head for metric in TABLE_METRICS}


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
    name; DIR/ROW/seed-N/report.json is one of its seeds, of which the row has the mean; and
    DIR/ROW/PART/report.json, or DIR/ROW/seed-N/PART, is the row on another benchmark. A directory
    of several tables gives each of them.

    Where the reports have the scores of single sequences, rows are compared in pairs: with the one
    that the paper measures against, and in the order in which the paper puts them.

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
        columns, found = table_columns(measured, published), ordering_lines(measured, published)
        document = _document(folder.name, columns, published, found)
        write_atomically(folder / "table.md", document)
        caption = [f"paper: {published.source}"] * bool(published.source)
        caption += [f"note: {note}" for note in (*published.notes, *_readings(columns))]
        lines = [folder.name, text_table(columns), *caption, *found]
        texts.append("\n".join([*lines, f"written: {folder / 'table.md'}"]))
    if not texts:
        raise InputError(
            f"runs={directory}: no row was found; expected ROW/report.json in it, or TABLE/ROW/"
            f"report.json with TABLE among {', '.join(published_names())}"
        )
    return "\n\n".join(texts)


def table_columns(measured: Sequence[Measured], published: PublishedTable) -> list[Column]:
    """The paper's rows in its order, each with what was measured or a dash, then one's own rows."""
    own = sorted({m.row for m in measured} - set(published.rows))
    lines: list[tuple[str, Measured | None]] = []
    for row in (*published.rows, *own):
        lines += [(row, m) for m in measured if m.row == row] or [(row, None)]
    found = [m for _, m in lines]

    def column(group: str, head: str, text, numeric: bool = True) -> Column:
        return Column(group, head, [text(m) if m else NOTHING for m in found], numeric)

    columns = [Column("", "row", [m.place if m else row for row, m in lines], numeric=False)]
    columns.append(column("", "measured on", lambda m: m.setting, numeric=False))
    several = any(len(m.seeds) > 1 for m in measured)
    if several:
        columns.append(column("measured", "seeds", _seeds))
    for metric, head in HEADS.items():
        if any(metric in m.scores for m in measured):
            columns.append(column("measured", head, lambda m, of=metric: _number(m.scores.get(of))))
    if several:
        columns.append(column("measured", SEEDS_RANGE, lambda m: _spread(m.range, len(m.seeds))))
    columns.append(column("measured", "95 % interval", lambda m: _spread(m.interval)))
    differences, places = _differences(measured, published), _places(measured, published)
    if differences:
        head = f"minus {published.reference}"
        columns.append(column("measured", head, lambda m: differences.get(m.key, NOTHING)))
    if places:
        columns.append(column("measured", RANK, lambda m: places.get(m.key, NOTHING)))
    columns.append(column("measured", "weights", lambda m: m.weights, numeric=False))
    return columns + list(
        _published_columns([row for row, _ in lines], measured, published, places)
    )


def _published_columns(rows, measured, published, places) -> Iterator[Column]:
    """Of each benchmark its figures and, beside rows that were ranked, the paper's ranks."""
    metric = next((m.metric for m in measured if m.key in places), None)
    ranked = published_ranks(published, metric) if metric else {}
    for benchmark, metrics in _published_figures(published).items():
        group = f"paper, {benchmark}"
        for name in metrics:
            figures = [published.rows.get(row, {}).get(benchmark, {}).get(name) for row in rows]
            yield Column(group, HEADS[name], [_number(figure) for figure in figures])
        if benchmark in ranked:
            yield Column(group, RANK, [str(ranked[benchmark].get(row, NOTHING)) for row in rows])


def _differences(measured: Sequence[Measured], published: PublishedTable) -> dict[tuple, str]:
    """key of a row -> its score minus the reference row's, with the interval of the difference."""
    found = {}
    for rows in scopes(measured):
        compared = compare(rows)
        for one in rows:
            pair = compared.get((one.row, published.reference))
            if pair is not None:
                found[one.key] = f"{pair.difference:+.3f} ({_spread(pair.interval)})"
    return found


def _places(measured: Sequence[Measured], published: PublishedTable) -> dict[tuple, str]:
    """key of a row -> its place among those that were measured alike and that the paper ranks;
    {} where no two of them are compared."""
    found = {}
    for rows in scopes(measured):
        if any(orderings(rows, published)):
            named = set().union(*published_ranks(published, rows[0].metric).values())
            scores = {m.key: m.scores[m.metric] for m in rows if m.row in named}
            found |= {one: str(place) for one, place in ranks(scores).items()}
    return found


def _readings(columns: Sequence[Column]) -> list[str]:
    """How columns are to be read that do not say it themselves."""
    heads = {column.head for column in columns}
    said = {
        SEEDS_RANGE: "measured figures are means over the seeds, and intervals are of these means, "
        "by bootstrap over sequences and seeds; the seeds' range is their lowest and highest.",
        RANK: "measured ranks are among the rows here that the paper ranks.",
    }
    return [words for head, words in said.items() if head in heads]


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


def markdown_lines(name: str, columns: Sequence[Column]) -> list[str]:
    """The same under a heading, as Markdown."""
    heads = [f"{c.group}: {c.head}" if c.group else c.head for c in columns]
    rules = ["---:" if c.numeric else ":---" for c in columns]
    rows = zip(*(c.cells for c in columns), strict=True)
    lines = [f"| {' | '.join(_escaped(cells))} |" for cells in (heads, rules, *rows)]
    return [f"## {name}", "", *lines]


def _document(name: str, columns: list[Column], published: PublishedTable, found: list[str]) -> str:
    """table.md, for a paper's draft; `found` are lines on the orderings."""
    lines = markdown_lines(name, columns)
    if published.source:
        lines += ["", f"Paper: {published.source}."]
    notes = [*published.notes, *_readings(columns)]
    lines += [""] * bool(notes) + [f"- {note}" for note in notes]
    lines += ["", "```text", *found, "```"] if found else []
    return "\n".join(lines) + "\n"


def _published_figures(published: PublishedTable) -> dict[str, list[str]]:
    """benchmark -> its metrics, of all that a table has."""
    found: dict[str, set[str]] = {}
    for row in published.rows.values():
        for benchmark, figures in row.items():
            found.setdefault(benchmark, set()).update(figures)
    return {
        b: [metric for metric in TABLE_METRICS if metric in names] for b, names in found.items()
    }


def _seeds(row: Measured) -> str:
    return ", ".join("?" if seed is None else str(seed) for seed in row.seeds)


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.3f}"


def _spread(bounds: tuple[float, float] | None, runs: int = 2) -> str:
    known = bounds is not None and runs > 1
    return "{:.3f} to {:.3f}".format(*bounds) if known else NOTHING


def _aligned(cells: list[str], right: bool) -> list[str]:
    width = max(map(len, cells))
    return [cell.rjust(width) if right else cell.ljust(width) for cell in cells]


def _escaped(cells: list[str] | tuple[str, ...]) -> list[str]:
    return [cell.replace("|", "\\|") for cell in cells]
