"""What the papers print: one YAML file a table, or a passage of text that has scores.

    kind: ablation                                       # or comparison
    source: which paper, which table or section
    own: TRACKER                                         # comparisons: the row of the paper's own
    protocol: reset                                      # where it is not ope
    reference: ROW                                       # ablations: what rows are measured against
    rows:                                                # in the paper's order
      ROW: {BENCHMARK: {METRIC: figure, ...}, ...}       # {} where the paper gives none
    order: {BENCHMARK: [best ROW, ...]}                  # where the text alone places some rows
    derived: the same shape as rows                      # from gains that the text gives
    notes: [contradictions, derived figures, readings]

An ablation is named as in configs/experiment/, and so are its rows. One that trains another's rows
small says which, `small: TABLE`, and has `notes` of its own alone. Rows of a comparison are
trackers as the paper prints their names. Benchmarks and metrics are called as in report.json and
its headings: OTB-2015, success_auc; shares are in [0, 1], also where the paper has percentages.
Besides those:

    OTB-2015/SV          the sequences of that benchmark which have the attribute SV
    speed                in the place of a benchmark: what was measured on none in particular
    frames_per_second    on the paper's own machine
    precision, norm_precision    as TrackingNet's server gives them; the paper names no threshold
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import yaml

from benchmarks.figures import METRICS, Metric

FOLDER = Path(__file__).parent
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C is some five times as fast

PUBLISHED_METRICS = METRICS | {
    "frames_per_second": Metric("Frames per second", "fps", share=False),
    "precision": Metric("Precision", "prec"),
    "norm_precision": Metric("Norm. precision", "norm"),
}
ONE_SPELLING = {"CRAC": "CRACT", "ECOhc": "ECO-HC", "SA_Siam": "SA-Siam"}

Rows = dict[str, dict[str, dict[str, float]]]


@dataclass(frozen=True)
class PublishedTable:
    """A paper's table: `rows` is row -> benchmark -> metric -> figure, in the paper's order.

    `derived` has the same shape: what the paper does not print but gives a difference to. `own` is
    the row of the paper's own tracker, empty for an ablation, whose rows all are. Of an ablation,
    `reference` is the row that the paper measures the others against, empty where there is none,
    and `order` has benchmark -> rows, best first, where the text places some without a figure.
    """

    source: str
    rows: Rows
    notes: tuple[str, ...] = ()
    kind: str = "ablation"
    own: str = ""
    protocol: str = "ope"
    derived: Rows = field(default_factory=dict)
    reference: str = ""
    order: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class PublishedFigure:
    """One figure of one tracker, from all tables that agree on it.

    Attributes:
        tracker: in one spelling (ONE_SPELLING).
        value: as printed; a share where the paper prints percent.
        sources: paper and place, one a table, in the order of `tables`.
        tables: names of the tables; their notes say what contradicts what.
        protocol: "ope", or "reset" for VOT.
        own: whether one of them is in the tracker's own paper.
        derived: whether all of them only give a difference, from which the value follows.
        others: what further tables say instead, in ascending order; empty where none disagrees.
    """

    tracker: str
    value: float
    sources: tuple[str, ...]
    tables: tuple[str, ...]
    protocol: str = "ope"
    own: bool = False
    derived: bool = False
    others: tuple[float, ...] = ()


@cache
def published_names(kind: str = "ablation") -> tuple[str, ...]:
    """Names of the tables of one kind, "ablation" or "comparison"."""
    names = sorted(path.stem for path in FOLDER.glob("*.yaml"))
    return tuple(name for name in names if published_table(name).kind == kind)


@cache
def published_table(name: str) -> PublishedTable:
    """The table of that name, one of `published_names`."""
    facts = yaml.load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"), Loader=LOADER)
    notes = tuple(facts.pop("notes", ()))
    if "small" in facts:
        whole = published_table(facts["small"])
        return replace(whole, notes=(*whole.notes, *notes))
    return PublishedTable(**facts, notes=notes)


def published_figures(benchmark: str, metric: str) -> list[PublishedFigure]:
    """What the comparisons say of trackers on a benchmark, best first; empty where nothing.

    A tracker's equal figures are one with all their sources, different ones stand each for itself.
    """
    agreeing: dict[tuple[str, str, float], list[tuple[str, bool, bool]]] = {}
    values: dict[tuple[str, str], set[float]] = {}
    for tracker, protocol, value, *place in _all_figures(benchmark, metric):
        agreeing.setdefault((tracker, protocol, value), []).append(tuple(place))
        values.setdefault((tracker, protocol), set()).add(value)
    found = []
    for (tracker, protocol, value), places in agreeing.items():
        tables, own, derived = zip(*places, strict=True)
        others = tuple(sorted(values[tracker, protocol] - {value}))
        sources = tuple(published_table(name).source for name in tables)
        found.append(
            PublishedFigure(
                tracker, value, sources, tables, protocol, any(own), all(derived), others
            )
        )
    sign = -1 if PUBLISHED_METRICS[metric].rises else 1
    return sorted(found, key=lambda figure: (sign * figure.value, figure.tracker.lower()))


def _all_figures(benchmark: str, metric: str) -> Iterator[tuple[str, str, float, str, bool, bool]]:
    """Tracker, protocol, value, table, whether it is the paper's own, whether derived."""
    for name in published_names("comparison"):
        table = published_table(name)
        for derived, rows in ((False, table.rows), (True, table.derived)):
            for row, figures in rows.items():
                value = figures.get(benchmark, {}).get(metric)
                if value is not None:
                    tracker = ONE_SPELLING.get(row, row)
                    yield tracker, table.protocol, value, name, row == table.own, derived
