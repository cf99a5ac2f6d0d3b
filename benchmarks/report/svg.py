"""Plots as inline SVG; their colours are variables of the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from benchmarks.report.palette import marker, stroke

WIDTH, HEIGHT = 440, 316
LEFT, RIGHT, TOP, BOTTOM = 44, 20, 10, 44
POINTS = 240  # of a line, at most


@dataclass(frozen=True)
class Axis:
    """Label, values at its two ends (the first left or below), where ticks stand."""

    label: str
    start: float
    end: float
    ticks: Sequence[float]


class Canvas:
    """An SVG in the making: a frame with ticks, then lines and points in the units of the axes."""

    def __init__(self, title: str, x: Axis, y: Axis, width: int = WIDTH, height: int = HEIGHT):
        self.x_axis, self.y_axis, self.width, self.height = x, y, width, height
        self.left = LEFT + 16 * bool(y.label)
        self.parts = [f'<svg class="plot" viewBox="0 0 {width} {height}" role="img">']
        self.parts.append(f"<title>{escape(title)}</title>")
        for value in y.ticks:
            self.line("grid", x.start, value, x.end, value)
            self._text(self.left - 7, self.y(value) + 4, f"{value:.3g}", "end")
        for value in x.ticks:
            self.line("grid", value, y.start, value, y.end)
            self._text(self.x(value), height - BOTTOM + 17, f"{value:g}", "middle")
        middle = (self.left + width - RIGHT) / 2
        self._text(middle, height - 6, x.label, "middle", "axis")
        if y.label:
            middle = (TOP + height - BOTTOM) / 2
            turn = f' transform="rotate(-90 13 {middle:.1f})"'
            self._text(13, middle, y.label, "middle", "axis", turn)

    def x(self, value: float) -> float:
        share = (value - self.x_axis.start) / (self.x_axis.end - self.x_axis.start)
        return self.left + (self.width - self.left - RIGHT) * share

    def y(self, value: float) -> float:
        share = (value - self.y_axis.start) / (self.y_axis.end - self.y_axis.start)
        return self.height - BOTTOM - (self.height - BOTTOM - TOP) * share

    def line(self, kind: str, x1: float, y1: float, x2: float, y2: float, more: str = "") -> None:
        self.parts.append(
            f'<line class="{kind}" x1="{self.x(x1):.1f}" y1="{self.y(y1):.1f}" '
            f'x2="{self.x(x2):.1f}" y2="{self.y(y2):.1f}" {more}/>'
        )

    def curve(self, index: int, name: str, xs: np.ndarray, ys: np.ndarray) -> None:
        """A tracker's line; NaN is left out."""
        step = -(-len(xs) // POINTS)
        points = " ".join(
            f"{self.x(x):.1f},{self.y(y):.1f}"
            for x, y in zip(xs[::step], ys[::step], strict=True)
            if y == y
        )
        self.parts.append(
            f'<polyline class="curve" data-line="{index}" points="{points}" {stroke(index)}>'
            f"<title>{escape(name)}</title></polyline>"
        )

    def point(self, index: int, name: str, label: str, x: float, y: float) -> None:
        """A tracker's point with its label beside it."""
        at_x, at_y = self.x(x), self.y(y)
        self.parts.append(f'<g data-line="{index}"><title>{escape(name)}</title>')
        self.parts.append(marker(index, at_x, at_y))
        self._text(at_x + 8, at_y - 6, label, "start", "label")
        self.parts.append("</g>")

    def band(self, start: float, end: float) -> None:
        """A tinted part of the horizontal axis."""
        self.parts.append(
            f'<rect class="band" x="{self.x(start):.1f}" y="{TOP}" '
            f'width="{self.x(end) - self.x(start):.1f}" height="{self.height - BOTTOM - TOP}"/>'
        )

    def finish(self) -> str:
        return "".join([*self.parts, "</svg>"])

    def _text(self, x, y, text, anchor, kind="tick", more="") -> None:
        self.parts.append(
            f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>'
            f"{escape(text)}</text>"
        )


def curve_plot(
    title: str,
    axis: str,
    thresholds: np.ndarray,
    curves: Sequence[tuple[int, str, np.ndarray]],
    read_at: float | None = None,
    band: tuple[float, float] | None = None,
    top: float = 1.0,
) -> str:
    """Shares over thresholds.

    Args:
        title: for screen readers.
        axis: label of the horizontal axis.
        thresholds: (T,) increasing.
        curves: (index of the colour, name, shares (T,)); the last is drawn on top.
        read_at: the threshold at which the figure is read, marked by a line.
        band: the thresholds between which it is averaged, tinted.
        top: the largest share on the vertical axis.
    """
    start, end = min(0, thresholds[0]), thresholds[-1]
    ticks = np.linspace(start, end, 6) if end <= 50 else round_ticks(start, end)
    shares_axis = Axis("", 0, top, round_ticks(0, top))
    canvas = Canvas(title, Axis(axis, start, end, ticks), shares_axis)
    if band is not None:
        canvas.band(*band)
    if read_at is not None:
        canvas.line("read-at", read_at, 0, read_at, top)
    for index, name, shares in curves:
        canvas.curve(index, name, thresholds, shares)
    return canvas.finish()


def round_ticks(start: float, end: float, about: int = 5) -> np.ndarray:
    """Multiples of 1, 2 or 5 times a power of ten between two values, about that many."""
    rough = (end - start) / about
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    first, last = np.ceil(start / step - 1e-9), np.floor(end / step + 1e-9)
    return np.round(np.arange(first, last + 1) * step, 10) + 0.0  # no -0


def enclosing(values: Sequence[float], step: float, most: float | None = None) -> tuple:
    """Multiples of `step` around values, with some room; at most `most`."""
    low, high = min(values), max(values)
    room = step / 4
    start = max(0.0, np.floor((low - room) / step) * step)
    end = np.ceil((high + room) / step) * step
    return float(start), float(end if most is None else min(end, most))
