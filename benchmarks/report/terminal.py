"""Scores as a table of plain text."""

from benchmarks.figures import METRICS
from benchmarks.report.view import NOTHING, RUNS, counted, number, protocol_name, refusals
from benchmarks.scores import Scores


def terminal_table(scores: Scores, part: str | None = None) -> str:
    """One line a tracker, best first, with the 95 % interval of the ranked figure; below it how
    much was scored and how, which part of the benchmark it is, then notes and trackers that are not
    scored, each on a line."""
    ranked = METRICS[scores.ranked_by]
    heads = [METRICS[metric].head for metric in scores.metrics]
    rows = [["tracker", *heads, f"95 % of {ranked.head}"]]
    unknown = "one sequence" if len(scores.truth) == 1 else NOTHING
    for tracker in scores.ranking:
        figures = [number(scores.means[tracker][metric], metric) for metric in scores.metrics]
        low, high = scores.intervals[tracker][scores.ranked_by]
        spread = f"{low:.3f} to {high:.3f}" if low == low else unknown
        rows.append([tracker, *figures, spread])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    ]
    lines.insert(1, "-" * len(lines[0]))
    said = [f"a part: {part}"] if part else []
    return "\n".join([*lines, _how(scores), *said, *scores.notes, *refusals(scores)])


def _how(scores: Scores) -> str:
    frames = sum(map(len, scores.truth.values()))
    how = [counted(len(scores.truth), "sequence"), f"{frames:,} frames", protocol_name(scores)]
    runs = RUNS.get(scores.protocol)
    if runs:
        how.append(f"{runs} runs a sequence, their frames pooled")
    return ", ".join([*how, scores.convention])
