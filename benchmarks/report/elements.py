"""Pieces of HTML that the sections of a page are put together from."""

import re
from collections.abc import Iterable, Sequence
from html import escape

from benchmarks.report.palette import point, swatch

MANY = 16  # entries of a legend, beyond which it may have columns
BROAD, CROWDED = 12, 20  # columns of trackers, beyond which paper is turned, and print gets small


def section(heading: str, body: str) -> str:
    """A part of the page; page.py lists its heading in the contents."""
    name = re.sub("[^a-z0-9]+", "-", heading.lower()).strip("-")
    return f'<section id="{name}"><h2>{escape(heading)}</h2>{body}</section>'


def table(head: Iterable[str], rows: Iterable[str], kind: str = "") -> str:
    return (
        f'<div class="scroll"><table class="{kind}"><thead><tr>{"".join(head)}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def heading(label: str, below: str = "", kind: str = "", sorts: bool = False) -> str:
    """A column's head; one that `sorts` becomes a button for page.js. Kind "up" turns it."""
    text = f"<span>{escape(label)}</span>" if kind == "up" else escape(label)
    if sorts:
        text = f"<button>{text}</button>"
    small = f"<small>{escape(below)}</small>" if below else ""
    return f'<th scope="col" class="{kind}">{text}{small}</th>'


def row(name: str, cells: Iterable[str]) -> str:
    return f'<tr><th scope="row">{name}</th>{"".join(cells)}</tr>'


def breadth(trackers: int) -> str:
    """Classes of a table that has a column for each tracker."""
    return "broad" * (trackers > BROAD) + " crowded" * (trackers > CROWDED)


def quiet(text: str) -> str:
    """A caption or a hint; `text` is HTML."""
    return f'<p class="quiet">{text}</p>'


def named(tracker: str, index_of: dict[str, int]) -> str:
    """A tracker with its colour, on one line."""
    name = escape(tracker)
    return f'<span class="name" title="{name}">{swatch(index_of[tracker])}{name}</span>'


def legend(entries: Sequence[tuple[int, str]], points: bool = False) -> str:
    """Index of the colour and text, in the order given; for lines, or for points."""
    sign = point if points else swatch
    items = "".join(
        f'<li data-line="{index}">{sign(index)}{escape(text)}</li>' for index, text in entries
    )
    return f'<ol class="legend{" many" * (len(entries) > MANY)}">{items}</ol>'


def fact(value: object) -> str:
    """A plain value of the provenance as HTML; hashes are cut to twelve digits (report.json has
    all)."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4g}"
    text = str(value)
    if re.fullmatch("[0-9a-f]{20,}", text):
        return f'<code title="{text}">{text[:12]}</code>'
    return escape(text)
