"""report.html: one page that needs nothing beside it, for screens of any width and for paper."""

from collections.abc import Callable
from html import escape
from pathlib import Path
from string import Template

import numpy as np

from benchmarks.report import sections
from benchmarks.scoring import RANKED_BY, Scores

FOLDER = Path(__file__).parent
TEMPLATE, STYLE, SCRIPT = "page.html", "page.css", "sort.js"


def page(
    scores: Scores,
    facts: dict,
    frames: Callable[[str, int], np.ndarray] | None,
    contact_sheet: np.ndarray | None,
) -> str:
    """The page of `scores`; `facts` is what benchmarks.report.document.document made of them."""
    colors = sections.colors(scores)
    shared, differing = split_provenance(facts["made_by"])
    parts = [
        sections.score_table(scores, colors),
        sections.plots(scores, colors),
        sections.comparisons(scores),
        sections.attributes(scores, colors),
        sections.strips(scores, colors, frames),
        sections.sequences(scores, colors),
        sections.footage(contact_sheet),
        sections.provenance(differing),
    ]
    return Template((FOLDER / TEMPLATE).read_text()).substitute(
        title=escape(f"{facts['benchmark']}, {facts['protocol'].upper()}"),
        lead=_lead(scores),
        notes=_notes(facts["notes"]),
        facts=_facts(scores, shared),
        convention=escape(f"{scores.convention.name}: {scores.convention.summary}"),
        sections="\n".join(part for part in parts if part),
        style=(FOLDER / STYLE).read_text(),
        script=(FOLDER / SCRIPT).read_text(),
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
    best = scores.ranking[0]
    low, high = scores.intervals[best][RANKED_BY]
    spread = f" (95 % interval {low:.3f} to {high:.3f})" if low == low else ""
    rest = f", first of {len(scores.trackers)} trackers" if len(scores.trackers) > 1 else ""
    return (
        f"<strong>{escape(best)}</strong> has a success AUC of "
        f"<strong>{scores.means[best][RANKED_BY]:.3f}</strong>{spread}{rest}."
    )


def _notes(notes: list[str]) -> str:
    if not notes:
        return ""
    return f'<ul class="notes">{"".join(f"<li>{escape(note)}</li>" for note in notes)}</ul>'


def _facts(scores: Scores, shared: dict) -> str:
    entries = {
        "convention": scores.convention.name,
        "sequences": len(scores.truth),
        "frames": f"{sum(map(len, scores.truth.values())):,}",
        **shared,
    }
    items = "".join(
        f"<div><dt>{escape(str(key).replace('_', ' '))}</dt><dd>{sections.fact(value)}</dd></div>"
        for key, value in entries.items()
    )
    return f'<dl class="facts">{items}</dl>'
