"""Tables for a paper's draft, in Markdown and LaTeX, and the curves as CSV."""

import csv
import io

from benchmarks.report.grids import Grid, grids
from benchmarks.report.view import Content
from benchmarks.scoring import Scores

TEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "−": "--",
    "–": "--",
} | {character: f"\\{character}" for character in "&%$#_{}"}
ARROWS = {True: r"$\uparrow$", False: r"$\downarrow$"}
MARKDOWN = {character: f"\\{character}" for character in "\\`*_[]<>|#~"}


def markdown(content: Content) -> str:
    """report.md: title, notes, a table a grid; the best is bold, the second underlined."""
    scores = content.scores
    said = [*content.notes, *refusals(scores)]
    parts = [f"# {_escaped(content.title, MARKDOWN)}"]
    if said:
        parts.append("\n".join(f"- {_escaped(note, MARKDOWN)}" for note in said))
    for grid in grids(scores):
        parts += [
            f"## {grid.title}",
            _markdown_table(grid),
            _escaped(f"{grid.caption} {size(scores)}.", MARKDOWN)
            + f" In brackets: {grid.small}." * bool(grid.small),
        ]
    return "\n\n".join(parts) + "\n"


def latex(content: Content) -> str:
    """report.tex: a table a grid, for a document with \\usepackage{booktabs}."""
    scores = content.scores
    parts = [r"% Best in bold, second underlined. Needs \usepackage{booktabs}."]
    for grid in grids(scores):
        title = _escaped(f"{content.title}. {grid.title}", TEX)
        parts.append(_latex_table(grid, f"{title}. {_escaped(grid.caption, TEX)}"))
    return "\n\n".join(parts) + "\n"


def curves_csv(scores: Scores) -> str:
    """curves.csv: a row a threshold of each curve, a column a tracker, best first."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["curve", "threshold", *scores.ranking])
    for curve, thresholds in scores.thresholds.items():
        if curve not in scores.curves[scores.ranking[0]]:
            continue
        columns = [scores.curves[tracker][curve] for tracker in scores.ranking]
        for place, threshold in enumerate(thresholds):
            values = [float(column[place]) for column in columns]
            texts = ["" if value != value else repr(value) for value in values]
            writer.writerow([curve, repr(round(float(threshold), 12)), *texts])
    return file.getvalue()


def refusals(scores: Scores) -> list[str]:
    """Why trackers are missing, a sentence each."""
    return [
        f"{tracker} is not scored: convention {scores.convention} refuses its results ({reason})."
        for tracker, reason in scores.refused.items()
    ]


def size(scores: Scores) -> str:
    """How much was tracked."""
    count = len(scores.truth)
    frames = sum(map(len, scores.truth.values()))
    return f"{count} sequence{'s' * (count != 1)}, {frames:,} frames"


def _markdown_table(grid: Grid) -> str:
    heads = [f"{label} {below}".strip() for label, below, _ in grid.heads]
    lines = [["Tracker", *(_escaped(head, MARKDOWN) for head in heads)]]
    lines.append([":---", *("---:" for _ in heads)])
    for tracker, cells in grid.rows.items():
        texts = []
        for cell in cells:
            text = {0: f"**{cell.text}**", 1: f"<u>{cell.text}</u>"}.get(cell.place, cell.text)
            texts.append(f"{text} ({cell.below})" if cell.below else text)
        lines.append([_escaped(tracker, MARKDOWN), *texts])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _latex_table(grid: Grid, caption: str) -> str:
    lines = [r"\begin{table}", r"\centering", f"\\caption{{{caption}}}"]
    lines.append(f"\\begin{{tabular}}{{l{'c' * len(grid.heads)}}}")
    lines.append(r"\toprule")
    heads = [f"{_escaped(label, TEX)} {ARROWS[rises]}" for label, _, rises in grid.heads]
    lines.append(f"Tracker & {' & '.join(heads)} \\\\")
    lines.append(r"\midrule")
    for tracker, cells in grid.rows.items():
        texts = [_escaped(cell.text, TEX) for cell in cells]
        marked = [
            {0: f"\\textbf{{{text}}}", 1: f"\\underline{{{text}}}"}.get(cell.place, text)
            for cell, text in zip(cells, texts, strict=True)
        ]
        lines.append(f"{_escaped(tracker, TEX)} & {' & '.join(marked)} \\\\")
    lines += [r"\bottomrule", r"\end{tabular}", r"\end{table}"]
    return "\n".join(lines)


def _escaped(text: str, table: dict[str, str]) -> str:
    return "".join(table.get(character, character) for character in text)
