"""Searches over settings of tracking: what they refuse, their rows, their table, their return."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hydra.core.plugins import Plugins

from datasets.sequence import Dataset
from engine.search import DEFAULTS, Setting, check_searchable, left_out
from engine.search_table import write_search
from ops.errors import InputError

FOOTAGE = ["dataset.count=3", "dataset.length=6", "dataset.size=[160,120]", "device=cpu"]
CACF = ["tracker=cacf", "tracker.input_size=63", *FOOTAGE]
SEARCH = ["-m", "mode=search", *CACF, "split=val"]
RATES = "tracking.learning_rate=0.05,0.9"


@pytest.fixture
def returned(monkeypatch):
    """What the jobs of the last sweep returned to the sweeper."""
    values, instantiate = [], Plugins.instantiate_launcher

    def recording(self, **given):
        launcher = instantiate(self, **given)
        launch = launcher.launch

        def launched(*args, **more):
            done = launch(*args, **more)
            values[:] = [job.return_value for job in done]
            return done

        launcher.launch = launched
        return launcher

    monkeypatch.setattr(Plugins, "instantiate_launcher", recording)
    return values


def rows_of(folder):
    """The lines of search.csv."""
    return list(csv.DictReader((folder / "search.csv").read_text().splitlines()))


def test_a_search_compares_each_setting_with_the_defaults(run, tmp_path, returned):
    longer = "dataset.length=12"  # in six frames the settings make no difference
    code, text, error = run("evaluate", *SEARCH, longer, "tracking.learning_rate=0.1,0.9")
    assert code == 0, error
    folder = tmp_path / "runs" / "search_cacf_on_synthetic"
    rows = rows_of(folder)
    # the same settings, evaluated one by one
    reports, asked = {}, {"0.1": ["tracking.learning_rate=0.1"]}
    asked |= {"0.9": ["tracking.learning_rate=0.9"], "0.01": []}
    for rate, settings in asked.items():
        assert run("evaluate", *CACF, longer, "split=val", *settings, f"name=alone_{rate}")[0] == 0
        path = tmp_path / "runs" / f"alone_{rate}" / "report.json"
        reports[rate] = json.loads(path.read_text())
    scores = {rate: one["scores"]["cacf"]["success_auc"] for rate, one in reports.items()}
    assert len(set(scores.values())) == 3  # or the order would mean nothing
    assert [row["tracking.learning_rate"] for row in rows] == sorted(
        scores, key=scores.get, reverse=True
    )
    each = {
        rate: np.array([v["success_auc"] for v in one["per_sequence"]["cacf"].values()])
        for rate, one in reports.items()
    }
    for row in rows:
        rate = row["tracking.learning_rate"]
        assert float(row["success_auc"]) == pytest.approx(scores[rate], abs=1e-6)
        interval = reports[rate]["intervals"]["cacf"]["success_auc"]
        assert [float(row["low"]), float(row["high"])] == pytest.approx(interval, abs=1e-6)
        better = each[rate] - each["0.01"]
        assert float(row["difference"]) == pytest.approx(better.mean(), abs=1e-9)
        # of three sequences, each of the extremes is drawn three times in a 27th of the draws
        drawn = [float(row["difference_low"]), float(row["difference_high"])]
        assert drawn == pytest.approx([better.min(), better.max()], abs=1e-9)
        assert int(row["better"]) == (better > 0).sum() and int(row["worse"]) == (better < 0).sum()
    assert [row["row"] for row in rows if row["tracking.learning_rate"] == "0.01"] == [DEFAULTS]
    assert returned == pytest.approx([scores["0.1"], scores["0.9"]], abs=1e-9)
    said = (folder / "search.md").read_text()
    assert "3 settings, the defaults among them" in said and "(the defaults)" in text
    best = rows[0]["tracking.learning_rate"]
    if best == "0.01":
        assert "The defaults are the best" in said
    else:
        assert f"To be used: tracking.learning_rate={best}\n" in said and "optimistic" in said
    code, text, _ = run("evaluate", "mode=table", f"runs={folder}")
    assert code == 0 and "against defaults" in text and "learning_rate=0.9" in text


def test_a_search_goes_on_where_it_was_left(run, tmp_path, returned):
    assert run("evaluate", *SEARCH, RATES)[0] == 0
    folder, first = tmp_path / "runs" / "search_cacf_on_synthetic", list(returned)
    kept = folder / "tracking.learning_rate-0.05" / "results" / "cacf"
    lost = folder / "tracking.learning_rate-0.9"
    (lost / "results" / "cacf" / "val_0001.txt").unlink()
    (lost / "setting.json").unlink()
    written = {path: path.stat().st_mtime_ns for path in kept.glob("*")}
    code, _, error = run("evaluate", *SEARCH, RATES)
    assert code == 1 and "holds an earlier run" in error
    assert run("evaluate", *SEARCH, RATES, "resume=true")[0] == 0
    assert {path: path.stat().st_mtime_ns for path in kept.glob("*")} == written
    assert returned == first and len(rows_of(folder)) == 3
    # further settings join the table, and one that the defaults have is theirs
    more = "tracking.learning_rate=0.01,0.3"
    assert run("evaluate", *SEARCH, more)[0] == 0
    names = [row["row"] for row in rows_of(folder)]
    assert len(names) == 4 and "tracking.learning_rate-0.01" not in names
    found = {row["row"]: float(row["success_auc"]) for row in rows_of(folder)}
    assert returned == pytest.approx([found[DEFAULTS], found["tracking.learning_rate-0.3"]])
    # another part of the footage is another search
    code, _, error = run("evaluate", *SEARCH, "dataset.count=2", "tracking.learning_rate=0.4,0.5")
    assert code == 1 and "another make (dataset_hash differ)" in error


def test_a_sweeper_that_asks_twice_gets_the_same_answer(run, tmp_path, returned):
    assert run("evaluate", *SEARCH, "tracking.learning_rate=0.05,0.05")[0] == 0
    assert returned[0] == returned[1] and isinstance(returned[0], float)


@pytest.mark.parametrize("split", ["test", "train"])
def test_only_a_val_split_is_searched(run, tmp_path, split):
    tracker = ["-m", "mode=search", *CACF, f"split={split}", RATES]
    code, out, error = run("evaluate", *tracker)
    assert code == 1 and out == "" and not list((tmp_path / "runs").glob("*/*"))
    (line,) = error.strip().splitlines()
    assert line.startswith("error: mode=search on synthetic") and "expected split=val" in line


def test_a_benchmark_is_never_searched(run, tmp_path, monkeypatch):
    with pytest.raises(InputError, match="OTB-2015: its split is test"):
        check_searchable(Dataset("OTB-2015", "test", []), None)
    with pytest.raises(InputError, match="evaluation.protocol=tre: mode=search expects ope"):
        check_searchable(Dataset("folder", "val", []), "tre")
    check_searchable(Dataset("folder", "val", []), "ope")
    # said to be val or not: a benchmark knows itself
    monkeypatch.setattr("datasets.otb.read_list", lambda name: [])
    asked = ["dataset=otb2015", f"data_root={tmp_path}", "split=val", RATES]
    code, out, error = run("evaluate", "-m", "mode=search", "tracker=cacf", *asked)
    assert code == 1 and out == "" and "its split is test" in error
    assert len(error.strip().splitlines()) == 1


def test_a_search_is_a_sweep_over_settings_of_tracking(run):
    code, _, error = run("evaluate", *SEARCH[1:], "tracking.learning_rate=0.1")
    assert code == 1 and "mode=search: expected -m" in error
    code, _, error = run("evaluate", *SEARCH, "tracker.input_size=63,65", RATES)
    assert code == 1 and "varies tracking.KEY=A,B,... alone, not tracker.input_size" in error
    assert len(error.strip().splitlines()) == 1


def test_what_a_checkpoint_fixes_is_not_searched(run, tmp_path):
    size = ["tracker.template_size=95", "tracker.search_size=159", "backbone.width=0.125"]
    training = (
        "device=cpu dataset.count=3 dataset.length=6 dataset.size=[160,120] trainer.max_steps=1 "
        "trainer.batch_size=2 trainer.workers=0 trainer.validate=false name=small"
    ).split()
    assert run("train", "tracker=siamfc", "tracking.damping=0.3", *size, *training)[0] == 0
    path = tmp_path / "runs" / "small" / "checkpoints" / "last.pt"
    stored = ["-m", "mode=search", f"checkpoint={path}", *FOOTAGE, "dataset.count=2", "split=val"]
    code, _, error = run("evaluate", *stored, "backbone.width=1.0", "tracking.damping=0.1,0.9")
    assert code == 1 and "holds another network than asked for: backbone.width=0.125" in error
    # the defaults are the checkpoint's own
    assert run("evaluate", *stored, "tracking.damping=0.1,0.3")[0] == 0
    rows = rows_of(tmp_path / "runs" / "search_small_on_synthetic")
    assert {row["row"]: row["tracking.damping"] for row in rows} == {
        DEFAULTS: "0.3",
        "tracking.damping-0.1": "0.1",
    }


def setting(row, values, **more):
    """A row with these figures, and the rest made up."""
    values = np.array(values, float)
    names = [f"s{index}" for index in range(len(values))]
    facts = {
        "overrides": [] if row == DEFAULTS else [f"tracking.{row}"],
        "tracking": {"rate": row, "inner": {"same": 1}},
        "metric": "success_auc",
        "score": values.mean(),
        "interval": (0.1, 0.9),
        "difference": 0.0,
        "difference_interval": (-0.1, 0.1),
        "better": 0,
        "worse": 0,
        "sequences": dict(zip(names, values.tolist(), strict=True)),
        "make": {"dataset": "made up", "part": None, "convention": "matlab_otb"},
    }
    return Setting(row=row, **(facts | more))


def write(folder, settings):
    for one in settings:
        (folder / one.row).mkdir(parents=True, exist_ok=True)
        (folder / one.row / "setting.json").write_text(json.dumps(one.__dict__))


def test_what_choosing_brings_where_it_did_not_choose():
    """Against a loop; a lucky sequence makes the best setting, and without it nothing is gained."""
    defaults, lucky = setting(DEFAULTS, [0.5, 0.5, 0.5]), setting("a", [0.9, 0.4, 0.4])
    # without the first the defaults are chosen, without the others `a`
    assert left_out([lucky, defaults]) == pytest.approx((0 - 0.1 - 0.1) / 3)
    assert left_out([defaults]) == 0
    # as good without the first, which is no reason to leave the defaults
    assert left_out([setting("b", [0.9, 0.5, 0.5]), defaults]) == 0
    random = np.random.default_rng(0).random((5, 7))
    rows = [setting(DEFAULTS if i == 2 else f"r{i}", row) for i, row in enumerate(random)]
    gained = []
    for s in range(7):
        best = np.delete(random, s, 1).mean(1).argmax()
        gained.append(random[best, s] - random[2, s])
    assert left_out(rows) == pytest.approx(np.mean(gained))
    assert np.isnan(left_out([setting(DEFAULTS, [0.5])]))


def test_the_table_says_how_far_the_best_is_to_be_believed(tmp_path):
    defaults = setting(DEFAULTS, [0.5, 0.5])
    unclear, clear = setting("a", [0.7, 0.6]), setting("b", [0.8, 0.7])
    folder: Path = tmp_path / "search"
    write(folder, [unclear, defaults])
    said = write_search(folder)
    assert "To be used: tracking.a" in said and "among 2 settings" in said
    assert "not told apart from the defaults" in said and "optimistic" in said
    write(folder, [replace(clear, difference_interval=(0.1, 0.3))])
    said = write_search(folder)
    assert "To be used: tracking.b" in said and "among 3 settings" in said
    assert "not told apart" not in said and "made up, 2 sequences, matlab_otb" in said
    held = json.loads((folder / "search.json").read_text())
    assert held["best"] == "b" and [row["row"] for row in held["rows"]] == ["b", "a", DEFAULTS]
    assert (folder / "search.csv").read_text().startswith("row,tracking.rate,success_auc,low")
    # of the screen's rows the worst are left out, and never the defaults
    write(folder, [setting(f"c{i}", [0.6, 0.6]) for i in range(20)])
    said = write_search(folder)
    assert said.count("rate=c") == 8 and f"rate={DEFAULTS} (the defaults)" in said
    assert "13 more rows" not in said and "12 more rows in the files" in said
    write(folder, [setting(DEFAULTS, [0.9, 0.9])])
    said = write_search(folder)
    assert "The defaults are the best of 23 settings" in said and "To be used" not in said


def test_one_sequence_tells_no_setting_from_the_defaults(tmp_path):
    unknown = {"interval": (np.nan, np.nan), "difference_interval": (np.nan, np.nan)}
    write(tmp_path, [setting(DEFAULTS, [0.5], **unknown), setting("a", [0.7], **unknown)])
    said = write_search(tmp_path)
    assert "To be used: tracking.a" in said
    assert "not told apart from the defaults: one sequence has no interval" in said


def test_rows_that_do_not_compare_are_refused(tmp_path):
    folder = tmp_path / "search"
    with pytest.raises(InputError, match="expected the folder of a search"):
        write_search(folder)
    make = {"dataset": "made up", "part": "3 of 4 sequences", "convention": "matlab_otb"}
    write(folder, [setting(DEFAULTS, [0.5, 0.5]), setting("a", [0.7, 0.6], make=make)])
    with pytest.raises(InputError, match=r"search/a: of another make than defaults \(part differ"):
        write_search(folder)
    (folder / "a" / "setting.json").write_text("{}")
    with pytest.raises(InputError, match="not a row of a search"):
        write_search(folder)
