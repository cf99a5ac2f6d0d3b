"""--tracking of the scripts."""

import argparse

import pytest

from ops.errors import InputError
from tools.tracking_settings import add_tracking, read_tracking


@pytest.mark.parametrize(
    "line", ["--tracking a=1 b=0.5", "--tracking a=1 --tracking b=0.5"], ids=["several", "repeated"]
)
def test_several_settings(line):
    parser = argparse.ArgumentParser()
    add_tracking(parser)
    told = parser.parse_args(line.split()).tracking
    assert read_tracking(told, {"a": 3, "b": 1.0, "c": 0}, "rar") == {"a": 1, "b": 0.5}


def test_nothing_said_changes_nothing():
    parser = argparse.ArgumentParser()
    add_tracking(parser)
    assert read_tracking(parser.parse_args([]).tracking, {"a": 3}, "rar") == {}


@pytest.mark.parametrize("wrong", ["a", "d=1"])
def test_what_is_no_setting_is_named(wrong):
    with pytest.raises(InputError, match=f"--tracking {wrong}: .*KEY=VALUE with a KEY of rar, one"):
        read_tracking([wrong], {"a": 3}, "rar")
