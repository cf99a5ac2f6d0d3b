"""Plots of VOT's experiments with resets: ranking by EAO, accuracy, robustness, overlap."""

from collections.abc import Sequence
from html import escape

import numpy as np

from benchmarks.published import PublishedFigure
from benchmarks.report.elements import legend, quiet, section
from benchmarks.report.grids import challenge_grid, has_tags, tags
from benchmarks.report.papers import not_comparable
from benchmarks.report.plots import curve_figure, dot_chart, thin_note
from benchmarks.report.svg import Axis, Canvas, enclosing, round_ticks
from benchmarks.report.tables import grid_table
from benchmarks.report.view import MEASURES, Content, best_first, colors, counted, number
from benchmarks.scores import Scores


def vot_section(content: Content) -> str:
    """The three plots, as far as there is what they show."""
    scores, figures = content.scores, []
    if "eao" in scores.metrics:
        published = () if not_comparable(content) else content.published.get("eao", ())
        figures.append(_ranking(scores, published))
    if "accuracy" in scores.metrics and scores.reliability:
        figures.append(_accuracy_reliability(scores))
    if "expected_overlap" in scores.thresholds:
        figures.append(_expected_overlap(scores))
    if not figures:
        return ""
    caption = f"Numbers beside the points are places in the ranking. {content.setting}"
    body = f'<div class="plots">{"".join(figures)}</div>{quiet(escape(caption))}'
    return section("Ranking, accuracy and reliability", body + quiet(thin_note(scores)))


def tag_section(content: Content) -> str:
    """EAO on the frames of each tag, drawn and in figures."""
    scores = content.scores
    if not has_tags(scores):
        return ""
    grid = challenge_grid(content)
    lines = [
        (tag, "", {t: found[tag] for t, found in scores.eao_by_tag.items() if tag in found})
        for tag in tags(scores)
    ]
    body = quiet(escape(grid.caption)) + dot_chart(scores, lines) + grid_table(scores, grid)
    return section(grid.title, body)


def _ranking(scores: Scores, published: Sequence[PublishedFigure]) -> str:
    """EAO over rank, the best on the right, as VOT's reports draw it, with intervals."""
    index_of, order = colors(scores), best_first(scores, "eao")
    values = {tracker: scores.means[tracker]["eao"] for tracker in order}
    bounds = [b for t in order for b in scores.intervals[t]["eao"] if b == b]
    known = [figure.value for figure in published]
    mean = sum(known) / len(known) if known else None
    shown = [*values.values(), *bounds, *([mean] if known else [])]
    top = enclosing([0, *(value for value in shown if value == value)], 0.1, 1.0)[1]
    step = -(-len(order) // 10)
    canvas = Canvas(
        "EAO over rank",
        Axis("rank", len(order) + 0.6, 0.4, range(1, len(order) + 1, step)),
        Axis("expected average overlap", 0, top, round_ticks(0, top)),
    )
    if mean is not None:
        canvas.line("read-at", len(order) + 0.6, mean, 0.4, mean)
    for place, tracker in reversed(list(enumerate(order, 1))):
        low, high = scores.intervals[tracker]["eao"]
        if low == low:
            canvas.line("whisker", place, low, place, high, f'data-line="{index_of[tracker]}"')
        if values[tracker] == values[tracker]:
            title = f"{tracker} {values[tracker]:.3f}"
            canvas.point(index_of[tracker], title, str(place), place, values[tracker])
    entries = [
        (index_of[t], f"{place}. {number(values[t], 'eao')} {t}")
        for place, t in enumerate(order, 1)
    ]
    note = (
        f"Dotted: {mean:.3f}, the mean of {counted(len(known), 'published figure')}."
        if known
        else ""
    )
    return _figure("Ranking", "EAO, 95 % intervals", canvas, legend(entries, points=True), note)


def _accuracy_reliability(scores: Scores) -> str:
    """Accuracy over reliability, the best at the upper right.

    Kristan et al., "A Novel Performance Evaluation Methodology for Single-Target Trackers", TPAMI
    2016, call that axis robustness; so is called the failure rate.
    """
    index_of, label = colors(scores), MEASURES["reliability"].head
    points = {
        tracker: (scores.reliability[tracker], scores.means[tracker]["accuracy"])
        for tracker in scores.ranking
    }
    points = {tracker: at for tracker, at in points.items() if all(v == v for v in at)}
    if not points:
        return ""
    xs, ys = (enclosing(values, 0.1, 1.0) for values in zip(*points.values(), strict=True))
    canvas = Canvas(
        "accuracy over reliability",
        Axis(label, *xs, round_ticks(*xs)),
        Axis("accuracy", *ys, round_ticks(*ys)),
    )
    for tracker in reversed(list(points)):
        x, y = points[tracker]
        place = scores.ranking.index(tracker) + 1
        title = f"{tracker}: {label} {x:.3f}, accuracy {y:.3f}"
        canvas.point(index_of[tracker], title, str(place), x, y)
    entries = [
        (index_of[t], f"{place}. {number(points[t][1], 'accuracy')}, {points[t][0]:.3f} {t}")
        for place, t in enumerate(scores.ranking, 1)
        if t in points
    ]
    note = (
        "Reliability (S = 30): the chance to track 30 frames without a failure; the best is at the "
        "upper right. In the legend accuracy, then reliability."
    )
    return _figure("Accuracy and reliability", "", canvas, legend(entries, points=True), note)


def _expected_overlap(scores: Scores) -> str:
    """The curve whose mean over an interval of lengths is the EAO."""
    curves = {tracker: scores.curves[tracker]["expected_overlap"] for tracker in scores.trackers}
    lengths = scores.thresholds["expected_overlap"]
    band = scores.thresholds.get("eao_interval")
    how = "" if band is None else f"EAO: lengths {band[0]:g} to {band[-1]:g}"
    values = {tracker: scores.means[tracker]["eao"] for tracker in scores.trackers}
    known = [curve[~np.isnan(curve)] for curve in curves.values()]
    most = max((float(curve.max()) for curve in known if len(curve)), default=1.0)
    order = best_first(scores, "eao")
    ends = None if band is None else (float(np.min(band)), float(np.max(band)))
    return curve_figure(
        scores,
        "Expected overlap",
        how,
        "sequence length in frames",
        lengths,
        curves,
        values,
        order,
        band=ends,
        top=enclosing([0, most], 0.1, 1.0)[1],
    )


def _figure(title: str, how: str, canvas: Canvas, below: str, note: str) -> str:
    caption = f"<figcaption>{escape(note)}</figcaption>" if note else ""
    return (
        f"<figure><h3>{escape(title)} <small>{escape(how)}</small></h3>{canvas.finish()}"
        f"{caption}{below}</figure>"
    )
