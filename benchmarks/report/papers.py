"""What the papers print of trackers on the same benchmark, beside what was measured here."""

import re
from collections.abc import Callable, Mapping, Sequence
from html import escape

from benchmarks.figures import METRICS
from benchmarks.published import PublishedFigure
from benchmarks.report.elements import heading, named, quiet, row, section, table
from benchmarks.report.view import NOTHING, Content, colors, number, signed
from benchmarks.scores import Scores

PUBLISHED_AS = {"ope": "ope", "baseline": "reset"}  # as benchmarks/published calls them
# Rows of this project whose name a published tracker has too.
NOT_THE_PUBLISHED = {
    "cacf": "cacf is this project's baseline, RAR's filter on features that were not trained for "
    "it; the published CACF is another tracker."
}
Published = Mapping[str, Sequence[PublishedFigure]]


def published_beside(
    scores: Scores, benchmark: str, look_up: Callable[[str, str], list[PublishedFigure]]
) -> dict[str, list[PublishedFigure]]:
    """metric -> what was published of the same benchmark, protocol and metric, where anything."""
    protocol = PUBLISHED_AS.get(scores.protocol)
    found = {
        metric: [one for one in look_up(benchmark, metric) if one.protocol == protocol]
        for metric in scores.metrics
    }
    return {metric: figures for metric, figures in found.items() if figures}


def one_name(tracker: str) -> str:
    """By which names are compared: without case and punctuation, but SiamRPN++ is not SiamRPN."""
    return re.sub("[^a-z0-9]", "", tracker.casefold().replace("++", "pp"))


def not_comparable(content: Content) -> str:
    """Why nothing here may be held against the published figures; "" where it may."""
    if content.part:
        return (
            f"The published figures are of the whole benchmark, and {content.part} were scored "
            "here: no differences."
        )
    if content.scores.convention == "vot_toolkit":
        return (
            "The published figures follow pysot and the MATLAB toolkit, where robustness is "
            "failures in 100 frames, and accuracy and EAO are averaged otherwise; what "
            "vot_toolkit gives are other quantities: no differences."
        )
    return ""


def published_section(content: Content) -> str:
    """Trackers that were measured and published, then all others that were published."""
    scores, published = content.scores, content.published
    if not published:
        return ""
    sources = list(
        dict.fromkeys(s for ones in published.values() for one in ones for s in one.sources)
    )
    by_tracker = _by_tracker(published)
    measured = {
        one_name(tracker): tracker for tracker in scores.ranking if tracker not in NOT_THE_PUBLISHED
    }
    both = [name for name in by_tracker if one_name(name) in measured]
    others = [name for name in by_tracker if one_name(name) not in measured]
    parts = []
    if both:
        beside = {name: by_tracker[name] for name in both}
        parts.append(_beside_table(content, beside, measured, sources))
    if others:
        parts.append("<h3>Other trackers, as published</h3>")
        parts.append(_others_table({n: by_tracker[n] for n in others}, list(published), sources))
    items = "".join(f"<li>{escape(source)}</li>" for source in sources)
    words = (
        "As the papers print them: of the whole benchmark, on whatever training data; small "
        "numbers name the source, ≈ marks a figure that follows from a printed difference. "
        f"Measured here: {content.setting}"
    )
    names = [words for name, words in NOT_THE_PUBLISHED.items() if name in scores.ranking]
    said = " ".join([words, not_comparable(content), *names])
    body = quiet(escape(said)) + "".join(parts) + f'<ol class="quiet">{items}</ol>'
    return section("Published figures", body)


def _by_tracker(published: Published) -> dict[str, dict[str, list[PublishedFigure]]]:
    """tracker -> metric -> figures; trackers in the order of the first metric that has them."""
    found: dict[str, dict[str, list[PublishedFigure]]] = {}
    for metric, figures in published.items():
        for one in figures:
            found.setdefault(one.tracker, {}).setdefault(metric, []).append(one)
    return found


def _beside_table(content, by_tracker, measured, sources) -> str:
    scores, differs = content.scores, not not_comparable(content)
    index_of = colors(scores)
    metrics = [m for m in scores.metrics if any(m in found for found in by_tracker.values())]
    rows = []
    for name, found in by_tracker.items():
        tracker, cells = measured[one_name(name)], []
        for metric in metrics:
            ours = scores.means[tracker][metric]
            figures = found.get(metric, [])
            cells += [number(ours, metric), _printed(figures, metric, sources)]
            if differs:
                gaps = [signed(ours - one.value, metric) for one in figures]
                cells.append(" / ".join(gaps) or NOTHING)
        rows.append(row(named(tracker, index_of), [f"<td>{text}</td>" for text in cells]))
    head = [heading("Tracker")]
    for metric in metrics:
        head += [heading(METRICS[metric].label, how) for how in ("measured", "published")]
        if differs:
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
    return " / ".join(texts) or NOTHING
