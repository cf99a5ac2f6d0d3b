"""Ablation tables: made-up reports beside the papers' figures."""

import json
import re

import pytest

from benchmarks.published import published_names, published_table
from benchmarks.report import write_tables
from ops.errors import InputError


def make_report(folder, scores, weights="some.pt, step 70", benchmark="OTB-2015", **more):
    """FOLDER/report.json of trackers -> metric -> score, as the commands write it."""
    folder.mkdir(parents=True)
    report = {
        "benchmark": benchmark,
        "protocol": "ope",
        "scores": scores,
        "intervals": {
            name: {metric: [score - 0.05, score + 0.04] for metric, score in found.items()}
            for name, found in scores.items()
        },
        "per_sequence": {name: {"a": {}, "b": {}} for name in scores},
        "made_by": {name: {"weights": weights, "part": None} for name in scores},
    }
    (folder / "report.json").write_text(json.dumps(report | more))


def cells(text):
    """Of a printed table: row -> its cells, in the order of the lines."""
    lines = text.split("-----\n", 1)[1].splitlines()
    lines = [line for line in lines if not line.startswith(("paper:", "note:", "written:"))]
    return {line.split()[0]: re.split(r"\s+\|\s+|\s{2,}", line.strip())[1:] for line in lines}


def test_a_table_beside_the_papers_figures(tmp_path):
    folder = tmp_path / "rar_components"
    scores = {"success_auc": 0.601, "precision_20": 0.802, "ao": 0.5}
    make_report(
        folder / "full", {"first_box": {"success_auc": 0.2, "precision_20": 0.3}, "full": scores}
    )
    make_report(folder / "no_spatial", {"rar": scores}, "untrained but for its backbone, imagenet")
    make_report(folder / "full" / "otb2013", {"full": {"success_auc": 0.7}}, benchmark="OTB-2013")
    make_report(folder / "mine", {"mine": {"ao": 0.5}})
    (folder / "vgg_m" / "checkpoints").mkdir(parents=True)  # still training
    text = write_tables(folder)
    found = cells(text)
    paper = ["0.682", "0.896", "0.664", "0.873"]
    rows = list(published_table("rar_components").rows)
    assert rows[0] == "vgg_m" and rows[-1] == "full"
    assert list(found) == [*rows, "full/otb2013", "mine"]
    assert found["full"] == [
        "OTB-2015, ope, 2 sequences", "0.601", "0.802", "0.551 to 0.641", "trained, step 70",
        *paper,
    ]  # fmt: skip
    assert found["full/otb2013"][:3] == ["OTB-2013, ope, 2 sequences", "0.700", "-"]
    assert found["full/otb2013"][-4:] == paper
    assert found["no_spatial"][4:] == [
        "untrained but for its backbone",
        "0.665",
        "0.878",
        "0.638",
        "0.850",
    ]
    assert found["vgg_m"] == ["-"] * 5 + ["0.657", "0.853", "0.635", "0.841"]
    assert found["mine"][1:] == ["-", "-", "-", "trained, step 70", "-", "-", "-", "-"]
    assert "first version" in text and "Contradiction" in text
    heads = text.splitlines()[1:3]
    assert heads[0].split(" | ")[2:] == ["paper, OTB-2013 ", "paper, OTB-2015"]
    assert heads[1].split()[:3] == ["row", "measured", "on"]

    markdown = (folder / "table.md").read_text().splitlines()
    table = [line.strip("| ").split(" | ") for line in markdown if line.startswith("|")]
    assert {row[0]: row[1:] for row in table[2:]} == found
    assert table[0][-1] == "paper, OTB-2015: prec@20" and len({len(row) for row in table}) == 1


def test_eao_has_the_interval_where_there_is_no_success(tmp_path):
    folder = tmp_path / "hrom_modules"
    make_report(
        folder / "channel", {"channel": {"eao": 0.3}}, benchmark="VOT-2018", protocol="reset"
    )
    text = write_tables(folder)
    assert "success" not in text and "EAO" in text
    row = ["VOT-2018, reset, 2 sequences", "0.300", "0.250 to 0.340", "trained, step 70", "0.372"]
    assert cells(text)["channel"] == row


def test_a_part_of_a_benchmark_is_called_one(tmp_path):
    folder = tmp_path / "cract_pooling"
    made_by = {"pyramid": {"weights": "none", "part": "2 of 100 sequences"}}
    make_report(folder / "pyramid", {"pyramid": {"success_auc": 0.5}}, made_by=made_by)
    found = cells(write_tables(folder))["pyramid"]
    assert found[0] == "OTB-2015, ope, 2 of 100 sequences" and found[3] == "none"


def test_the_runs_config_says_which_tracker_is_the_rows_own(tmp_path):
    folder = tmp_path / "cract_pooling" / "pyramid"
    scores = {"first_box": {"success_auc": 0.1}, "mine": {"success_auc": 0.5}}
    make_report(folder, scores)
    with pytest.raises(InputError, match="none of first_box, mine is called pyramid"):
        write_tables(folder.parent)
    (folder / ".hydra").mkdir()
    (folder / ".hydra" / "config.yaml").write_text("label: mine\n")
    assert cells(write_tables(folder.parent))["pyramid"][1] == "0.500"


def test_several_tables_and_tables_of_ones_own(tmp_path):
    score = {"success_auc": 0.5}
    make_report(tmp_path / "cract_pooling" / "pyramid", {"pyramid": score})
    make_report(tmp_path / "rasnet_attention" / "dual", {"dual": score})
    make_report(tmp_path / "other" / "thin", {"thin": score})
    (tmp_path / "hrom_modules" / "full").mkdir(parents=True)
    text = write_tables(tmp_path)
    first, second = text.split("\n\n")
    assert first.startswith("cract_pooling\n") and second.startswith("rasnet_attention\n")
    assert list(cells(second)) == list(published_table("rasnet_attention").rows)
    assert cells(second)["channel"][-2] == "-" and cells(second)["dual"][-2] == "0.660"
    assert cells(second)["rasnet"][-2:] == ["0.670", "0.642"]
    assert not (tmp_path / "hrom_modules" / "table.md").exists()
    own = write_tables(tmp_path / "other")
    assert cells(own)["thin"] == ["OTB-2015, ope, 2 sequences", "0.500", "0.450 to 0.540",
                                  "trained, step 70"]  # fmt: skip
    assert "paper" not in own and (tmp_path / "other" / "table.md").exists()


def test_nothing_to_print_is_one_clear_line(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        write_tables(tmp_path / "nowhere")
    with pytest.raises(InputError, match="no row was found; expected ROW/report.json"):
        write_tables(tmp_path)
    for text in ("{", "[]", '{"scores": {"pyramid": {}}}'):
        folder = tmp_path / "cract_pooling" / "pyramid"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "report.json").write_text(text)
        with pytest.raises(InputError, match=r"report.json: not a report"):
            write_tables(folder.parent)


def test_published_figures_are_of_the_fields_kind():
    for name in published_names():
        table = published_table(name)
        assert table.source
        for figures in table.rows.values():
            assert set(figures) <= {"OTB-2013", "OTB-2015", "VOT-2018", "NfS"}
            for found in figures.values():
                assert found and set(found) <= {"success_auc", "precision_20", "eao"}
                assert all(0.2 < figure < 1 for figure in found.values())
                if "precision_20" in found:
                    assert found["success_auc"] < found["precision_20"]


def test_what_two_tables_publish_of_one_tracker_agrees():
    backbone, components = (
        published_table(f"rar_{name}").rows for name in ("backbone", "components")
    )
    assert backbone["13_deformable_conv4"] == components["full"]
    assert backbone["07_stride32"] == components["resnet50"]
    cascade = published_table("cract_refinement").rows["cascaded"]
    assert cascade == published_table("cract_classification").rows["joint"]
    assert cascade == published_table("cract_pooling").rows["pyramid"]
    heads, modules = (
        published_table(f"hrom_{name}").rows for name in ("representation", "modules")
    )
    assert heads["r1_r2_r3_r4"] == modules["baseline"]
