"""The yardstick's table.md: what its rows come from, and what is missing."""

import json

import pytest
from yardstick_report import REPORT

from tools.yardstick_table import origin, tables, versions


def test_the_table_says_what_rows_come_from_and_what_is_missing():
    text = tables(json.loads(REPORT))
    assert text.startswith("data: 1,200 frames of 1 sequence, OPE, matlab_otb")
    assert "| best.pt, step 7 " in text and "/home" not in text
    assert "| OpenCV 5, KCF, seed 3 |" in text
    assert text.count("one sequence") == 4
    assert "- a note" in text
    assert "- bad is not scored: 2 of 3 results are missing" in text


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ("/home/a b/runs/best.pt, step 7", "best.pt, step 7"),
        ("untrained but for its backbone, /home/mobilenet.pt",
         "untrained but for its backbone, mobilenet.pt"),
        ("untrained", "untrained"),
    ],
)  # fmt: skip
def test_folders_are_left_out_of_what_a_row_comes_from(weights, words):
    assert origin({"weights": weights}) == words


def test_rows_of_different_code_are_told():
    made_by = {"a": {"code_version": "x"}, "b": {"code_version": "y"}, "KCF": {}}
    assert versions({name: made_by[name] for name in ("a", "KCF")}) == []
    assert "x: a; y: b" in versions(made_by)[0]
