"""Plots as inline SVG; their colours are variables of the page."""

from collections.abc import Sequence
from html import escape

import numpy as np

from benchmarks.report.palette import stroke

WIDTH, HEIGHT = 440, 316
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 10, 44


def curve_plot(
    title: str,
    axis: str,
    thresholds: np.ndarray,
    curves: Sequence[tuple[int, str, np.ndarray]],
    read_at: float | None,
) -> str:
    """Shares of frames over thresholds.

    Args:
        title: for screen readers.
        axis: label of the horizontal axis.
        thresholds: (T,) increasing from 0.
        curves: (index of the colour, name, shares (T,)); the last is drawn on top.
        read_at: the threshold at which the figure is read, marked by a line.
    """
    end = thresholds[-1]

    def x(value):
        return LEFT + (WIDTH - LEFT - RIGHT) * value / end

    def y(share):
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * share

    parts = [f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">']
    parts.append(f"<title>{escape(title)}</title>")
    for share in np.linspace(0, 1, 6):
        parts.append(_line("grid", x(0), y(share), x(end), y(share)))
        parts.append(_text(x(0) - 7, y(share) + 4, f"{share:.1f}", "end"))
    for value in np.linspace(0, end, 6):
        parts.append(_line("grid", x(value), y(0), x(value), y(1)))
        parts.append(_text(x(value), y(0) + 17, f"{value:g}", "middle"))
    if read_at is not None:
        parts.append(_line("read-at", x(read_at), y(0), x(read_at), y(1)))
    parts.append(_text((x(0) + x(end)) / 2, HEIGHT - 6, axis, "middle", "axis"))
    for index, name, shares in curves:
        points = " ".join(f"{x(t):.1f},{y(s):.1f}" for t, s in zip(thresholds, shares, strict=True))
        parts.append(
            f'<polyline class="curve" points="{points}" {stroke(index)}>'
            f"<title>{escape(name)}</title></polyline>"
        )
    return "".join([*parts, "</svg>"])


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, text: str, anchor: str, kind: str = "tick") -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
    )
