"""report.html: one page that needs nothing beside it, for screens of any width and for paper."""

import re
from html import escape
from pathlib import Path
from string import Template

from benchmarks.figures import METRICS
from benchmarks.report.comparisons import comparison_section
from benchmarks.report.elements import fact
from benchmarks.report.papers import published_section
from benchmarks.report.pictures import disagreement_section, footage_section, strip_section
from benchmarks.report.plots import attribute_section, curve_section
from benchmarks.report.provenance import made_by_section, shared_facts
from benchmarks.report.tables import score_section, sequence_section
from benchmarks.report.view import RUNS, Content, number, protocol_name
from benchmarks.report.vot import tag_section, vot_section
from benchmarks.scores import Scores

FOLDER = Path(__file__).parent
TEMPLATE, STYLE, SCRIPT = "page.html", "page.css", "page.js"


def page(content: Content) -> str:
    """The page of a report."""
    scores = content.scores
    parts = [
        score_section(content),
        vot_section(content),
        curve_section(content),
        comparison_section(content),
        published_section(content),
        attribute_section(content),
        tag_section(content),
        disagreement_section(content),
        strip_section(content),
        sequence_section(content),
        footage_section(content),
        made_by_section(content.made_by),
    ]
    return Template((FOLDER / TEMPLATE).read_text(encoding="utf-8")).substitute(
        title=escape(content.title),
        lead=_lead(scores),
        notes=_notes(content.said),
        facts=_facts(content),
        contents=_contents(parts),
        convention=escape(f"{scores.convention}: {scores.summary}"),
        sections="\n".join(part for part in parts if part),
        style=(FOLDER / STYLE).read_text(encoding="utf-8"),
        script=(FOLDER / SCRIPT).read_text(encoding="utf-8"),
    )


def _lead(scores: Scores) -> str:
    best, metric = scores.ranking[0], scores.ranked_by
    low, high = scores.intervals[best][metric]
    spread = f" (95 % interval {low:.3f} to {high:.3f})" if low == low else ""
    rest = f", first of {len(scores.trackers)} trackers" if len(scores.trackers) > 1 else ""
    return (
        f"<strong>{escape(best)}</strong>: {METRICS[metric].label} "
        f"<strong>{number(scores.means[best][metric], metric)}</strong>{spread}{rest}."
    )


def _notes(notes: list[str]) -> str:
    if not notes:
        return ""
    return f'<ul class="notes">{"".join(f"<li>{escape(note)}</li>" for note in notes)}</ul>'


def _contents(parts: list[str]) -> str:
    found = re.findall(r'^<section id="([^"]*)"><h2>(.*?)</h2>', "\n".join(parts), re.MULTILINE)
    links = "".join(f'<a href="#{name}">{title}</a>' for name, title in found)
    return f'<nav class="screen" aria-label="contents">{links}</nav>'


def _facts(content: Content) -> str:
    scores = content.scores
    entries = {
        "protocol": protocol_name(scores),
        "convention": scores.convention,
        "part": content.part,
        "sequences": len(scores.truth),
        "frames": f"{sum(map(len, scores.truth.values())):,}",
        "runs": RUNS.get(scores.protocol) and f"{RUNS[scores.protocol]} a sequence, frames pooled",
    }
    entries = {key: value for key, value in entries.items() if value is not None}
    made_by = shared_facts(content.made_by)
    said = {*entries.values()}  # the part, which stands in what made the results too
    entries |= {k: value for k, value in made_by.items() if k not in entries and value not in said}
    items = "".join(
        f"<div><dt>{escape(str(key).replace('_', ' '))}</dt><dd>{fact(value)}</dd></div>"
        for key, value in entries.items()
    )
    return f'<dl class="facts">{items}</dl>'
