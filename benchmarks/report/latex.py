"""report.tex: tables for a paper's draft that fit a single-column page of article."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.report.grids import Cell, Grid, Head, grids
from benchmarks.report.view import Content

TEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "−": "--",
    "–": "--",
    "≈": r"$\approx$",
} | {character: f"\\{character}" for character in "&%$#_{}"}
ARROWS = {True: r" $\uparrow$", False: r" $\downarrow$", None: ""}
MARKED = {0: r"\textbf{%s}", 1: r"\underline{%s}", None: "%s"}
NEEDS = r"Best in bold, second underlined. Needs \usepackage{booktabs,graphicx}."
PAGE = 343  # points: article's text is 345 wide
SHORT = 4  # characters of a head that is never turned
COUNTED = "sequences"  # the row of the heads' small print


@dataclass(frozen=True)
class Layout:
    """`size`: font; `points`: its size; `gap`: \\tabcolsep in points; whether heads are turned."""

    size: str
    points: int
    gap: float
    turns: bool

    def width(self, text: str) -> float:
        """Of a text in points, a little more than it takes."""
        narrow, wide = sum(c in " .,-()ijltf" for c in text), sum(c.isupper() for c in text)
        return self.points * (0.36 * narrow + 0.82 * wide + 0.6 * (len(text) - narrow - wide))


LAYOUTS = tuple(
    Layout(size, points, gap, turns)
    for turns in (False, True)
    for size, points, gap in (("footnotesize", 8, 2.5), ("scriptsize", 7, 1.5))
)


@dataclass(frozen=True)
class Column:
    """`cells`: one a tracker."""

    head: Head
    cells: Sequence[Cell]

    def turned(self, layout: Layout) -> bool:
        return layout.turns and len(self.head.short) > SHORT

    def width(self, layout: Layout) -> float:
        arrow = 1.2 * layout.points * (self.head.rises is not None)
        head = layout.width(self.head.short) + arrow
        if self.turned(layout):
            head = 1.5 * layout.points
        texts = [self.head.below.removesuffix(" seq."), *(cell.text for cell in self.cells)]
        return 2 * layout.gap + max(head, *map(layout.width, texts))


def latex(content: Content) -> str:
    """A table a grid, for a document with \\usepackage{booktabs,graphicx}."""
    comments = [f"% {' '.join(text.split())}" for text in (NEEDS, content.setting, *content.said)]
    tables = [_table(grid, content.said) for grid in grids(content)]
    return "\n\n".join(["\n".join(comments), *tables]) + "\n"


def escaped(text: str) -> str:
    """As LaTeX shows it; what its usual fonts lack becomes a question mark.

    Braces before a "[" keep it from being taken for an argument of the line before.
    """
    shown = "".join(TEX.get(c, c.encode("latin-1", "replace").decode("latin-1")) for c in text)
    return f"{{}}{shown}" if shown.startswith(("[", "*")) else shown


def _table(grid: Grid, said: Sequence[str]) -> str:
    """A table; columns that find no room beside the others stand below them."""
    caption = f"{grid.title}. {grid.caption}"
    if grid.small:
        caption += f" {grid.heads[0].label} with {grid.small}"
    trackers, columns = list(grid.rows), _columns(grid)
    for layout in LAYOUTS:
        parts = _parts(trackers, columns, layout)
        if len(parts) == 1:
            break
    lines = [r"\begin{table}", r"\centering", f"\\{layout.size}"]
    lines += [f"\\setlength{{\\tabcolsep}}{{{layout.gap}pt}}", f"\\caption{{{escaped(caption)}}}"]
    for place, part in enumerate(parts):
        lines += ["", r"\medskip"] * (place > 0) + _tabular(trackers, part, layout)
    for text in said:
        lines += ["", rf"\smallskip\parbox{{\linewidth}}{{\raggedright {escaped(text)}}}"]
    return "\n".join([*lines, r"\end{table}"])


def _columns(grid: Grid) -> list[Column]:
    """Those of the grid, after the first the intervals of its figures."""
    found = list(zip(grid.heads, zip(*grid.rows.values(), strict=True), strict=True))
    if grid.small:
        intervals = [Cell(cell.below) for cell in found[0][1]]
        found.insert(1, (Head("95 % interval", "95 %"), intervals))
    return [Column(head, cells) for head, cells in found]


def _parts(trackers: list[str], columns: list[Column], layout: Layout) -> list[list[Column]]:
    """Columns that fit the page beside the trackers' names, and the next ones."""
    room = PAGE - 2 * layout.gap - max(map(layout.width, [COUNTED, *trackers]))
    parts, used = [[]], 0.0
    for column in columns:
        width = column.width(layout)
        if parts[-1] and used + width > room:
            parts.append([])
            used = 0.0
        parts[-1].append(column)
        used += width
    return parts


def _tabular(trackers: list[str], columns: list[Column], layout: Layout) -> list[str]:
    lines = [f"\\begin{{tabular}}{{l{'c' * len(columns)}}}", r"\toprule"]
    lines.append(_row("Tracker", [_head(column, layout) for column in columns]))
    if any(column.head.below for column in columns):
        counts = [escaped(column.head.below.removesuffix(" seq.")) for column in columns]
        lines.append(_row(COUNTED, counts))
    lines.append(r"\midrule")
    for place, tracker in enumerate(trackers):
        cells = [column.cells[place] for column in columns]
        texts = [MARKED[cell.place] % escaped(cell.text) for cell in cells]
        lines.append(_row(escaped(tracker), texts))
    return [*lines, r"\bottomrule", r"\end{tabular}"]


def _head(column: Column, layout: Layout) -> str:
    label = escaped(column.head.short) + ARROWS[column.head.rises]
    return rf"\rotatebox{{90}}{{{label}}}" if column.turned(layout) else label


def _row(first: str, cells) -> str:
    return f"{' & '.join([first, *cells])} \\\\"
