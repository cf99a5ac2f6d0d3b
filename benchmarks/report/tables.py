"""Tables of the page: scores, sequences."""

from html import escape

from benchmarks.figures import METRICS
from benchmarks.report.elements import breadth, heading, named, quiet, row, section, table
from benchmarks.report.grids import Cell, Grid, run_grid, score_grid
from benchmarks.report.view import Content, colors, number, sequence_metric
from benchmarks.scores import Scores

UPRIGHT = 6  # columns, beyond which their heads are turned
MARKS = {0: "<b>{}</b>", 1: "<u>{}</u>", None: "{}"}


def score_section(content: Content) -> str:
    """Every tracker and figure with its interval, best first; mean over runs below (TRE, SRE)."""
    scores, grid, runs = content.scores, score_grid(content), run_grid(content)
    small = f" Below: {grid.small}" if grid.small else ""
    body = quiet(escape(grid.caption + small)) + grid_table(scores, grid)
    if runs:
        body += f"<h3>{escape(runs.title)}</h3>{quiet(escape(runs.caption))}"
        body += grid_table(scores, runs)
    return section(grid.title, body)


def grid_table(scores: Scores, grid: Grid) -> str:
    """A grid as HTML; a click on a head sorts."""
    index_of = colors(scores)
    several = len(grid.rows) > 1
    head = [heading("Tracker", sorts=several)]
    for one in grid.heads:
        small = "smaller is better" if one.rises is False else one.below
        head.append(heading(one.label, small, sorts=several))
    rows = [
        row(named(tracker, index_of), map(_cell, cells)) for tracker, cells in grid.rows.items()
    ]
    return table(head, rows, "wrap sortable" if several else "wrap")


def sequence_section(content: Content) -> str:
    """A row a sequence, sortable: all figures of a single tracker, the ranked one of several."""
    scores = content.scores
    metric = sequence_metric(scores)
    if len(scores.trackers) == 1:
        only = scores.trackers[0]
        known = next(iter(scores.per_sequence[only].values()))
        columns = [(only, one, METRICS[one].label) for one in METRICS if one in known]
        words = ""
    else:
        columns = [(tracker, metric, tracker) for tracker in colors(scores)]
        words = f"{METRICS[metric].label}. "
        if _failures_below(scores, metric):
            words = f"{METRICS[metric].label}, below it the failures. "
    rows = []
    for name, truth in scores.truth.items():
        cells = [f"<td>{len(truth.boxes)}</td>"]
        cells += [_level(scores, tracker, name, one) for tracker, one, _ in columns]
        cells.append(f'<td class="word">{escape(", ".join(truth.attributes))}</td>')
        rows.append(row(escape(name), cells))
    head = [heading("Sequence", sorts=True), heading("Frames", sorts=True)]
    turned = "up" if len(columns) > UPRIGHT else ""
    head += [heading(label, kind=turned, sorts=True) for _, _, label in columns]
    head.append(heading("Challenges", kind="word", sorts=True))
    hint = '<span class="screen">A click on a heading sorts.</span>'
    caption = quiet(f"{words}{escape(content.setting)} {hint}")
    kind = f"sortable sequences {breadth(len(scores.trackers))}"
    return section("Sequences", caption + table(head, rows, kind))


def _cell(cell: Cell) -> str:
    small = f"<small>{escape(cell.below)}</small>" if cell.below else ""
    return f'<td data-sort="{cell.text}">{MARKS[cell.place].format(cell.text)}{small}</td>'


def _failures_below(scores: Scores, metric: str) -> bool:
    found = next(iter(scores.per_sequence[scores.trackers[0]].values()))
    return metric == "accuracy" and "failures" in found and len(scores.trackers) > 1


def _level(scores: Scores, tracker: str, name: str, metric: str) -> str:
    found = scores.per_sequence[tracker][name]
    value, text = found[metric], number(found[metric], metric)
    below = ""
    if _failures_below(scores, metric):
        below = f"<small>{number(found['failures'], 'failures')}</small>"
    if value != value or not METRICS[metric].share:
        return f'<td data-sort="{text}">{text}{below}</td>'
    return f'<td class="level" data-sort="{text}" style="--v:{value:.3f}">{text}{below}</td>'
