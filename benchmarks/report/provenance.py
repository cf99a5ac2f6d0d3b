"""What made the results: plain values as facts or in a table, nested ones folded below."""

from collections.abc import Mapping
from html import escape

import yaml

from benchmarks.report.document import plain
from benchmarks.report.elements import fact, heading, row, section, table


def split_provenance(made_by: Mapping[str, Mapping]) -> tuple[dict, dict[str, dict]]:
    """What all trackers have in common, once, and what differs, by tracker."""
    keys = list(dict.fromkeys(key for facts in made_by.values() for key in facts))
    shared = {}
    for key in keys:
        values = [facts.get(key) for facts in made_by.values()]
        if all(value == values[0] for value in values):
            shared[key] = values[0]
    differing = {
        tracker: {key: facts.get(key) for key in keys if key not in shared}
        for tracker, facts in made_by.items()
    }
    return shared, differing if len(shared) < len(keys) else {}


def worth_saying(made_by: Mapping[str, Mapping]) -> dict[str, dict]:
    """Without values that are None, and without the hash of weights that there are none of."""
    return {
        tracker: {
            key: _known(value)
            for key, value in facts.items()
            if value is not None and not (key == "weights_hash" and facts.get("weights") == "none")
        }
        for tracker, facts in made_by.items()
    }


def shared_facts(made_by: Mapping[str, Mapping]) -> dict:
    """The plain values that all trackers have in common, for the top of a page."""
    shared, _ = split_provenance(worth_saying(made_by))
    return {key: value for key, value in shared.items() if not _nested(value)}


def made_by_section(made_by: Mapping[str, Mapping]) -> str:
    """Plain values by tracker where trackers differ, then what is nested, folded."""
    shared, differing = split_provenance(worth_saying(made_by))
    folded = [_folded(_label(key), value) for key, value in shared.items() if _nested(value)]
    for tracker, facts in differing.items():
        folded += [
            _folded(f"{tracker}: {_label(key)}", value)
            for key, value in facts.items()
            if _nested(value)
        ]
    body = _table(differing) + "".join(folded)
    return section("What made the results", body) if body else ""


def _table(differing: dict[str, dict]) -> str:
    keys = [
        key
        for key in next(iter(differing.values()), {})
        if not any(_nested(facts[key]) for facts in differing.values())
    ]
    if not keys:
        return ""
    rows = [
        row(escape(tracker), [f'<td class="word">{fact(facts[key])}</td>' for key in keys])
        for tracker, facts in differing.items()
    ]
    head = [heading("Tracker"), *(heading(_label(key), kind="word") for key in keys)]
    return table(head, rows, "wrap")


def _folded(title: str, value: object) -> str:
    lines = yaml.safe_dump(plain(value), sort_keys=False, allow_unicode=True, width=100)
    return f"<details><summary>{escape(title)}</summary><pre>{escape(lines)}</pre></details>"


def _nested(value: object) -> bool:
    return isinstance(value, Mapping | list | tuple)


def _known(value):
    """Nested values without what is None."""
    if isinstance(value, Mapping):
        return {key: _known(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_known(item) for item in value if item is not None]
    return value


def _label(key: object) -> str:
    return str(key).replace("_", " ")
