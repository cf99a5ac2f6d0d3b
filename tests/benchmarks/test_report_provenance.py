"""What a report says of its making: the part that was scored, notes, refusals, provenance."""

import re
from dataclasses import replace

import numpy as np
import pytest
from made_up_scores import Page, load_strictly, made_up, nothing_published

from benchmarks.report import write_report
from benchmarks.report.provenance import split_provenance
from benchmarks.scoring import score
from benchmarks.truth import Truth

REASON = "sequence a is too short, at which pysot stops"


def write(folder, scores, provenance=None, **more):
    given = {"benchmark": "made up", "published": nothing_published} | more
    write_report(folder, scores, provenance or {}, **given)
    return (folder / "report.html").read_text()


def test_a_part_of_a_benchmark_is_said_everywhere(tmp_path):
    scores = replace(made_up(), notes=("Short results.", "a note"), refused={"bad": "no file"})
    text = write(tmp_path, scores, part="5 of 100 sequences", notes=["a note", "More."])
    said = ["A part of made up: 5 of 100 sequences.", "a note", "More.", "Short results."]
    said.append("bad is not scored (convention matlab_otb): no file.")
    assert re.findall("<li>(.*?)</li>", text.split("</ul>")[0]) == said
    setting = "made up, OPE, convention matlab_otb, 5 of 100 sequences."
    sections = [part.split("</section>")[0] for part in text.split("<section ")[1:]]
    assert len(sections) == 6 and all(setting in section for section in sections)
    report = load_strictly(tmp_path / "report.json")
    assert report["part"] == "5 of 100 sequences"
    assert report["notes"] == ["a note", "More.", "Short results."]
    top, *tables = (tmp_path / "report.md").read_text().replace("\\", "").split("\n## ")
    assert all(f"- {one}\n" in top + "\n" for one in said)
    assert len(tables) == 2 and all(setting in one for one in tables)
    comments, *tables = (tmp_path / "report.tex").read_text().replace("\\_", "_").split(r"\begin{t")
    assert f"% {setting}\n" in comments and all(f"% {one}\n" in comments for one in said)
    tables = [one for one in tables if one.startswith("able")]
    for table in tables:
        assert setting in table.split(r"\caption")[1].splitlines()[0]
    assert (tmp_path / "report.tex").read_text().count("Short results.") == 1 + len(tables) == 3
    whole = write(tmp_path, made_up())
    assert "A part of" not in whole and "convention matlab_otb, 5 sequences." in whole


def test_a_note_that_says_the_part_too_is_said_once(tmp_path):
    text = write(tmp_path, made_up(), part="5 of 9", notes=["A part of made up: 5 of 9."])
    assert text.count("A part of made up: 5 of 9.") == 1


def test_nested_provenance_is_folded_at_the_end(tmp_path):
    config = {"backbone": {"name": "<r50>", "weights": None}, "stages": [{"stride": 8}, 3]}
    provenance = {
        "ours": {"weights": "best.pt", "weights_hash": "a" * 40, "config": config, "part": None},
        "theirs": {"weights": "none", "weights_hash": "b" * 40, "config": config, "part": None},
    }
    text = write(tmp_path, made_up(), provenance)
    top, end = text.split("<main>")[0], text.split('id="what-made-the-results"')[1]
    assert "r50" not in top and "config" not in top and "<dt>part</dt>" not in top
    lines = "backbone:\n  name: &lt;r50&gt;\nstages:\n- stride: 8\n- 3\n"
    assert f"<details><summary>config</summary><pre>{lines}</pre></details>" in end
    table = Page(text).tables[-1]
    assert table[1:] == [["ours", "best.pt", "a" * 12], ["theirs", "none", "–"]]
    assert load_strictly(tmp_path / "report.json")["made_by"]["ours"]["config"] == config
    provenance["theirs"] = provenance["theirs"] | {"config": {"stages": []}}
    end = write(tmp_path, made_up(), provenance).split('id="what-made-the-results"')[1]
    assert "<summary>ours: config</summary>" in end
    assert "<summary>theirs: config</summary>" in end


def test_provenance_of_one_tracker_leaves_out_what_there_is_not(tmp_path):
    facts = {"weights": "none", "weights_hash": "c" * 40, "seed": 0, "realtime": None}
    text = write(tmp_path, made_up(("ours",)), {"ours": facts})
    assert "<dt>seed</dt><dd>0</dd>" in text and "<dt>weights</dt><dd>none</dd>" in text
    assert "<dt>weights hash" not in text and "<dt>realtime" not in text
    assert "What made the results" not in text


def test_refused_trackers_and_notes_stand_at_the_top(tmp_path):
    truth = Truth("a", np.tile([10.0, 10, 5, 5], (4, 1)))
    short, whole = {"a": truth.boxes[:2]}, {"a": truth.boxes}
    scores = score({"short": short, "whole": whole}, [truth], "pysot")
    text = write(tmp_path, scores, notes=["Read this."])
    top = text.split("<main>")[0]
    assert "Read this." in top
    assert f"short is not scored (convention pysot): {REASON}." in top
    report = load_strictly(tmp_path / "report.json")
    assert report["refused"] == {"short": REASON} and list(report["scores"]) == ["whole"]
    assert "short is not scored" in (tmp_path / "report.md").read_text()


@pytest.mark.parametrize(
    ("made_by", "shared", "differing"),
    [
        ({"a": {"seed": 1, "w": "x"}}, {"seed": 1, "w": "x"}, {}),
        (
            {"a": {"seed": 1, "w": "x"}, "b": {"seed": 1}},
            {"seed": 1},
            {"a": {"w": "x"}, "b": {"w": None}},
        ),
        ({}, {}, {}),
    ],
)
def test_provenance_is_said_once_where_it_is_shared(made_by, shared, differing):
    assert split_provenance(made_by) == (shared, differing)
