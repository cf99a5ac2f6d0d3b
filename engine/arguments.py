"""What the command line says, and the name that a run gets by it."""

import hashlib
import re
import sys
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import OmegaConf

SEARCH = "mode=search"  # of evaluate.py
KEY_VALUE = re.compile(r"[\w+~/@.]+=")


def _overrides() -> list[Override]:
    return OverridesParser.create().parse_overrides(list(filter(KEY_VALUE.match, sys.argv[1:])))


def unswept() -> list[str]:
    """KEY=VALUE of the command line as they stand there, without those of several values."""
    return [item.input_line for item in _overrides() if not item.is_sweep_override()]


def given() -> dict[str, Any]:
    """KEY=VALUE of the command line, read as Hydra reads them; None for a sweep over several."""
    return {
        override.key_or_group: None if override.is_sweep_override() else override.value()
        for override in _overrides()
    }


def asked_checkpoint(default: str | None = None) -> str | None:
    """The checkpoint that the command line asks for; None for none, and of a sweep over several."""
    asked = given().get("checkpoint", default)
    return None if asked is None else str(asked)


def add_argument(argument: str) -> None:
    """Say KEY=VALUE, too, beside those that are given: none may stand behind an option."""
    first = next(filter(KEY_VALUE.match, sys.argv[1:]))
    sys.argv.insert(sys.argv.index(first, 1), argument)


def swept_keys() -> set[str]:
    """Keys that the command line gives several values, experiments aside."""
    swept = {override.key_or_group for override in _overrides() if override.is_sweep_override()}
    return {key for key in swept if key.split("/")[0] != "experiment"}


def _tracker_label(checkpoint: str | None, tracker: str) -> str:
    """What an evaluation is named after: the run that a checkpoint comes from, or the tracker."""
    if checkpoint is None:
        return tracker
    path = Path(checkpoint).resolve()
    return path.parents[1].name if path.parent.name == "checkpoints" else path.stem


def _evaluation_name(
    mode: str,
    checkpoint: str | None,
    tracker: str,
    dataset: str,
    protocol: str | None,
    convention: str | None,
) -> str:
    """What a run of evaluate.py is called unless it is told; what a sweep varies is added later."""
    asked = {"evaluation.protocol": protocol, "convention": convention if mode == "score" else None}
    varied = swept_keys()
    how = [value for key, value in asked.items() if value is not None and key not in varied]
    verb = "search" if mode == "search" else "evaluate"
    what = "score" if mode == "score" else f"{verb}_{_tracker_label(checkpoint, tracker)}_on"
    return "_".join([what, dataset, *how])


def _sweep_row(name: str, overrides: list[str]) -> str:
    """Where a job of a sweep lies below runs/: its name, and the values of what the sweep varies.

    A row of an experiment has a name of its own, which is enough. One of a search is named by all
    that it says of tracking: its sweeper may have the keys from elsewhere.
    """
    given = [(item.lstrip("+").split("=")[0], item) for item in overrides]
    varied = [item for key, item in given if key in swept_keys()]
    if SEARCH in overrides:
        varied = [item for key, item in given if key.startswith("tracking.")] or ["defaults"]
    row = re.sub(r"[^\w.+-]+", "-", "_".join(varied)).strip("-")
    if len(row) > 100:  # a folder's name has its limits
        row = f"{row[:80]}-{hashlib.sha256(row.encode()).hexdigest()[:8]}"
    return f"{name}/{row}" if row else name


OmegaConf.register_new_resolver("tracker_label", _tracker_label, replace=True)
OmegaConf.register_new_resolver("evaluation_name", _evaluation_name, replace=True)
OmegaConf.register_new_resolver("sweep_row", _sweep_row, replace=True)
