"""The papers' ablation tables as commands: a sweep trains the rows, a table shows them."""

import pytest
from conftest import COMMANDS, ROOT
from hydra.core.hydra_config import HydraConfig


def rows_of(table):
    """TABLE/ROW of its files."""
    folder = ROOT / "configs" / "experiment" / table
    return [f"{table}/{path.stem}" for path in sorted(folder.glob("*.yaml"))]


def test_a_sweep_over_a_table_is_a_job_a_row(run, tmp_path, monkeypatch):
    jobs = {}

    def record(config):
        jobs[config.name] = HydraConfig.get().runtime.output_dir

    monkeypatch.setitem(COMMANDS, "train", record)
    assert run("train", "-m", "+experiment/rar_components=glob(*)")[0] == 0
    rows = rows_of("rar_components")
    assert jobs == {row: str(tmp_path / "runs" / row) for row in rows}


def test_a_sweep_over_seeds_has_a_folder_for_each(run, tmp_path, monkeypatch):
    jobs = {}

    def record(config):
        jobs[HydraConfig.get().runtime.output_dir] = config.name, config.seed

    monkeypatch.setitem(COMMANDS, "train", record)
    table = "rasnet_attention_small"
    assert run("train", "-m", f"+experiment/{table}=glob(*)", "seed=0,1,2")[0] == 0
    assert len(jobs) == 18
    assert jobs == {
        str(tmp_path / "runs" / row / f"seed-{seed}"): (row, seed)
        for row in rows_of(table)
        for seed in range(3)
    }


def test_a_row_trains_is_evaluated_and_stands_in_its_table(run, tmp_path):
    tiny = (
        "backbone.outputs=[conv2] head.hidden_channels=4 head.width=8 head.out_channels=4 "
        "tracker.input_size=63 device=cpu dataset.count=1 dataset.length=6 test_dataset.count=1 "
        "test_dataset.length=3 trainer.max_steps=1 trainer.batch_size=1 trainer.workers=0 "
        "trainer.validate=false"
    ).split()
    code, _, error = run("train", "-m", "+experiment/rar_components=glob(vgg*)", *tiny)
    assert code == 0, error
    code, text, _ = run("evaluate", "mode=table", "runs=runs")
    lines = {line.split()[0]: line for line in text.splitlines() if " | " in line}
    assert code == 0 and "synthetic, ope, 1 sequence" in lines["vgg_m"]
    assert "trained, step 1 " in lines["vgg_m"] and lines["vgg_m"].endswith("0.635    0.841")
    assert "trained" not in lines["full"] and lines["full"].endswith("0.664    0.873")
    folder = tmp_path / "runs" / "rar_components"
    assert sorted(path.name for path in folder.iterdir()) == ["table.md", "vgg_m"]
    # a table leaves no run directory of its own
    assert {path.name for path in folder.parent.iterdir()} == {"rar_components"}


def test_seeds_of_a_row_train_and_stand_in_its_table(run, tmp_path):
    tiny = (
        "seed=0,1 ++backbone.width=0.125 device=cpu dataset.count=1 dataset.length=6 "
        "test_dataset.count=1 test_dataset.length=3 trainer.max_steps=1 trainer.batch_size=1"
    ).split()
    code, _, error = run("train", "-m", "+experiment/rasnet_attention_small=dual", *tiny)
    assert code == 0, error
    folder = tmp_path / "runs" / "rasnet_attention_small"
    assert {path.name for path in (folder / "dual").iterdir()} == {"seed-0", "seed-1"}
    code, text, _ = run("evaluate", "mode=table", "runs=runs/rasnet_attention_small")
    (line,) = [line for line in text.splitlines() if line.startswith("dual ")]
    assert code == 0 and "synthetic, ope, 1 sequence" in line and " 0, 1 " in line
    assert "trained, step 1 " in line and "0.660" in line


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["mode=tabel"], "mode=tabel: expected one of track, score, table"),
        (["mode=table"], "runs=null: mode=table expects runs=DIR"),
        (["mode=table", "runs=nowhere"], "no such folder"),
        (["mode=table", "runs=."], "no row was found"),
    ],
)
def test_a_wrong_mode_or_folder_is_one_line(run, tmp_path, arguments, words):
    code, _, error = run("evaluate", *arguments)
    assert code == 1 and len(error.splitlines()) == 1 and words in error
    assert not list(tmp_path.iterdir())
