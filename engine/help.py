"""`--help`: what can be chosen, and every key with its value and its meaning.

The meanings are the comments of the files in configs/ that the command line composes.
"""

import re
from pathlib import Path
from typing import Any

import yaml
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType
from hydra.types import RunMode
from omegaconf import OmegaConf

INTERNAL = {"command", "paper", "small", "hydra"}  # groups that others are made of
COLUMN = 44  # where meanings stand


def help_text(config_path: str, config_name: str, overrides: list[str]) -> str:
    """What `python NAME.py OVERRIDES --help` prints, one line a key.

    Raises what Hydra raises of overrides that do not compose.
    """
    with initialize_config_dir(config_path, version_base="1.3"):
        config = compose(config_name, overrides)
        loader = GlobalHydra.instance().config_loader()
        used = loader.compute_defaults_list(config_name, overrides, RunMode.RUN).defaults
        groups = [f"  {group}: {', '.join(names)}" for group, names in _groups(loader)]
    meanings: dict[str, str] = {}
    for part in used:
        file = Path(config_path, f"{part.config_path}.yaml")
        if file.exists():
            meanings |= _meanings(file.read_text(), part.package or "")
    keys = _lines(OmegaConf.to_container(config), meanings)
    usage = f"python {config_name}.py KEY=VALUE ...      (README.md has examples)"
    chosen = "GROUP=NAME, of configs/; a group with / is a table, +GROUP=NAME one of its rows:"
    said = "KEY=VALUE, with what GROUP=NAME beside --help makes of them:"
    return "\n".join([usage, "", chosen, "", *groups, "", said, "", *(f"  {key}" for key in keys)])


def _groups(loader) -> list[tuple[str, list[str]]]:
    """Each group with its options, tables after the group that they lie in."""
    found = []
    waiting = [name for name in loader.list_groups("") if name not in INTERNAL]
    while waiting:
        group = waiting.pop(0)
        options = loader.get_group_options(group, ObjectType.CONFIG)
        found += [(group, options)] if options else []
        waiting = [f"{group}/{name}" for name in loader.list_groups(group)] + waiting
    return found


def _meanings(text: str, package: str) -> dict[str, str]:
    """The comments behind keys, and those on lines of their own before one, by dotted key."""
    found: dict[str, str] = {}
    path: list[tuple[int, str]] = [(-1, package)] if package else []
    before: list[str] = []
    for line in text.splitlines():
        comment = re.fullmatch(r"\s*#\s?(.*)", line)
        key = re.match(r"(\s*)(\w+):(?:\s|$)", line)
        if comment:
            before.append(comment[1].strip())
            continue
        if key:
            indent = len(key[1])
            path = [(depth, name) for depth, name in path if depth < indent]
            path.append((indent, key[2]))
            behind = re.search(r"\s#\s(.*)$", line)
            meaning = behind[1] if behind else " ".join(before)
            if meaning and key[2] != "defaults" and not meaning.startswith("@package"):
                found[".".join(name for _, name in path)] = meaning
        before = []
    return found


def _lines(node: dict[str, Any], meanings: dict[str, str], path: str = "") -> list[str]:
    lines = []
    indent = "  " * path.count(".")
    for key, value in node.items():
        dotted = f"{path}{key}"
        inner = isinstance(value, dict) and bool(value)
        line = f"{indent}{key}:" if inner else f"{indent}{key}: {_flow(value)}"
        meaning = meanings.get(dotted)
        lines.append(f"{line:{COLUMN}}  # {meaning}" if meaning else line)
        if inner:
            lines += _lines(value, meanings, f"{dotted}.")
    return lines


def _flow(value: Any) -> str:
    """A value as the command line takes it."""
    text = yaml.safe_dump(value, default_flow_style=True, width=float("inf"), sort_keys=False)
    return text.strip().removesuffix("\n...")  # what ends a scalar's document
