"""What the papers print of trackers on the same benchmark, beside what was measured here."""

import re
from collections.abc import Callable, Mapping, Sequence
from html import escape

from benchmarks.figures import METRICS
from benchmarks.published import PublishedFigure
from benchmarks.report.elements import heading, named, quiet, row, section, table
from benchmarks.report.view import colors, number, signed
from benchmarks.scoring import Scores

PROTOCOLS = {"ope": "ope", "baseline": "reset"}  # as benchmarks/published calls them
Published = Mapping[str, Sequence[PublishedFigure]]


def published_beside(
    scores: Scores, benchmark: str, look_up: Callable[[str, str], list[PublishedFigure]]
) -> dict[str, list[PublishedFigure]]:
    """metric -> what was published of the same benchmark, protocol and metric, where anything."""
    protocol = PROTOCOLS.get(scores.protocol)
    found = {
        metric: [one for one in look_up(benchmark, metric) if one.protocol == protocol]
        for metric in scores.metrics
    }
    return {metric: figures for metric, figures in found.items() if figures}


def one_name(tracker: str) -> str:
    """By which names are compared: without case and punctuation, but SiamRPN++ is not SiamRPN."""
    return re.sub("[^a-z0-9]", "", tracker.casefold().replace("++", "pp"))


def published_section(scores: Scores, published: Published) -> str:
    """Trackers that were measured and published, then all others that were published."""
    if not published:
        return ""
    sources = list(
        dict.fromkeys(s for ones in published.values() for one in ones for s in one.sources)
    )
    by_tracker = _by_tracker(published)
    measured = {one_name(tracker): tracker for tracker in scores.ranking}
    both = [name for name in by_tracker if one_name(name) in measured]
    others = [name for name in by_tracker if one_name(name) not in measured]
    parts = []
    if both:
        parts.append(_beside_table(scores, {n: by_tracker[n] for n in both}, measured, sources))
    if others:
        parts.append("<h3>Other trackers, as published</h3>")
        parts.append(_others_table({n: by_tracker[n] for n in others}, list(published), sources))
    items = "".join(f"<li>{escape(source)}</li>" for source in sources)
    words = (
        "As the papers print them: of the whole benchmark, on whatever training data; small "
        "numbers name the source, ≈ marks a figure that follows from a printed difference. "
        f"Measured here: convention {escape(scores.convention)}."
    )
    body = quiet(words) + "".join(parts) + f'<ol class="quiet">{items}</ol>'
    return section("Published figures", body)


def _by_tracker(published: Published) -> dict[str, dict[str, list[PublishedFigure]]]:
    """tracker -> metric -> figures; trackers in the order of the first metric that has them."""
    found: dict[str, dict[str, list[PublishedFigure]]] = {}
    for metric, figures in published.items():
        for one in figures:
            found.setdefault(one.tracker, {}).setdefault(metric, []).append(one)
    return found


def _beside_table(scores, by_tracker, measured, sources) -> str:
    index_of = colors(scores)
    metrics = [m for m in scores.metrics if any(m in found for found in by_tracker.values())]
    rows = []
    for name, found in by_tracker.items():
        tracker, cells = measured[one_name(name)], []
        for metric in metrics:
            ours = scores.means[tracker][metric]
            figures = found.get(metric, [])
            gaps = " / ".join(signed(ours - one.value, metric) for one in figures) or "–"
            cells += [number(ours, metric), _printed(figures, metric, sources), gaps]
        rows.append(row(named(tracker, index_of), [f"<td>{text}</td>" for text in cells]))
    head = [heading("Tracker")]
    for metric in metrics:
        head += [heading(METRICS[metric].label, how) for how in ("measured", "published")]
        head.append(heading("difference"))
    return table(head, rows, "wrap")


def _others_table(by_tracker, metrics, sources) -> str:
    rows = []
    for name, found in by_tracker.items():
        cells = [f"<td>{_printed(found.get(m, []), m, sources)}</td>" for m in metrics]
        rows.append(row(escape(name), cells))
    head = [heading("Tracker"), *(heading(METRICS[metric].label) for metric in metrics)]
    return table(head, rows, "wrap compact")


def _printed(figures: Sequence[PublishedFigure], metric: str, sources: list[str]) -> str:
    """Figures of one tracker, each with the numbers of its sources."""
    texts = []
    for one in figures:
        places = ",".join(str(sources.index(source) + 1) for source in one.sources)
        about = "≈" if one.derived else ""
        texts.append(f"{about}{number(one.value, metric)}<sup>{places}</sup>")
    return " / ".join(texts) or "–"
