"""The parts of report.html: functions from scores to pieces of HTML, "" where there is nothing."""

import re
from collections.abc import Callable, Iterable
from html import escape

import numpy as np

from benchmarks.metrics import METRICS
from benchmarks.report.palette import DASHES, HUES, PICTURE_RGB, TRUTH_RGB, swatch
from benchmarks.report.strips import Frame, chosen_sequences, jpeg_uri, strip
from benchmarks.report.svg import curve_plot
from benchmarks.scoring import RANKED_BY, Scores
from benchmarks.statistics import Comparison
from ops.errors import InputError

DRAWN_IN_PICTURES = 4
DRAWN_IN_PLOTS = HUES * len(DASHES)

# curve, heading, axis, figure of the legend, how it is read off, the threshold where it is
PLOTS = (
    ("success", "Success", "overlap threshold", "success_auc", "mean", None),
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


def colors(scores: Scores) -> dict[str, int]:
    """Index of each tracker's colour: the first-listed has the first, the others by rank."""
    first = scores.trackers[0]
    order = [first, *(tracker for tracker in scores.ranking if tracker != first)]
    return {tracker: index for index, tracker in enumerate(order)}


def score_table(scores: Scores, index_of: dict[str, int]) -> str:
    """Every tracker and figure with its interval, best first."""
    best = {m: max(scores.means[tracker][m] for tracker in scores.trackers) for m in METRICS}
    rows = []
    for tracker in scores.ranking:
        cells = []
        for metric in METRICS:
            value = scores.means[tracker][metric]
            low, high = scores.intervals[tracker][metric]
            spread = f"<small>{low:.3f}–{high:.3f}</small>" if low == low else ""
            kind = ' class="best"' if value == best[metric] else ""
            cells.append(f"<td{kind}>{value:.3f}{spread}</td>")
        rows.append(_row(_named(tracker, index_of), cells))
    head = [_heading("Tracker"), *(_heading(label) for label in METRICS.values())]
    caption = "Means over sequences; below them 95 % bootstrap intervals over sequences."
    return _section("Scores", _table(head, rows) + f'<p class="quiet">{caption}</p>')


def plots(scores: Scores, index_of: dict[str, int]) -> str:
    """Success and precision over their thresholds."""
    figures = []
    for kind, heading, axis, metric, how, read_at in PLOTS:
        ranked = sorted(scores.ranking, key=lambda tracker: -scores.means[tracker][metric])
        drawn = ranked[:DRAWN_IN_PLOTS]
        curves = [(index_of[t], t, scores.curves[t][kind]) for t in reversed(drawn)]
        plot = curve_plot(f"{heading} plot", axis, scores.thresholds[kind], curves, read_at)
        legend = "".join(
            f"<li>{swatch(index_of[t])}{scores.means[t][metric]:.3f}&ensp;{escape(t)}</li>"
            for t in drawn
        )
        figures.append(
            f'<figure><h3>{heading} <small>{how}</small></h3>{plot}<ol class="legend">'
            f"{legend}</ol></figure>"
        )
    more = len(scores.trackers) - DRAWN_IN_PLOTS
    note = (
        f'<p class="quiet">The last {more} of each ranking are not drawn.</p>' if more > 0 else ""
    )
    return _section("Curves", f'<div class="plots">{"".join(figures)}</div>{note}')


def comparisons(scores: Scores) -> str:
    """Each tracker beside the best one, in words."""
    if not scores.paired:
        return ""
    items = "".join(f"<li>{in_words(comparison)}</li>" for comparison in scores.paired)
    caption = (
        "Differences of success AUC on the same sequences; 95 % bootstrap intervals over "
        "sequences, not corrected for the number of comparisons."
    )
    return _section("Side by side", f'<ul>{items}</ul><p class="quiet">{caption}</p>')


def in_words(comparison: Comparison) -> str:
    """One paired comparison as a sentence or two."""
    low, high = comparison.interval
    names = f"<strong>{escape(comparison.tracker)}</strong>", escape(comparison.reference)
    start = (
        f"{names[0]} beside {names[1]}: {_signed(comparison.difference)}, better on "
        f"{100 * comparison.won:.0f} % and worse on {100 * comparison.lost:.0f} % of the sequences"
    )
    if low != low:
        return f"{start}; one sequence gives no interval."
    verdict = (
        "these sequences do not tell them apart"
        if low <= 0 <= high
        else f"{names[1]} is ahead"  # of the ranking, so never behind
    )
    return f"{start}; interval {_signed(low)} to {_signed(high)}: {verdict}."


def attributes(scores: Scores, index_of: dict[str, int]) -> str:
    """Success AUC on the sequences of each challenge, drawn and in figures."""
    if not scores.by_attribute:
        return ""
    counts = {a: len(scores.sequences_with(a)) for a in scores.by_attribute}
    order = sorted(counts, key=lambda attribute: (-counts[attribute], attribute))
    drawn = list(index_of)[:HUES]
    lines = []
    for attribute in order:
        dots = "".join(
            _dot(index_of[t], scores.by_attribute[attribute][t][RANKED_BY], t)
            for t in reversed(drawn)
        )
        label = f"{escape(attribute)} <small class=quiet>{counts[attribute]}</small>"
        lines.append(f'<span>{label}</span><div class="track">{dots}</div>')
    ticks = "".join(f"<span>{share / 5:.1f}</span>" for share in range(6))
    legend = "".join(f"<li>{_named(t, index_of)}</li>" for t in drawn)
    chart = (
        f'<div class="dots">{"".join(lines)}<span></span><div class="scale">{ticks}</div></div>'
        f'<ol class="legend">{legend}</ol>'
    )
    rows = [
        _row(
            _named(tracker, index_of),
            [f"<td>{scores.by_attribute[a][tracker][RANKED_BY]:.3f}</td>" for a in order],
        )
        for tracker in scores.ranking
    ]
    head = [
        _heading("Tracker"),
        *(_heading(attribute, f"{counts[attribute]} seq.") for attribute in order),
    ]
    caption = '<p class="quiet">Success AUC; beside each challenge its number of sequences.</p>'
    return _section("Challenges", caption + chart + _table(head, rows, "wrap"))


def strips(
    scores: Scores,
    index_of: dict[str, int],
    frames: Callable[[str, int], np.ndarray] | None,
) -> str:
    """Frames of the best, middle and worst sequence of the first-listed tracker."""
    if frames is None:
        return ""
    first, shown = scores.trackers[0], list(index_of)[:DRAWN_IN_PICTURES]
    boxes = [(TRUTH_RGB, "truth"), *zip(PICTURE_RGB, shown, strict=False)]
    legend = "".join(
        f'<li><span class="box" style="border-color:rgb{color}"></span>{escape(name)}</li>'
        for color, name in boxes
    )
    parts = [f'<ul class="legend">{legend}</ul>']
    for rank, name in chosen_sequences(scores).items():
        score = scores.per_sequence[first][name].metrics[RANKED_BY]
        about = [f"success AUC {score:.3f}", *scores.attributes.get(name, ())]
        parts.append(f"<h3>{rank}: {escape(name)} <small>{escape(', '.join(about))}</small></h3>")
        try:
            pictures = strip(scores, name, shown, frames)
        except InputError as error:
            parts.append(f'<p class="quiet">No pictures: {escape(str(error))}</p>')
            continue
        length = len(scores.truth[name])
        figures = "".join(
            f'<figure><img src="{one.picture}" alt="frame {one.index + 1} of {escape(name)}">'
            f"<figcaption>{one.index + 1} of {length}, {_overlap(one)}</figcaption>"
            "</figure>"
            for one in pictures
        )
        parts.append(f'<div class="strip">{figures}</div>')
    return _section(f"Best, middle and worst sequence of {first}", "".join(parts))


def sequences(scores: Scores, index_of: dict[str, int]) -> str:
    """A row a sequence, sortable; all figures of a single tracker, success AUC of several."""
    single = len(scores.trackers) == 1
    columns = (
        [(scores.trackers[0], metric, label) for metric, label in METRICS.items()]
        if single
        else [(tracker, RANKED_BY, tracker) for tracker in index_of]
    )
    rows = []
    for name, boxes in scores.truth.items():
        cells = [f"<td>{len(boxes)}</td>"]
        for tracker, metric, _ in columns:
            value = scores.per_sequence[tracker][name].metrics[metric]
            cells.append(f'<td class="level" style="--v:{value:.3f}">{value:.3f}</td>')
        cells.append(f'<td class="word">{escape(", ".join(scores.attributes.get(name, ())))}</td>')
        rows.append(_row(escape(name), cells))
    labels = ["Sequence", "Frames", *(label for _, _, label in columns), "Challenges"]
    head = [f'<th scope="col"><button>{escape(label)}</button></th>' for label in labels[:-1]]
    head.append(f'<th scope="col" class="word"><button>{labels[-1]}</button></th>')
    what = "" if single else "Success AUC. "
    hint = '<span class="screen">A click on a heading sorts.</span>'
    caption = f'<p class="quiet">{what}{hint}</p>'
    return _section("Sequences", caption + _table(head, rows, "sortable"))


def footage(contact_sheet: np.ndarray | None) -> str:
    """An overview of the footage."""
    if contact_sheet is None:
        return ""
    picture = f'<img class="sheet" src="{jpeg_uri(contact_sheet)}" alt="contact sheet">'
    return _section("Footage", f"<figure>{picture}</figure>")


def provenance(differing: dict[str, dict]) -> str:
    """What made each tracker's results, where trackers differ."""
    if not differing:
        return ""
    keys = list(next(iter(differing.values())))
    rows = [
        _row(escape(tracker), [f'<td class="word">{fact(facts[key])}</td>' for key in keys])
        for tracker, facts in differing.items()
    ]
    head = [_heading("Tracker"), *(_heading(key.replace("_", " "), kind="word") for key in keys)]
    return _section("What made the results", _table(head, rows, "wrap"))


def fact(value: object) -> str:
    """A value of the provenance as HTML; hashes are cut to twelve digits (report.json has all)."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4g}"
    text = str(value)
    if re.fullmatch("[0-9a-f]{20,}", text):
        return f'<code title="{text}">{text[:12]}</code>'
    return escape(text)


def _section(heading: str, body: str) -> str:
    return f"<section><h2>{escape(heading)}</h2>{body}</section>"


def _table(head: Iterable[str], rows: Iterable[str], kind: str = "") -> str:
    return (
        f'<div class="scroll"><table class="{kind}"><thead><tr>{"".join(head)}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _heading(label: str, below: str = "", kind: str = "") -> str:
    small = f"<small>{escape(below)}</small>" if below else ""
    return f'<th scope="col" class="{kind}">{escape(label)}{small}</th>'


def _row(name: str, cells: Iterable[str]) -> str:
    return f'<tr><th scope="row">{name}</th>{"".join(cells)}</tr>'


def _named(tracker: str, index_of: dict[str, int]) -> str:
    return f"{swatch(index_of[tracker])}{escape(tracker)}"


def _dot(index: int, value: float, tracker: str) -> str:
    return (
        f'<i style="left:{value:.1%};--hue:var(--hue-{index})" '
        f'title="{escape(tracker)} {value:.3f}"></i>'
    )


def _overlap(frame: Frame) -> str:
    return "no target" if frame.overlap is None else f"overlap {frame.overlap:.2f}"


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")
