"""What --help prints: each key as it is composed, with the meaning that configs/ gives it."""

import subprocess
import sys

import pytest
import yaml
from conftest import ROOT
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from engine.help import help_text

CONFIGS = str(ROOT / "configs")
LINES = [
    ("train", []),
    ("train", ["tracker=cract", "backbone=hrnet_w18"]),
    ("train", ["experiment=quickstart", "trainer.epochs=3"]),
    ("train", ["+experiment/rar_components_small=full"]),
    ("train", ["dataset=hrom_mix"]),
    ("evaluate", ["tracker=siamfc", "dataset=otb2015"]),
    ("track", []),
]


@pytest.mark.parametrize(("command", "overrides"), LINES)
def test_the_keys_are_the_composed_config(command, overrides):
    text = help_text(CONFIGS, command, overrides)
    keys = text.split(" --help makes of them:\n")[1]
    with initialize_config_dir(CONFIGS, version_base="1.3"):
        composed = OmegaConf.to_container(compose(command, overrides))
    assert yaml.safe_load(keys) == composed


@pytest.mark.parametrize(
    ("overrides", "key", "meaning"),
    [
        ([], "validate_every: 1", "epochs"),  # behind the key, of a file without a package
        (["dataset=folder"], "one_based: false", "whether groundtruth_rect.txt counts"),
        (["tracker=rar"], "template_shift: 0.0", "parts of the crop's side"),
        (["dataset=hrom_mix"], "max_gap: 3", "of its frames, one a second"),  # five groups deep
    ],
)
def test_a_key_has_its_meaning(overrides, key, meaning):
    lines = help_text(CONFIGS, "train", overrides).splitlines()
    found = [line for line in lines if line.strip().startswith(key)]
    assert found and all(meaning in line for line in found)


def test_what_can_be_chosen_is_named_and_what_others_are_made_of_is_not():
    chosen = help_text(CONFIGS, "train", []).split("\n\n")[2].splitlines()
    groups = {line.split(":")[0].strip(): line for line in chosen}
    assert "rasnet" in groups["tracker"] and "hrnet_w18" in groups["backbone"]
    assert "no_channel" in groups["experiment/rar_components"]
    assert not {"command", "paper", "small", "hydra"} & set(groups)


def test_an_option_that_there_is_not_is_one_line(run):
    code, _, error = run("train", "--help", "tracker=nothing")
    assert code == 1 and error.count("\n") == 1 and "tracker/nothing" in error


@pytest.mark.parametrize("flags", [["--help"], ["--cfg", "job"]])
def test_a_reader_that_leaves_is_no_error(flags):
    arguments = [sys.executable, "train.py", *flags]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(arguments, cwd=ROOT, **pipes) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0
