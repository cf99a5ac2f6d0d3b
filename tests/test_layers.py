"""Nothing imports what stands above it, and only the commands and engine/ know Hydra."""

import ast

import pytest
from conftest import ROOT

MAY_IMPORT = {
    "ops": {"ops"},
    "backbones": {"backbones", "ops"},
    "heads": {"heads", "ops"},
    "trackers": {"trackers", "backbones", "heads", "ops"},
    "benchmarks": {"benchmarks", "ops"},
    "datasets": {"datasets", "ops"},
    "engine": {"engine", "datasets", "benchmarks", "trackers", "backbones", "heads", "ops"},
}
KNOW_HYDRA = {
    f"engine/{name}.py" for name in ("build", "instantiate", "command", "arguments", "help")
}
# Scoring starts without waiting for torch; datasets/clips.py alone makes tensors.
NO_TORCH = {
    "benchmarks",
    "datasets/synthetic",
    "datasets/benchmark",
    "engine/scoring",
    "engine/search",
}


def imported(path):
    """Top-level names of all modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module.split(".")[0]


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_layer(package):
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    for path in files:
        names, place = set(imported(path)), path.relative_to(ROOT).as_posix()
        assert names & MAY_IMPORT.keys() <= MAY_IMPORT[package], place
        assert place in KNOW_HYDRA or not names & {"hydra", "omegaconf"}, place
        if place.startswith(tuple(NO_TORCH)):
            assert not names & {"torch", "torchvision"}, place
