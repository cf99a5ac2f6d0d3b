"""Made-up trackers for the tests of reports, and what reads a written report back."""

import json
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np

from benchmarks.figures import TrackerScore, mean_over_sequences, pooled
from benchmarks.scores import assemble
from benchmarks.scoring import score
from benchmarks.truth import Truth

LENGTH, PICTURE = 12, (90, 160)
NAMES = ["alpha", "beta", "gamma", "delta", "<b>&odd"]


def made_up(trackers=("ours", "theirs"), names=NAMES, convention="matlab_otb"):
    """Scores of trackers that shake more and more; the first sequence ends without a target."""
    generator = np.random.default_rng(4)
    truths = []
    for place, name in enumerate(names):
        boxes = np.tile([40.0, 20, 30, 24], (LENGTH, 1))
        truths.append(Truth(name, boxes, ("occlusion",) if place % 2 else ("blur",)))
    truths[0].boxes[-1] = np.nan
    results = {
        tracker: {
            truth.name: truth.boxes
            + generator.normal(0, 1 + 2 * place + rank, truth.boxes.shape) * [1, 1, 0, 0]
            for rank, truth in enumerate(truths)
        }
        for place, tracker in enumerate(trackers)
    }
    return score(results, truths, convention)


def made_up_vot(figures, frames=(100, 60), convention="pysot", interval=None, tags=None):
    """Scores of a reset-based experiment.

    Args:
        figures: tracker -> (EAO, accuracy, failures in each sequence).
        frames: lengths of the sequences.
        interval: the lengths that EAO averages; None where the scores do not say.
        tags: tracker -> tag -> EAO.

    Their reliability is 0.9, 0.8, ... in the order given.
    """
    count = len(frames)
    truths = [Truth(f"s{k}", np.tile([40.0, 20, 30, 24], (n, 1))) for k, n in enumerate(frames)]
    lengths = np.array(frames, float)
    scored = {}
    for tracker, (eao, accuracy, failures) in figures.items():
        failures = np.array(failures, float)
        scored[tracker] = TrackerScore(
            figures={
                "eao": mean_over_sequences(np.full(count, eao)),
                "accuracy": mean_over_sequences(np.full(count, accuracy)),
                "robustness": pooled(100 * failures, lengths),
                "failures": pooled(failures, np.full(count, 1 / count)),
            },
            per_sequence={
                "accuracy": np.full(count, accuracy),
                "robustness": 100 * failures / lengths,
                "failures": failures,
            },
            curves={"expected_overlap": np.linspace(0.9, eao, max(frames))},
            overlaps=[np.full(n, accuracy) for n in frames],
            by_tag={tag: {"eao": value} for tag, value in (tags or {}).get(tracker, {}).items()},
        )
    thresholds = {"expected_overlap": np.arange(1.0, max(frames) + 1)}
    if interval:
        thresholds["eao_interval"] = np.array(interval, float)
    scores = assemble(
        scored,
        truths,
        results={},
        convention=convention,
        summary="Reset-based.",
        protocol="baseline",
        thresholds=thresholds,
        refused={},
    )
    return replace(scores, reliability={t: 0.9 - 0.1 * k for k, t in enumerate(figures)})


def nothing_published(benchmark, metric):
    return []


def load_strictly(path):
    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(path.read_text(), parse_constant=refuse)


class Page(HTMLParser):
    """Of a page: tables as rows of texts, legends, list items, sources of pictures, attributes.

    Checks that tags close in order.

    Attributes:
        cells: texts of all cells.
        tables: for each table its rows, each a list of texts.
        marked: texts in b and u.
        legends: for each ordered legend its entries.
        starts: (tag, attributes) of every element.
    """

    VOID = frozenset({"meta", "img"})

    def __init__(self, text):
        super().__init__()
        self.open, self.cells, self.pictures, self.tables = [], [], [], []
        self.legends, self.starts, self.marked, self.headings = [], [], {"b": [], "u": []}, []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.starts.append((tag, attrs))
        if tag == "img":
            self.pictures.append(attrs["src"])
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.cells.append("")
            self.tables[-1][-1].append("")
        if tag == "ol" and "legend" in attrs.get("class", ""):
            self.legends.append([])
        if tag == "li" and "data-line" in attrs:
            self.legends[-1].append("")
        if tag in ("h2", "h3"):
            self.headings.append("")

    def handle_startendtag(self, tag, attrs):
        self.starts.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "td" in self.open or "th" in self.open:
            self.cells[-1] += data
            self.tables[-1][-1][-1] += data
        elif "li" in self.open and "ol" in self.open and self.legends and self.legends[-1]:
            self.legends[-1][-1] += data
        if self.open and self.open[-1] in self.marked:
            self.marked[self.open[-1]].append(data)
        if self.open and self.open[-1] in ("h2", "h3"):
            self.headings[-1] += data

    def table(self, heading):
        """The rows of the table whose first cell begins with `heading`."""
        return next(rows for rows in self.tables if rows[0][0].startswith(heading))
