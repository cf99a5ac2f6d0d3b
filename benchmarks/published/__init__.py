"""What the papers' ablation tables say: one YAML file a table, named as in configs/experiment/.

    source: which paper, which table
    rows:                                                # in the paper's order
      ROW: {BENCHMARK: {METRIC: figure, ...}, ...}       # {} where the paper gives none
    notes: [contradictions, derived figures, readings]

Benchmarks and metrics are called as in report.json and its headings: OTB-2015, success_auc.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class PublishedTable:
    """A paper's table: `rows` is row -> benchmark -> metric -> figure, in the paper's order."""

    source: str
    rows: dict[str, dict[str, dict[str, float]]]
    notes: tuple[str, ...] = ()


def published_names() -> tuple[str, ...]:
    """Names of the tables that there are figures of."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


@cache
def published_table(name: str) -> PublishedTable:
    """The table of that name, one of `published_names`."""
    facts = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    return PublishedTable(facts["source"], facts["rows"], tuple(facts.get("notes", ())))
