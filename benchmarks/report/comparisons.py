"""Trackers side by side on the same sequences: each beside the best, and any two."""

from html import escape

from benchmarks.figures import METRICS
from benchmarks.report.elements import breadth, heading, named, quiet, row, section, table
from benchmarks.report.view import (
    NOTHING,
    TOO_FEW,
    Content,
    colors,
    roughness,
    sequence_metric,
    signed,
)
from benchmarks.scores import Scores
from benchmarks.statistics import Comparison


def comparison_section(content: Content) -> str:
    """Each tracker beside the best, then every pair, from which page.js lets one be chosen."""
    scores = content.scores
    beside_best = [c for c in scores.paired if c.reference == scores.ranking[0]]
    if not beside_best:
        return ""
    metric = beside_best[0].metric
    words = (
        f"Differences of {METRICS[metric].label}, paired: on the same sequences. 95 % bootstrap "
        f"intervals over sequences, not corrected for the number of comparisons.{roughness(scores)}"
    )
    caption = quiet(escape(f"{words} {content.setting}"))
    body = caption + _best_table(scores, beside_best) + _pair_table(scores)
    return section("Side by side", body)


def all_pairs(scores: Scores) -> dict[tuple[str, str], Comparison]:
    """(tracker, other) -> comparison, both ways round; {} unless every pair was compared."""
    found = {(c.tracker, c.reference): c for c in scores.paired}
    found |= {(b, a): c.turned for (a, b), c in found.items() if (b, a) not in found}
    return found if len(found) == len(scores.trackers) * (len(scores.trackers) - 1) else {}


def in_words(comparison: Comparison, scores: Scores) -> str:
    """One comparison as a sentence or two, in plain text."""
    better, worse = _won_and_lost(scores)
    start = (
        f"{comparison.tracker} beside {comparison.reference}: "
        f"{signed(comparison.difference, comparison.metric)}, {better} "
        f"{100 * comparison.won:.0f} % and {worse} {100 * comparison.lost:.0f} % of the sequences"
    )
    shown = "" if _interval(comparison) == NOTHING else f"interval {_interval(comparison)}: "
    return f"{start}; {shown}{verdict(comparison, len(scores.truth))}."


def verdict(comparison: Comparison, sequences: int) -> str:
    """What the interval says, where there are sequences enough for it to say something."""
    low, high = comparison.interval
    if sequences == 1:
        return "one sequence gives no interval"
    if sequences < TOO_FEW:
        return "too few sequences to tell"
    if low != low:
        return "no interval"
    if low > 0:
        return f"{comparison.tracker} is ahead"
    if high < 0:
        return f"{comparison.reference} is ahead"
    return "these sequences do not tell them apart"


def _won_and_lost(scores: Scores) -> tuple[str, str]:
    """By what a sequence is won and lost; EAO has no value of its own on one sequence."""
    metric = sequence_metric(scores)
    if metric == scores.ranked_by:
        return "better on", "worse on"
    return tuple(f"{way} {METRICS[metric].label.lower()} on" for way in ("higher", "lower"))


def _interval(comparison: Comparison) -> str:
    low, high = comparison.interval
    if low != low:
        return NOTHING
    return f"{signed(low, comparison.metric)} to {signed(high, comparison.metric)}"


def _best_table(scores: Scores, comparisons: list[Comparison]) -> str:
    index_of = colors(scores)
    rows = []
    for one in comparisons:
        cells = [
            signed(one.difference, one.metric),
            _interval(one),
            f"{100 * one.won:.0f} %",
            f"{100 * one.lost:.0f} %",
        ]
        tail = f'<td class="word">{escape(verdict(one, len(scores.truth)))}</td>'
        rows.append(
            row(named(one.tracker, index_of), [*(f"<td>{text}</td>" for text in cells), tail])
        )
    heads = (f"Beside {scores.ranking[0]}", "difference", "95 % interval", *_won_and_lost(scores))
    return table([*map(heading, heads), heading("", kind="word")], rows)


def _pair_table(scores: Scores) -> str:
    """Row minus column; the words of each pair stand in its cell's title, for page.js."""
    pairs = all_pairs(scores)
    if len(scores.trackers) < 3 or not pairs:
        return ""
    index_of = colors(scores)
    rows = []
    for tracker in scores.ranking:
        cells = []
        for other in scores.ranking:
            if other == tracker:
                cells.append("<td></td>")
                continue
            one = pairs[tracker, other]
            low, high = one.interval
            apart = (low > 0 or high < 0) and len(scores.truth) >= TOO_FEW
            kind = ' class="apart"' if apart else ""
            difference = signed(one.difference, one.metric).replace("0.", ".", 1)
            cells.append(f'<td{kind} title="{escape(in_words(one, scores))}">{difference}</td>')
        rows.append(row(named(tracker, index_of), cells))
    head = [heading("Row minus column")]
    head += [heading(tracker, kind="up") for tracker in scores.ranking]
    bold = "; bold where the interval excludes zero" * (len(scores.truth) >= TOO_FEW)
    words = quiet(
        f"Every pair: the row's tracker minus the column's{bold}. "
        '<span class="screen">A click on a figure says it in words.</span>'
    )
    chooser = '<p class="chooser screen" hidden></p><p class="said" aria-live="polite"></p>'
    body = table(head, rows, f"pairs {breadth(len(scores.trackers))}")
    return f'<div class="any-two"><h3>Any two</h3>{words}{chooser}{body}</div>'
