"""A report on disk."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.published import PublishedFigure, published_figures
from benchmarks.report.disagreements import disagreements
from benchmarks.report.document import document
from benchmarks.report.latex import latex
from benchmarks.report.page import page
from benchmarks.report.papers import published_beside
from benchmarks.report.texts import curves_csv, markdown
from benchmarks.report.view import Content
from benchmarks.scores import Scores
from ops.files import write_atomically


def write_report(
    directory: Path,
    scores: Scores,
    provenance: Mapping[str, Mapping],
    *,
    benchmark: str,
    part: str | None = None,
    frames: Callable[[str, int], np.ndarray] | None = None,
    contact_sheet: np.ndarray | None = None,
    notes: Sequence[str] = (),
    published: Callable[[str, str], list[PublishedFigure]] = published_figures,
) -> None:
    """Write DIRECTORY/report.json, .html, .md, .tex and curves.csv, each whole or not at all.

    Args:
        scores: what benchmarks.scoring returned.
        provenance: tracker -> what made its results (weights' hash or "untrained", config hash,
            code version, seed, hardware, frames per second, part of the dataset); stands in
            report.json as `made_by`, values as they are.
        benchmark: as the headings name it; what papers print of it is looked up by this name.
        part: which part of the benchmark was scored ("3 of 100 sequences"), None for the whole.
        frames: (sequence, index) -> (H, W, 3) uint8 RGB; None where there are no pictures. One that
            raises InputError leaves its picture out and its message in.
        contact_sheet: (H, W, 3) uint8 RGB, an overview of the footage.
        notes: sentences that a reader must not miss, beside those of the scores.
        published: (benchmark, metric) -> what the papers print of trackers.
    """
    content = Content(
        scores=scores,
        benchmark=benchmark,
        part=part,
        made_by=provenance,
        notes=tuple(dict.fromkeys([*notes, *scores.notes])),
        published=published_beside(scores, benchmark, published),
        disagreements=disagreements(scores),
        frames=frames,
        contact_sheet=contact_sheet,
    )
    report = json.dumps(document(content), indent=1, allow_nan=False, ensure_ascii=False)
    files = {
        "report.json": report + "\n",
        "report.html": page(content),
        "report.md": markdown(content),
        "report.tex": latex(content),
        "curves.csv": curves_csv(content),
    }
    for name, text in files.items():
        write_atomically(Path(directory) / name, text)
