"""From a config node to the object that it names as `_target_`, one of this project's own classes.

Without torch: reading a dataset and scoring results start without waiting for it.
"""

import re
from inspect import signature
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import get_object, instantiate
from omegaconf import DictConfig

from datasets.sequence import Dataset
from ops.errors import InputError, check_flag

PACKAGES = ("backbones.", "heads.", "trackers.", "datasets.")


def build_dataset(config: DictConfig) -> Dataset:
    """A dataset from its config group."""
    return instantiate_part(config)


def _check_targets(node: DictConfig) -> None:
    """Raise InputError where it, or a part of it, is to be made of other than our own classes."""
    if not str(node.get("_target_")).startswith(PACKAGES):
        expected = ", ".join(PACKAGES)
        raise InputError(f"_target_={node.get('_target_')}: expected something of {expected}")
    inner = [value for value in node.values() if isinstance(value, DictConfig)]
    while inner:
        value = inner.pop()
        if "_target_" in value:
            _check_targets(value)
        else:
            inner += [part for part in value.values() if isinstance(part, DictConfig)]


def _check_flags(node: DictConfig, given: dict[str, Any]) -> None:
    """Raise InputError unless what a constructor declares as bool is true or false."""
    parameters = signature(get_object(node._target_)).parameters
    for key, value in {**node, **given}.items():
        declared = parameters[key].annotation if key in parameters else None
        if declared is bool:
            check_flag(key, value)


def _said_of_keys(text: str, target: str) -> str:
    """What Python says of an argument that `target` does not have, with those that it has."""
    unknown = re.search(
        r"(\w+)(?:\.__init__)?\(\) got an unexpected keyword argument '(\w+)'", text
    )
    if unknown is None or unknown[1] != target.rpartition(".")[2]:  # a part of it
        return text
    keys = [key for key in signature(get_object(target)).parameters if key != "self"]
    return f"no key {unknown[2]}, expected of {', '.join(keys)}; ~GROUP.{unknown[2]} drops it"


def instantiate_part(node: DictConfig, **given: Any) -> Any:
    """hydra.utils.instantiate for this project's own classes, with lists as plain lists."""
    target = node.get("_target_")
    _check_targets(node)
    try:
        built = instantiate(node, _convert_="all", **given)
    except InstantiationException as error:  # Hydra wraps what a constructor raises
        cause = error.__cause__
        if isinstance(cause, InputError):
            raise InputError(f"{cause}") from None
        if isinstance(cause, (TypeError, ValueError)):  # a key or a value that does not fit
            raise InputError(f"{target}: {_said_of_keys(str(cause), target)}") from cause
        if isinstance(cause, (ImportError, SyntaxError, NameError)):  # of the module that it names
            raise InputError(f"_target_={target}: {cause}") from cause
        raise
    _check_flags(node, given)
    return built
