"""`--tracking KEY=VALUE` of the scripts: other settings of tracking than a checkpoint holds."""

import argparse
from collections.abc import Sequence
from typing import Any

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ops.errors import InputError


def add_tracking(parser: argparse.ArgumentParser) -> None:
    """Let a script take the option, once a setting."""
    help = "a setting of tracking, as scale_step=1.02; repeatable"
    parser.add_argument("--tracking", action="append", default=[], metavar="KEY=VALUE", help=help)


def read_tracking(settings: Sequence[str], held: dict[str, Any], checkpoint: str) -> dict[str, Any]:
    """The settings by key, their values read as YAML: 1.02 is a number.

    Args:
        settings: KEY=VALUE each.
        held: the checkpoint's own settings of tracking.
        checkpoint: its name, for errors.

    Raises InputError for what is no KEY=VALUE, and for a key that the tracker does not have.
    """
    values = {}
    for setting in settings:
        if "=" not in setting or setting.partition("=")[0] not in held:
            raise InputError(
                f"--tracking {setting}: expected KEY=VALUE with a KEY of {checkpoint}, one of "
                f"{', '.join(held)}"
            )
        try:
            values |= OmegaConf.to_container(OmegaConf.from_dotlist([setting]), resolve=True)
        except (yaml.YAMLError, OmegaConfBaseException) as error:
            raise InputError(f"--tracking {setting}: expected a value as in YAML") from error
    return values
