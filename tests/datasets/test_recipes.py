"""The papers' recipes on tiny trees in the published layouts, from the command line."""

import json

import pytest
import torch
from training_trees import given, write_cract_trees, write_hrom_trees

SIAMESE = ["tracker.template_size=95", "tracker.search_size=159"]
RECIPES = {
    "hrom on hrom_mix": [
        *("tracker=hrom", "dataset=hrom_mix", "backbone=pixels", *SIAMESE),
        *("head.out_channels=32", "head.hidden=32"),
    ],
    "cract on cract_mix": [
        *("tracker=cract", "dataset=cract_mix", "dataset.parts.trackingnet.dataset.parts=[2]"),
        *("backbone=pixels", *SIAMESE, "head.width=32", "head.hidden=64"),
    ],
    "rasnet on vid": ["tracker=rasnet", "dataset=vid", "backbone.width=0.25", *SIAMESE],
    "rar on vid": [
        *("tracker=rar", "dataset=vid", "backbone=resnet18", "backbone.outputs=[conv2]"),
        *("head.stride=4", "head.width=8", "head.hidden_channels=4", "tracker.input_size=63"),
    ],
}
FEW = (
    "device=cpu trainer.max_steps=2 trainer.batch_size=4 trainer.validate=false "
    "trainer.log_every=1 trainer.workers=0"
).split()


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.filterwarnings("ignore:.*has no pretrained weights")
def test_recipe(run, tmp_path, recipe):
    roots = write_cract_trees(tmp_path) if "cract" in recipe else write_hrom_trees(tmp_path)
    where = [f"data_root={roots['vid']}"] if "vid" in recipe else given(roots)
    code, printed, error = run("train", *RECIPES[recipe], *where, *FEW, "name=first")
    assert code == 0, printed + error
    lines = (tmp_path / "runs/first/metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2]
    log = (tmp_path / "runs/first/train.log").read_text()
    assert "scanning" in log and " targets" in log

    # The second start reads the index, and sees the same clips.
    code, printed, error = run("train", *RECIPES[recipe], *where, *FEW, "name=second")
    assert code == 0, printed + error
    log = (tmp_path / "runs/second/train.log").read_text()
    assert "scanning" not in log and " targets" in log
    first, second = (
        torch.load(tmp_path / f"runs/{name}/checkpoints/last.pt", weights_only=True)["model"]
        for name in ("first", "second")
    )
    assert all(torch.equal(first[key], second[key]) for key in first)
