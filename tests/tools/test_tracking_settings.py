"""--tracking of the scripts."""

import argparse

import pytest

from ops.errors import InputError
from tools.tracking_settings import add_tracking, read_tracking


@pytest.mark.parametrize(
    "line", ["DIR FILE --tracking a=1 --tracking b=0.5", "DIR --tracking a=1 --tracking=b=0.5 FILE"]
)
def test_it_is_said_once_a_setting_anywhere(line):
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("files", nargs="+")
    add_tracking(parser)
    given = parser.parse_args(line.split())
    assert (given.folder, given.files) == ("DIR", ["FILE"])
    assert read_tracking(given.tracking, {"a": 3, "b": 1.0, "c": 0}, "rar") == {"a": 1, "b": 0.5}


def test_nothing_said_changes_nothing():
    parser = argparse.ArgumentParser()
    add_tracking(parser)
    assert read_tracking(parser.parse_args([]).tracking, {"a": 3}, "rar") == {}


@pytest.mark.parametrize("wrong", ["a", "d=1"])
def test_what_is_no_setting_is_named(wrong):
    with pytest.raises(InputError, match=f"--tracking {wrong}: .*KEY=VALUE with a KEY of rar, one"):
        read_tracking([wrong], {"a": 3}, "rar")


@pytest.mark.parametrize("wrong", ["a=[1", "a=${b}"])
def test_what_is_no_value_is_named(wrong):
    with pytest.raises(InputError, match="--tracking a=.*: expected a value as in YAML"):
        read_tracking([wrong], {"a": 3}, "rar")
