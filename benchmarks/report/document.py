"""report.json: the scores as plain values, strict JSON."""

import dataclasses
import math

import numpy as np

from benchmarks.report.view import Content


def document(content: Content) -> dict:
    """Everything of a report that is not a picture, as `plain` values."""
    scores = content.scores
    return plain(
        {
            "benchmark": content.benchmark,
            "part": content.part,
            "protocol": scores.protocol,
            "convention": scores.convention,
            "convention_summary": scores.summary,
            "ranking": scores.ranking,
            "scores": scores.means,
            "intervals": scores.intervals,
            "by_run": scores.by_run,
            "reliability": scores.reliability,
            "paired": [dataclasses.asdict(comparison) for comparison in scores.paired],
            "by_attribute": {
                attribute: {"sequences": scores.sequences_with(attribute), "scores": by_tracker}
                for attribute, by_tracker in scores.by_attribute.items()
            },
            "eao_by_tag": scores.eao_by_tag,
            "per_sequence": scores.per_sequence,
            "sequences": {
                name: {"frames": len(truth.boxes), "attributes": truth.attributes}
                for name, truth in scores.truth.items()
            },
            "curves": {"thresholds": scores.thresholds, "means": scores.curves},
            "refused": scores.refused,
            "disagreements": [dataclasses.asdict(one) for one in content.disagreements],
            "published": {
                metric: [dataclasses.asdict(figure) for figure in figures]
                for metric, figures in content.published.items()
            },
            "made_by": content.made_by,
            "notes": content.notes,
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
