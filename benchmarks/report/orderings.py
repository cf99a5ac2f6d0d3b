"""Which orderings of the paper the measured rows reproduce, in lines of text."""

from collections.abc import Sequence

from benchmarks.ablation import Measured
from benchmarks.figures import METRICS
from benchmarks.orderings import VERDICTS, Ordering, orderings, scopes
from benchmarks.published import PublishedTable


def ordering_lines(measured: Sequence[Measured], published: PublishedTable) -> list[str]:
    """Of each set of rows that were tracked on the same sequences: how many of the paper's
    orderings come out, each pair with the reference row in full, the other pairs by verdict, and
    rows of which nothing can be said, or only of one seed. Empty where no two rows are compared.
    """
    lines = []
    for rows in scopes(measured):
        found, disagreeing = orderings(rows, published)
        if found or disagreeing:
            lines += _of_scope(rows, published, found, disagreeing)
    return lines


def _of_scope(
    rows: list[Measured],
    published: PublishedTable,
    found: list[Ordering],
    disagreeing: list[tuple[str, str]],
) -> list[str]:
    verdicts = [one.verdict for one in found]
    counts = {verdict: verdicts.count(verdict) for verdict in VERDICTS}
    as_printed = counts["reproduced"] + counts["same sign"]
    metric = METRICS[rows[0].metric].label
    lines = [
        f"orderings of the paper, in {metric} on {rows[0].setting}: {as_printed} of {len(found)} "
        f"have its sign, {counts['reproduced']} of these for sure; {len(found) - as_printed} do "
        f"not, {counts['contradicted']} of these for sure. For sure: the pair's 95 % interval "
        "excludes 0, of each pair by itself, however many there are"
    ]
    reference, others = published.reference, []
    for one in found:
        if reference in (one.better, one.worse):
            lines.append(f"  {_in_full(one)}")
        else:
            others.append(one)
    for verdict, words in VERDICTS.items():
        pairs = [_pair(one) for one in others if one.verdict == verdict]
        if pairs:
            lines.append(f"  {len(pairs)} further: {verdict}, {words}: {'; '.join(pairs)}")
    if disagreeing:
        pairs = "; ".join(" and ".join(pair) for pair in disagreeing)
        lines.append(f"  {len(disagreeing)} on which the paper's own benchmarks disagree: {pairs}")
    compared = {row for one in found for row in (one.better, one.worse)}.union(*disagreeing)
    left = [row for row in published.rows if row not in compared]
    if left:
        lines.append(f"  not measured here, or not placed by the paper: {', '.join(left)}")
    once = [one.row for one in rows if one.row in compared and len(one.seeds) == 1]
    if once:
        lines.append(
            "  intervals do not know what another seed's training comes to where there is one seed "
            f"alone: {', '.join(once)}"
        )
    return lines


def _in_full(one: Ordering) -> str:
    gaps = [f"{gap:+.3f} on {b}" for b, gap in one.published.items() if gap is not None]
    paper = ", ".join(gaps) or "no exact figure"
    low, high = one.measured.interval
    return (
        f"{one.better} above {one.worse}: paper {paper}; measured {one.measured.difference:+.3f} "
        f"({low:+.3f} to {high:+.3f}): {one.verdict}, {VERDICTS[one.verdict]}"
    )


def _pair(one: Ordering) -> str:
    return f"{one.better} above {one.worse} {one.measured.difference:+.3f}"
