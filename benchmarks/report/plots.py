"""Success and precision plots, over all sequences and over those of each challenge."""

from html import escape

import numpy as np

from benchmarks.report.elements import legend, quiet, section
from benchmarks.report.grids import attributes_by_size, challenge_grid, has_tags
from benchmarks.report.palette import HUES, STYLED
from benchmarks.report.svg import curve_plot, enclosing
from benchmarks.report.tables import grid_table
from benchmarks.report.view import Content, best_first, colors, counted, number
from benchmarks.scores import Scores

# curve, heading, axis, figure of the legend, how it is read off, the threshold where it is
PLOTS = (
    ("success", "Success", "overlap threshold", "success_auc", "mean", None),
    ("success", "Success", "overlap threshold", "ao", "AO", None),  # GOT-10k has no AUC
    ("precision", "Precision", "distance in pixels", "precision_20", "at 20 px", 20.0),
    (
        "norm_precision",
        "Normalised precision",
        "distance in target sizes",
        "norm_precision_20",
        "at 0.20",
        0.20,
    ),
)


def curve_section(content: Content) -> str:
    """Success and precision over their thresholds, legends sorted by the figure read off them."""
    scores, figures, drawn = content.scores, [], set()
    for kind, title, axis, metric, how, read_at in PLOTS:
        there = kind in scores.thresholds and kind in scores.curves[scores.ranking[0]]
        if kind in drawn or not there or metric not in scores.metrics:
            continue
        drawn.add(kind)
        curves = {tracker: scores.curves[tracker][kind] for tracker in scores.trackers}
        values = {tracker: scores.means[tracker][metric] for tracker in scores.trackers}
        order = best_first(scores, metric)
        figures.append(
            curve_figure(
                scores, title, how, axis, scores.thresholds[kind], curves, values, order, read_at
            )
        )
    if not figures:
        return ""
    caption = f"In the legends the figure that ranks the curves. {content.setting}"
    return section(
        "Curves",
        f'<div class="plots">{"".join(figures)}</div>{quiet(escape(caption) + thin_note(scores))}',
    )


def curve_figure(
    scores, title, how, axis, thresholds, curves, values, order, read_at=None, band=None, top=1.0
) -> str:
    """One plot; `order` sorts its legend, and its first lies on top. No legend without `values`."""
    index_of = colors(scores)
    drawn = sorted(reversed(order), key=lambda tracker: index_of[tracker] < STYLED)
    lines = [(index_of[tracker], tracker, curves[tracker]) for tracker in drawn]
    plot = curve_plot(f"{title} plot", axis, thresholds, lines, read_at, band, top)
    below = ""
    if values is not None:
        below = legend([(index_of[t], f"{number(values[t], scores.ranked_by)} {t}") for t in order])
    return f"<figure><h3>{escape(title)} <small>{escape(how)}</small></h3>{plot}{below}</figure>"


def thin_note(scores: Scores) -> str:
    """Which trackers have no colour of their own."""
    more = len(scores.trackers) - STYLED
    return f" Thin grey lines: the last {more} of the ranking." if more > 0 else ""


def attribute_section(content: Content) -> str:
    """Challenges as the papers show them: points, a table, and a success plot each."""
    scores, grid = content.scores, challenge_grid(content)
    if grid is None or has_tags(scores):
        return ""
    order = attributes_by_size(scores)
    metric = scores.ranked_by
    counts = {attribute: len(scores.sequences_with(attribute)) for attribute in order}
    chart = dot_chart(
        scores,
        [
            (attribute, str(counts[attribute]), {t: found[t][metric] for t in scores.trackers})
            for attribute in order
            for found in [scores.by_attribute[attribute]]
        ],
    )
    caption = quiet(escape(f"{grid.caption} Beside each challenge its number of sequences."))
    plots = _attribute_plots(scores, order)
    return section(grid.title, caption + chart + grid_table(scores, grid) + plots)


def _attribute_plots(scores: Scores, order: list[str]) -> str:
    curves = scores.success_by_attribute
    if len(scores.trackers) < 2 or not curves:
        return ""
    figures = []
    for attribute in order:
        figures.append(
            curve_figure(
                scores,
                attribute,
                counted(len(scores.sequences_with(attribute)), "sequence"),
                "overlap threshold",
                scores.thresholds["success"],
                curves[attribute],
                None,
                list(scores.ranking),
            )
        )
    entries = [(index, tracker) for tracker, index in colors(scores).items()]
    words = "Success plots of each challenge, one legend for all; the figures stand in the table."
    plots = f'<div class="plots small">{"".join(figures)}</div>'
    return quiet(words + thin_note(scores)) + legend(entries) + plots


def dot_chart(scores: Scores, lines: list[tuple[str, str, dict[str, float]]]) -> str:
    """A line a challenge: name, small print, tracker -> share. Six in colour, the others ticks."""
    index_of = colors(scores)
    leading = list(index_of)[:HUES]
    known = [value for *_, values in lines for value in values.values() if value == value]
    start, end = enclosing(known or [0.0, 1.0], 0.1, 1.0)
    steps = round((end - start) / 0.1)
    parts = []
    for label, small, values in lines:
        dots = "".join(
            _dot(
                index_of[tracker],
                values[tracker],
                (values[tracker] - start) / (end - start),
                tracker,
            )
            for tracker in reversed(list(index_of))
            if values.get(tracker, np.nan) == values.get(tracker, np.nan)
        )
        name = f"{escape(label)} <small class=quiet>{escape(small)}</small>"
        parts.append(f'<span>{name}</span><div class="track">{dots}</div>')
    ticks = "".join(f"<span>{start + step / 10:.1f}</span>" for step in range(steps + 1))
    entries = legend([(index_of[tracker], tracker) for tracker in leading], points=True)
    if len(index_of) > HUES:
        others = f"<li><i class=tick></i>{len(index_of) - HUES} others</li>"
        entries = entries.replace("</ol>", f"{others}</ol>")
    scale = f'<span></span><div class="scale">{ticks}</div>'
    return (
        f'<div class="dots" style="--step:{100 / steps:.3f}%">{"".join(parts)}{scale}</div>'
        f"{entries}"
    )


def _dot(index: int, value: float, place: float, tracker: str) -> str:
    title = f'data-line="{index}" title="{escape(tracker)} {value:.3f}"'
    if index >= HUES:
        return f'<i class="tick" style="left:{place:.1%}" {title}></i>'
    return f'<i style="left:{place:.1%};--hue:var(--hue-{index})" {title}></i>'
