"""`--tracking KEY=VALUE ...` of the scripts: other settings of tracking than a checkpoint holds."""

import argparse
from collections.abc import Sequence
from typing import Any

from omegaconf import OmegaConf

from ops.errors import InputError


def add_tracking(parser: argparse.ArgumentParser) -> None:
    """Let a script take the option, with several settings or several times."""
    form = {"nargs": "+", "action": "extend", "default": [], "metavar": "KEY=VALUE"}
    parser.add_argument("--tracking", **form, help="settings of tracking, as scale_step=1.02")


def read_tracking(settings: Sequence[str], held: dict[str, Any], checkpoint: str) -> dict[str, Any]:
    """The settings as values; a number stands as in YAML.

    Args:
        settings: KEY=VALUE each.
        held: the checkpoint's own settings of tracking.
        checkpoint: its name, for errors.

    Raises InputError for what is no KEY=VALUE, and for a key that the tracker does not have.
    """
    for setting in settings:
        if "=" not in setting or setting.partition("=")[0] not in held:
            raise InputError(
                f"--tracking {setting}: expected KEY=VALUE with a KEY of {checkpoint}, one of "
                f"{', '.join(held)}"
            )
    return OmegaConf.to_container(OmegaConf.from_dotlist(list(settings)))
