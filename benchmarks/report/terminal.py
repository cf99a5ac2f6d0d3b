"""Scores as a table of plain text."""

from benchmarks.metrics import METRICS
from benchmarks.scoring import RANKED_BY, Scores

HEADS = {
    "success_auc": "success",
    "precision_20": "prec@20",
    "norm_precision_20": "norm@.20",
    "ao": "AO",
    "sr_50": "SR.50",
    "sr_75": "SR.75",
}


def terminal_table(scores: Scores) -> str:
    """One line a tracker, best first, with the 95 % interval of the success AUC; then a caption."""
    rows = [["tracker", *(HEADS[metric] for metric in METRICS), "95 % of success"]]
    for tracker in scores.ranking:
        figures = [f"{scores.means[tracker][metric]:.3f}" for metric in METRICS]
        low, high = scores.intervals[tracker][RANKED_BY]
        spread = f"{low:.3f} to {high:.3f}" if low == low else "one sequence"
        rows.append([tracker, *figures, spread])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    ]
    lines.insert(1, "-" * len(lines[0]))
    frames = sum(map(len, scores.truth.values()))
    lines.append(f"{len(scores.truth)} sequences, {frames} frames, {scores.convention.name}")
    return "\n".join(lines)
