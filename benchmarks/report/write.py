"""A report on disk."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.files import write_atomically
from benchmarks.report.document import document
from benchmarks.report.page import page
from benchmarks.scoring import Scores


def write_report(
    directory: Path,
    scores: Scores,
    provenance: dict[str, dict],
    *,
    benchmark: str,
    protocol: str = "ope",
    frames: Callable[[str, int], np.ndarray] | None = None,
    contact_sheet: np.ndarray | None = None,
    notes: Sequence[str] = (),
) -> None:
    """Write DIRECTORY/report.json and DIRECTORY/report.html, each whole or not at all.

    Args:
        scores: what benchmarks.scoring.score returned.
        provenance: tracker -> what made its results (weights' hash or "untrained", config hash,
            code version, seed, hardware, frames per second, part of the dataset); stands in
            report.json as `made_by`, values as they are.
        benchmark, protocol: as the headings name them.
        frames: (sequence, index) -> (H, W, 3) uint8 RGB; None where there are no pictures. One that
            raises InputError leaves its strip out and its message in.
        contact_sheet: (H, W, 3) uint8 RGB, an overview of the footage.
        notes: sentences that a reader must not miss.
    """
    facts = document(scores, provenance, benchmark, protocol, tuple(notes))
    text = json.dumps(facts, indent=1, allow_nan=False, ensure_ascii=False)
    html = page(scores, facts, frames, contact_sheet)
    write_atomically(Path(directory) / "report.json", text + "\n")
    write_atomically(Path(directory) / "report.html", html)
