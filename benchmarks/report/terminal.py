"""Scores as a table of plain text."""

from benchmarks.figures import METRICS
from benchmarks.report.texts import refusals, size
from benchmarks.report.view import number
from benchmarks.scoring import Scores


def terminal_table(scores: Scores) -> str:
    """One line a tracker, best first, with the 95 % interval of the ranked figure; a caption."""
    ranked = METRICS[scores.ranked_by]
    heads = [METRICS[metric].head for metric in scores.metrics]
    rows = [["tracker", *heads, f"95 % of {ranked.head}"]]
    for tracker in scores.ranking:
        figures = [number(scores.means[tracker][metric], metric) for metric in scores.metrics]
        low, high = scores.intervals[tracker][scores.ranked_by]
        spread = f"{low:.3f} to {high:.3f}" if low == low else "one sequence"
        rows.append([tracker, *figures, spread])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    ]
    lines.insert(1, "-" * len(lines[0]))
    return "\n".join([*lines, f"{size(scores)}, {scores.convention}", *refusals(scores)])
