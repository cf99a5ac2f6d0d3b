"""Weights made out of a checkpoint: what is in the file, and what its card says."""

import hashlib
import json
import runpy
import shlex
import sys
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import ROOT, sliding
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from small_weights import small_checkpoint

from engine.build import load_tracker
from engine.checkpoints import Checkpoints, load_checkpoint
from engine.evaluation import Evaluation
from engine.provenance import weights_hash
from ops.errors import InputError

TOOL = SimpleNamespace(**runpy.run_path(str(ROOT / "tools" / "export_weights.py")))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    home = tmp_path_factory.mktemp("home of someone")
    told = [
        f"data_root='{home}/footage of mine'",
        f"cache.directory='{home}'",
        f"hydra.run.dir='{home}/runs'",
        *("dataset.count=7", "resume=true", "device=cpu", "optimizer.learning_rate=0.02"),
        *("trainer.workers=2", "name=mine", "seed=3", "trainer.epochs=12"),
    ]
    return small_checkpoint(home / "run", *told)


@pytest.fixture
def exported(checkpoint, tmp_path):
    TOOL.export(checkpoint, "small", [], [], "Of no use.", tmp_path)
    return tmp_path / "small.pt"


def load(path):
    return load_tracker(str(path), OmegaConf.create({"seed": 0}), [])[0].eval()


def test_the_exported_tracker_is_the_original(checkpoint, exported):
    before, after = load(checkpoint), load(exported)
    assert {value.dtype for value in after.state_dict().values()} == {torch.float32, torch.int64}
    for name, value in before.state_dict().items():
        torch.testing.assert_close(after.state_dict()[name], value, rtol=1e-3, atol=1e-7)
    assert weights_hash(before) != weights_hash(after)
    # One step each: an untrained tracker loses its target by and by, and then anything can be.
    sequences = [sliding(f"s{seed}", 2, (120, 90), seed=seed) for seed in range(8)]
    found = [dict((s.name, b) for s, b in Evaluation(t).run(sequences)) for t in (before, after)]
    for sequence in sequences:
        one, other = found[0][sequence.name], found[1][sequence.name]
        assert np.abs(one[-1] - one[0]).max() > 0.3  # it moves
        np.testing.assert_allclose(one, other, atol=0.1)


def test_only_what_tracks_is_in_the_file(checkpoint, exported):
    held = load_checkpoint(exported)
    assert set(held) == {"format", "versions", "config", "model", "step"} and held["step"] == 10
    assert set(held["config"]) == set(TOOL.KEPT) and held["config"]["seed"] == 3
    assert not {"weights", "frozen"} & held["config"]["backbone"].keys()
    full = load_checkpoint(checkpoint)
    assert held["versions"] == full["versions"]
    for name, value in held["model"].items():
        counts = name.endswith("num_batches_tracked")
        assert value.dtype == (torch.int64 if counts else torch.float16)
        assert not counts or value == 70_001
    values = sum(value.numel() for value in held["model"].values())
    assert exported.stat().st_size < 2 * values + 300 * len(held["model"]) + 10_000


def test_no_path_of_the_machine_gets_out(checkpoint, exported):
    home = str(checkpoint.parents[2])
    with zipfile.ZipFile(exported) as file:
        inside = b"".join(file.read(name) for name in file.namelist())
    texts = [path.read_text() for path in (exported.parent).glob("*.md")]
    assert len(texts) == 2
    for text in (inside.decode("latin-1"), *texts):
        assert home not in text and "someone" not in text and str(ROOT) not in text
    assert TOOL.without_paths("[/a b/c,../d,~/e,$HOME/f,g/h] C:\\i") == (
        "[PATH,PATH,PATH,PATH,g/h] PATH"
    )


def test_the_command_on_the_card_trains_the_same(checkpoint, exported):
    lines = exported.with_suffix(".md").read_text().splitlines()
    (command,) = [line for line in lines if line.startswith("python train.py")]
    overrides = shlex.split(command)[2:]
    assert "data_root='PATH'" in overrides and "seed=3" in overrides and "name=mine" in overrides
    for word in ("resume", "device", "hydra", "workers", "cache"):
        assert word not in command
    with initialize_config_dir(str(ROOT / "configs"), version_base="1.3"):
        config = compose("train", overrides)
    full = load_checkpoint(checkpoint)["config"]
    for key in ("tracker", "backbone", "head", "tracking", "optimizer", "clip", "dataset"):
        assert OmegaConf.to_container(config[key], resolve=True) == full[key]
    assert config.trainer.epochs == full["trainer"]["epochs"] == 12


def test_the_card_says_what_it_is(exported):
    card = exported.with_suffix(".md").read_text()
    digest = hashlib.sha256(exported.read_bytes()).hexdigest()
    for words in (
        "Of no use.",
        digest,
        f"{exported.stat().st_size:,} bytes",
        "rar on resnet18, head rar",
        "synthetic footage alone, from random initialisation",
        "count=7",
        "| seed | 3 |",
        "10 of 4 clips, 40 clips seen",
        "0.02 to 0.0001",
        f"torch {torch.__version__}",
        "Apache-2.0",
        "None were measured",
    ):
        assert words in card, words


@pytest.mark.parametrize(
    ("told", "data"),
    [
        (["dataset=folder"], "folder"),
        (["trainer.validate=true", "val_dataset=folder", "val_dataset.root=/a"], "folder"),
        (["backbone.weights=/b/mine.pt"], "the backbone's mine.pt"),
        (["dataset=synthetic_real", "data_root.folder=/a", "data_root.coco=/a"], "coco"),
    ],
)
def test_other_peoples_data_is_named(told, data, tmp_path, monkeypatch):
    monkeypatch.setattr("small_weights.build_tracker", lambda config: _stand_in(tmp_path))
    monkeypatch.setitem(TOOL.export.__globals__, "load_tracker", lambda *a: (_stand_in(tmp_path),))
    path = small_checkpoint(tmp_path / "run", *told)
    TOOL.export(path, "other", [], [], folder=tmp_path)
    card = (tmp_path / "other.md").read_text()
    assert data in card and "terms of what it was trained on" in card
    assert "free of other people" not in card and "/a" not in card and "/b" not in card


def _stand_in(_):
    return torch.nn.Linear(2, 2)


def report_of(exported, path, **changed):
    """A report in which these weights have a score."""
    tracking = load_checkpoint(exported)["config"]["tracking"]
    facts = {"weights_hash": weights_hash(load(exported)), "config": {"tracking": tracking}}
    path.write_text(
        json.dumps({
            "benchmark": "real",
            "part": None,
            "protocol": "ope",
            "convention": "matlab_otb",
            "sequences": {"a": {}, "b": {}},
            "scores": {
                "first_box": {"success_auc": 0.1, "precision_20": 0.1},
                "rar": {"success_auc": 0.6123, "precision_20": 0.75},
            },
            "intervals": {"rar": {"success_auc": [0.5, 0.7], "precision_20": [None, None]}},
            "made_by": {"first_box": {}, "rar": facts | changed},
        })
    )  # fmt: skip
    return path


def test_scores_are_those_of_these_weights(checkpoint, exported):
    folder = exported.parent
    report = report_of(exported, folder / "report.json")
    TOOL.export(checkpoint, "small", [report], [], "", folder)
    card = exported.with_suffix(".md").read_text()
    row = "| real | 2 sequences | ope | matlab_otb | 0.612 [0.500, 0.700] | 0.750 | this file |"
    assert row in card and "None were measured" not in card
    original = report_of(exported, report, weights_hash=weights_hash(load(checkpoint)))
    TOOL.export(checkpoint, "small", [original], [], "", folder)
    assert "| before rounding |" in exported.with_suffix(".md").read_text()
    assert "0.612 [0.500, 0.700], real" in (folder / "README.md").read_text()

    held = exported.read_bytes()
    for changed, words in (
        ({"weights_hash": "0123456789abcdef"}, "no score of these"),
        ({"config": {"tracking": {"scales": 5}}}, "other settings"),
    ):
        report_of(exported, report, **changed)
        with pytest.raises(InputError, match=words):
            TOOL.export(checkpoint, "small", [report], [], "Changed.", folder)
    assert exported.read_bytes() == held
    assert "Changed." not in exported.with_suffix(".md").read_text()


def test_settings_of_tracking_that_were_found_later(checkpoint, tmp_path):
    TOOL.export(checkpoint, "small", [], ["scale_step=1.04"], "", tmp_path)
    assert load_checkpoint(tmp_path / "small.pt")["config"]["tracking"]["scale_step"] == 1.04
    assert "scale_step (trained with 1.02)" in (tmp_path / "small.md").read_text()
    with pytest.raises(InputError, match="--tracking damping=1: expected KEY=VALUE.*scales"):
        TOOL.export(checkpoint, "small", [], ["damping=1"], "", tmp_path)


def test_the_command_line_hands_its_settings_on(checkpoint, monkeypatch):
    line = ["export_weights.py", str(checkpoint), "--tracking", "damping=1", "small"]
    monkeypatch.setattr(sys, "argv", line)
    with pytest.raises(SystemExit, match="error: --tracking damping=1: expected KEY=VALUE"):
        TOOL.main()


def test_what_half_precision_cannot_hold(tmp_path):
    def change(model):
        next(v for n, v in model.items() if n.endswith("running_var"))[0] = 70_000

    path = small_checkpoint(tmp_path / "run", change=change)
    with pytest.raises(InputError, match=r"running_var: half precision cannot hold .* 70000"):
        TOOL.export(path, "small", [], [], "", tmp_path)
    assert not (tmp_path / "small.pt").exists()

    thousandth = 1 + 2.0**-11 + 2.0**-12  # half has 10 bits behind the point: rounds to 1 + 2^-10
    model = {"exact": torch.tensor([0.5, 3]), "rounded": torch.tensor([0.0, thousandth])}
    rounded, change = TOOL.half_precision(model)
    assert rounded["rounded"].tolist() == [0, 1 + 2.0**-10]
    assert change == f"{2.0**-12 / thousandth:.2g} (`rounded`)"
    vanishing = torch.tensor([1e-9])  # below the smallest number: all of it is lost
    assert TOOL.half_precision({"lost": vanishing})[1] == "1 (`lost`)"


def test_training_does_not_go_on_from_it(checkpoint, exported, tmp_path):
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    (folder / "last.pt").write_bytes(exported.read_bytes())
    with pytest.raises(InputError, match="weights alone"):
        Checkpoints(folder, None, 5).newest()
    (folder / "previous.pt").write_bytes(checkpoint.read_bytes())
    assert "optimizer" in Checkpoints(folder, None, 5).newest()
    with pytest.raises(InputError, match="expected a checkpoint of train.py"):
        TOOL.export(exported, "again", [], [], "", tmp_path)


def test_a_torn_or_altered_file_is_refused(exported, tmp_path):
    whole = exported.read_bytes()
    middle = len(whole) // 2
    altered = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    for broken in (whole[:-100], whole[:middle], altered, b""):
        path = tmp_path / "broken.pt"
        path.write_bytes(broken)
        with pytest.raises(InputError, match="torn, or not a checkpoint"):
            load_checkpoint(path)


def test_the_index_keeps_a_row_for_each_file(checkpoint, tmp_path):
    (tmp_path / "README.md").write_text(f"Before.\n\n{TOOL.INDEX_HEAD}\nAfter.\n")
    for name in ("second", "first", "second"):
        TOOL.export(checkpoint, name, [], [], "", tmp_path)
    text = (tmp_path / "README.md").read_text()
    assert text.startswith("Before.\n\n| weights |") and text.endswith("|\n\nAfter.\n")
    rows = [line.split(" |")[0] for line in text.splitlines() if line.startswith("| [")]
    assert rows == ["| [first](first.md)", "| [second](second.md)"]
    (tmp_path / "first.pt").unlink()
    TOOL.export(checkpoint, "third", [], [], "", tmp_path)
    text = (tmp_path / "README.md").read_text()
    assert "first" not in text and "[second]" in text and "[third]" in text
    with pytest.raises(InputError, match="NAME=../a"):
        TOOL.export(checkpoint, "../a", [], [], "", tmp_path)
