"""Tables of figures as text, drawn alike into the page, into Markdown and into LaTeX."""

from dataclasses import dataclass

from benchmarks.figures import METRICS
from benchmarks.report.view import number, places, spread
from benchmarks.scoring import Scores


@dataclass(frozen=True)
class Cell:
    """`place`: 0 for the best of its column, 1 for the second. `below`: small print."""

    text: str
    place: int | None = None
    below: str = ""


@dataclass(frozen=True)
class Grid:
    """A row a tracker, best of the ranking first.

    Attributes:
        title: a few words.
        caption: what the figures are, a sentence.
        heads: (label, small print below, whether larger is better) a column.
        rows: tracker -> a cell a column.
        small: what the cells' small print is, "" where there is none.
    """

    title: str
    caption: str
    heads: list[tuple[str, str, bool]]
    rows: dict[str, list[Cell]]
    small: str = ""


def grids(scores: Scores) -> list[Grid]:
    """All that there are."""
    found = (score_grid(scores), run_grid(scores), attribute_grid(scores), tag_grid(scores))
    return [grid for grid in found if grid]


def score_grid(scores: Scores) -> Grid:
    """Every figure with its interval."""
    columns = [
        (METRICS[metric].label, "", metric, {t: scores.means[t][metric] for t in scores.ranking})
        for metric in scores.metrics
    ]
    below = {
        metric: {t: spread(scores.intervals[t][metric], metric) for t in scores.ranking}
        for metric in scores.metrics
    }
    has_intervals = any(any(texts.values()) for texts in below.values())
    small = "95 % bootstrap intervals over sequences" if has_intervals else ""
    return _grid("Scores", f"Over all sequences. {_how(scores)}", scores, columns, below, small)


def run_grid(scores: Scores) -> Grid | None:
    """Figures in which each run weighs the same (TRE, SRE)."""
    if not scores.by_run:
        return None
    metrics = [metric for metric in scores.metrics if metric in scores.by_run[scores.ranking[0]]]
    columns = [
        (METRICS[metric].label, "", metric, {t: scores.by_run[t][metric] for t in scores.ranking})
        for metric in metrics
    ]
    words = "Each run of a sequence weighs the same here; above, frames of its runs are pooled."
    return _grid("Mean over runs", f"{words} {_how(scores)}", scores, columns)


def attribute_grid(scores: Scores) -> Grid | None:
    """The ranked figure on the sequences of each attribute, most sequences first.

    None where tags say the same frame by frame.
    """
    if not scores.by_attribute or tag_grid(scores):
        return None
    metric = scores.ranked_by
    columns = [
        (
            attribute,
            f"{len(scores.sequences_with(attribute))} seq.",
            metric,
            {t: scores.by_attribute[attribute][t][metric] for t in scores.ranking},
        )
        for attribute in attributes_by_size(scores)
    ]
    words = f"{METRICS[metric].label} on the sequences of each challenge."
    return _grid("Challenges", f"{words} {_how(scores)}", scores, columns)


def tag_grid(scores: Scores) -> Grid | None:
    """EAO over the frames of each tag (VOT)."""
    if not set(tags(scores)) - {"all"}:
        return None
    columns = [
        (tag, "", "eao", {t: scores.eao_by_tag[t].get(tag, float("nan")) for t in scores.ranking})
        for tag in tags(scores)
    ]
    words = "Expected average overlap over the frames of each tag."
    return _grid("EAO by tag", f"{words} {_how(scores)}", scores, columns)


def attributes_by_size(scores: Scores) -> list[str]:
    """Attributes, most sequences first."""
    return sorted(scores.by_attribute, key=lambda a: (-len(scores.sequences_with(a)), a))


def tags(scores: Scores) -> list[str]:
    """Tags that any tracker has an EAO of, in their order."""
    return list(dict.fromkeys(tag for found in scores.eao_by_tag.values() for tag in found))


def _grid(title, caption, scores, columns, below=None, small="") -> Grid:
    rows: dict[str, list[Cell]] = {tracker: [] for tracker in scores.ranking}
    for _, _, metric, values in columns:
        values = {tracker: values[tracker] for tracker in scores.ranking}
        for (tracker, value), place in zip(
            values.items(), places(list(values.values()), metric), strict=True
        ):
            text = below[metric][tracker] if below else ""
            rows[tracker].append(Cell(number(value, metric), place, text))
    heads = [(label, count, METRICS[metric].rises) for label, count, metric, _ in columns]
    return Grid(title, caption, heads, rows, small)


def _how(scores: Scores) -> str:
    return f"Convention {scores.convention}."
