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
from benchmarks.report.tables import made_by_section, score_section, sequence_section
from benchmarks.report.texts import refusals
from benchmarks.report.view import Content, number
from benchmarks.report.vot import tag_section, vot_section
from benchmarks.scoring import Scores

FOLDER = Path(__file__).parent
TEMPLATE, STYLE, SCRIPT = "page.html", "page.css", "page.js"


def page(content: Content) -> str:
    """The page of a report."""
    scores = content.scores
    shared, differing = split_provenance(content.made_by)
    parts = [
        score_section(scores),
        vot_section(scores, content.published.get("eao", ())),
        curve_section(scores),
        comparison_section(scores),
        published_section(scores, content.published),
        attribute_section(scores),
        tag_section(scores),
        disagreement_section(content),
        strip_section(content),
        sequence_section(scores),
        footage_section(content),
        made_by_section(differing),
    ]
    return Template((FOLDER / TEMPLATE).read_text(encoding="utf-8")).substitute(
        title=escape(content.title),
        lead=_lead(scores),
        notes=_notes([*content.notes, *refusals(scores)]),
        facts=_facts(scores, shared),
        contents=_contents(parts),
        convention=escape(f"{scores.convention}: {scores.summary}"),
        sections="\n".join(part for part in parts if part),
        style=(FOLDER / STYLE).read_text(encoding="utf-8"),
        script=(FOLDER / SCRIPT).read_text(encoding="utf-8"),
    )


def split_provenance(made_by: dict[str, dict]) -> tuple[dict, dict[str, dict]]:
    """What all trackers have in common, once, and what differs, by tracker."""
    keys = list(dict.fromkeys(key for facts in made_by.values() for key in facts))
    shared = {}
    for key in keys:
        values = [facts.get(key) for facts in made_by.values()]
        if all(value == values[0] for value in values):
            shared[key] = values[0]
    differing = {
        tracker: {key: facts.get(key) for key in keys if key not in shared}
        for tracker, facts in made_by.items()
    }
    return shared, differing if len(shared) < len(keys) else {}


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


def _facts(scores: Scores, shared: dict) -> str:
    entries = {
        "convention": scores.convention,
        "sequences": len(scores.truth),
        "frames": f"{sum(map(len, scores.truth.values())):,}",
        **shared,
    }
    items = "".join(
        f"<div><dt>{escape(str(key).replace('_', ' '))}</dt><dd>{fact(value)}</dd></div>"
        for key, value in entries.items()
    )
    return f'<dl class="facts">{items}</dl>'
