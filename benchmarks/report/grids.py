"""Tables of figures as text, drawn alike into the page, into Markdown and into LaTeX."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks.figures import METRICS
from benchmarks.report.view import (
    MEASURES,
    Content,
    number,
    places,
    roughness,
    spread,
)
from benchmarks.scores import Scores


@dataclass(frozen=True)
class Cell:
    """`place`: 0 for the best of its column, 1 for the second. `below`: small print."""

    text: str
    place: int | None = None
    below: str = ""


@dataclass(frozen=True)
class Head:
    """Of a column: its label, a `short` one, small print `below`, whether larger is better (None
    where the columns are of one figure, which the caption names)."""

    label: str
    short: str
    below: str = ""
    rises: bool | None = None


@dataclass(frozen=True)
class Grid:
    """A row a tracker, best of the ranking first.

    Attributes:
        title: a few words.
        caption: what the figures are and how they were made, in sentences.
        heads: a column each; the first is the ranked figure where the cells have small print.
        rows: tracker -> a cell a column.
        small: what the cells' small print is, "" where there is none.
    """

    title: str
    caption: str
    heads: list[Head]
    rows: dict[str, list[Cell]]
    small: str = ""


@dataclass(frozen=True)
class Column:
    """`values`: tracker -> figure of `metric`; `spreads`: tracker -> its interval as text."""

    head: Head
    metric: str
    values: Mapping[str, float]
    spreads: Mapping[str, str] = field(default_factory=dict)


def grids(content: Content) -> list[Grid]:
    """All that there are."""
    made = (score_grid, run_grid, challenge_grid)
    return [grid for grid in (make(content) for make in made) if grid]


def score_grid(content: Content) -> Grid:
    """Every figure with its interval; of VOT the reliability too, which has none."""
    scores = content.scores
    columns = [
        Column(
            _head(metric),
            metric,
            {t: scores.means[t][metric] for t in scores.ranking},
            {t: spread(scores.intervals[t][metric], metric) for t in scores.ranking},
        )
        for metric in scores.metrics
    ]
    small = ""
    if any(any(column.spreads.values()) for column in columns):
        small = f"95 % bootstrap intervals over sequences.{roughness(scores)}"
    caption = content.setting
    if scores.by_run:
        caption += " The frames of all runs of a sequence are pooled."
    if scores.reliability:
        columns.append(Column(_head("reliability"), "reliability", scores.reliability))
        caption += " Reliability (S = 30): the chance to track 30 frames without a failure."
    return _grid("Scores", caption, scores, columns, small)


def run_grid(content: Content) -> Grid | None:
    """Figures in which each run weighs the same (TRE, SRE)."""
    scores = content.scores
    if not scores.by_run:
        return None
    columns = [
        Column(_head(metric), metric, {t: scores.by_run[t][metric] for t in scores.ranking})
        for metric in scores.metrics
        if metric in scores.by_run[scores.ranking[0]]
    ]
    words = "Each run of a sequence weighs the same here; in the scores their frames are pooled."
    return _grid("Mean over runs", f"{words} {content.setting}", scores, columns)


def challenge_grid(content: Content) -> Grid | None:
    """Figures on each challenge: by tag, frame by frame, where there are tags, else by sequence."""
    return _tag_grid(content) or _attribute_grid(content)


def _attribute_grid(content: Content) -> Grid | None:
    """The ranked figure on the sequences of each attribute, most sequences first."""
    scores = content.scores
    if not scores.by_attribute:
        return None
    metric = scores.ranked_by
    columns = [
        Column(
            Head(attribute, attribute, f"{len(scores.sequences_with(attribute))} seq."),
            metric,
            {t: scores.by_attribute[attribute][t][metric] for t in scores.ranking},
        )
        for attribute in attributes_by_size(scores)
    ]
    words = f"{METRICS[metric].label} on the sequences of each challenge."
    return _grid("Challenges", f"{words} {content.setting}", scores, columns)


def _tag_grid(content: Content) -> Grid | None:
    """EAO over the frames of each tag (VOT)."""
    scores = content.scores
    if not has_tags(scores):
        return None
    columns = [
        Column(
            Head(tag, tag, _sequences_with(scores, tag)),
            "eao",
            {t: scores.eao_by_tag.get(t, {}).get(tag, float("nan")) for t in scores.ranking},
        )
        for tag in tags(scores)
    ]
    words = "Expected average overlap over the frames of each tag."
    return _grid("Challenges", f"{words} {content.setting}", scores, columns)


def attributes_by_size(scores: Scores) -> list[str]:
    """Attributes, most sequences first."""
    return sorted(scores.by_attribute, key=lambda a: (-len(scores.sequences_with(a)), a))


def tags(scores: Scores) -> list[str]:
    """Tags that any tracker has an EAO of, in their order."""
    return list(dict.fromkeys(tag for found in scores.eao_by_tag.values() for tag in found))


def has_tags(scores: Scores) -> bool:
    """Whether challenges are annotated frame by frame."""
    return bool(set(tags(scores)) - {"all"})


def _sequences_with(scores: Scores, tag: str) -> str:
    """How many sequences have frames of a tag, "" where the truth does not say."""
    count = len(
        scores.truth if tag == "all" and scores.by_attribute else scores.sequences_with(tag)
    )
    return f"{count} seq." if count else ""


def _head(metric: str) -> Head:
    found = MEASURES[metric]
    return Head(found.label, found.head, rises=found.rises)


def _grid(title, caption, scores, columns, small="") -> Grid:
    rows: dict[str, list[Cell]] = {tracker: [] for tracker in scores.ranking}
    for column in columns:
        values = [column.values[tracker] for tracker in scores.ranking]
        found = zip(scores.ranking, values, places(values, column.metric), strict=True)
        for tracker, value, place in found:
            text = number(value, column.metric)
            rows[tracker].append(Cell(text, place, column.spreads.get(tracker, "")))
    return Grid(title, caption, [column.head for column in columns], rows, small)
