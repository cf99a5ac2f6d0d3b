"""report.json: the scores as plain values, strict JSON."""

import dataclasses
import math

import numpy as np

from benchmarks.scoring import Scores


def document(
    scores: Scores, provenance: dict, benchmark: str, protocol: str, notes: tuple[str, ...]
) -> dict:
    """Everything of a report that is not a picture, as `plain` values."""
    return plain(
        {
            "benchmark": benchmark,
            "protocol": protocol,
            "convention": scores.convention.name,
            "convention_summary": scores.convention.summary,
            "ranking": scores.ranking,
            "scores": scores.means,
            "intervals": scores.intervals,
            "paired": [dataclasses.asdict(comparison) for comparison in scores.paired],
            "by_attribute": {
                attribute: {"sequences": scores.sequences_with(attribute), "scores": by_tracker}
                for attribute, by_tracker in scores.by_attribute.items()
            },
            "per_sequence": {
                tracker: {name: sequence.metrics for name, sequence in found.items()}
                for tracker, found in scores.per_sequence.items()
            },
            "sequences": {
                name: {"frames": len(boxes), "attributes": scores.attributes.get(name, ())}
                for name, boxes in scores.truth.items()
            },
            "curves": {"thresholds": scores.thresholds, "means": scores.curves},
            "made_by": provenance,
            "notes": notes,
        }
    )


def plain(value):
    """Values as JSON knows them: no NaN or infinity (null), no tuples, arrays or numpy scalars."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    return str(value)  # paths, versions
