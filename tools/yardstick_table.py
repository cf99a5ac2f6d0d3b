"""The yardstick's table.md, of the report that scores all of its rows."""

import re


def tables(report: dict) -> str:
    """Of a report.json: a row a tracker, best first, then success AUC with a row a sequence."""
    best_first, sequences = report["ranking"], report["sequences"]
    frames = sum(facts["frames"] for facts in sequences.values())
    scores = [["tracker", "success AUC", "95 % interval", "precision at 20 px", "95 % interval"]]
    scores[0].append("from")
    for name in best_first:
        cells = [name]
        for metric in ("success_auc", "precision_20"):
            low, high = report["intervals"][name][metric]
            cells.append(f"{report['scores'][name][metric]:.3f}")
            cells.append("one sequence" if low is None else f"{low:.3f} to {high:.3f}")
        scores.append([*cells, origin(report["made_by"][name])])
    each = [["sequence", "frames", *best_first]]
    for sequence, facts in sequences.items():
        found = [report["per_sequence"][name][sequence]["success_auc"] for name in best_first]
        each.append([sequence, str(facts["frames"]), *(f"{auc:.3f}" for auc in found)])
    said = [f"- {note}" for note in report["notes"]]
    said += [f"- {name} is not scored: {reason}" for name, reason in report["refused"].items()]
    said += versions(report["made_by"])
    count = f"{len(sequences)} sequence{'s' * (len(sequences) > 1)}"
    heading = f"{report['benchmark']}: {frames:,} frames of {count}, "
    heading += f"{report['protocol'].upper()}, {report['convention']}"
    parts = [heading, table(scores), "Success AUC of each sequence:", table(each), *said]
    return "\n\n".join(parts) + "\n"


def table(rows: list[list[str]]) -> str:
    """Rows of text, the heads first, as Markdown whose columns stand below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows = [rows[0], [":" + "-" * (width - 1) for width in widths], *rows[1:]]
    lines = [[cell.ljust(w) for cell, w in zip(row, widths, strict=True)] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def origin(made_by: dict) -> str:
    """In a few words, what a row's boxes come from: the weights, without this machine's folders."""
    tracker = (made_by.get("config") or {}).get("tracker")
    if isinstance(tracker, str):  # tools/opencv_trackers.py says it in words
        return f"{tracker}, seed {made_by['seed']}"
    return re.sub(r"(^|, )[^,]*/", r"\1", made_by["weights"])


def versions(made_by: dict[str, dict]) -> list[str]:
    """A word where rows were made by different versions of the code."""
    found: dict[str, list[str]] = {}
    for name, facts in made_by.items():
        if "code_version" in facts:
            found.setdefault(facts["code_version"], []).append(name)
    if len(found) < 2:
        return []
    told = "; ".join(f"{version}: {', '.join(names)}" for version, names in found.items())
    return [f"- Rows were made by different versions of the code. {told}"]
