"""The tables in Markdown, and the curves as CSV."""

import csv
import io

from benchmarks.report.grids import Grid, grids
from benchmarks.report.view import Content

MARKDOWN = {character: f"\\{character}" for character in "\\`*_[]<>|#~"}


def markdown(content: Content) -> str:
    """report.md: title, notes, a table a grid; the best is bold, the second underlined."""
    frames = sum(map(len, content.scores.truth.values()))
    parts = [f"# {_escaped(content.title)}", _escaped(f"{content.setting} {frames:,} frames.")]
    if content.said:
        parts.append("\n".join(f"- {_escaped(text)}" for text in content.said))
    for grid in grids(content):
        parts += [
            f"## {grid.title}",
            _markdown_table(grid),
            _escaped(grid.caption) + f" In brackets: {grid.small}" * bool(grid.small),
        ]
    return "\n\n".join(parts) + "\n"


def curves_csv(content: Content) -> str:
    """curves.csv: a row a threshold of each curve, a column a tracker, best first.

    In front, on every row alike, benchmark, protocol and convention, so that files can be joined.
    Rows in which no curve has a value are left out.
    """
    scores, file = content.scores, io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    setting = [content.benchmark, scores.protocol, scores.convention]
    columns = ["benchmark", "protocol", "convention", "curve", "threshold", *scores.ranking]
    writer.writerow(columns)
    for curve, thresholds in scores.thresholds.items():
        if curve not in scores.curves[scores.ranking[0]]:
            continue
        for place, threshold in enumerate(thresholds):
            values = [float(scores.curves[tracker][curve][place]) for tracker in scores.ranking]
            texts = ["" if value != value else repr(value) for value in values]
            if any(texts):
                writer.writerow([*setting, curve, repr(round(float(threshold), 12)), *texts])
    return file.getvalue()


def _markdown_table(grid: Grid) -> str:
    heads = [f"{head.label} {head.below}".strip() for head in grid.heads]
    lines = [["Tracker", *(_escaped(head) for head in heads)]]
    lines.append([":---", *("---:" for _ in heads)])
    for tracker, cells in grid.rows.items():
        texts = []
        for cell in cells:
            text = {0: f"**{cell.text}**", 1: f"<u>{cell.text}</u>"}.get(cell.place, cell.text)
            texts.append(f"{text} ({cell.below})" if cell.below else text)
        lines.append([_escaped(tracker), *texts])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _escaped(text: str) -> str:
    return "".join(MARKDOWN.get(character, character) for character in text)
