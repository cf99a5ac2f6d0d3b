"""Our figures beside those that the field's own toolkits give for the same boxes."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.scoring import score, score_runs
from benchmarks.truth import Truth
from ops.box_files import read_boxes

ROOT = Path(__file__).resolve().parents[2].parent / "shared" / "truth"
pytestmark = pytest.mark.skipif(not ROOT.is_dir(), reason="no reference numbers beside the project")
SYNTHETIC = ROOT / "got10k"


@pytest.fixture(scope="module")
def synthetic():
    """(arrays by name, what the toolkits computed)."""
    arrays = dict(np.load(SYNTHETIC / "synthetic_inputs.npz"))
    return arrays, json.loads((SYNTHETIC / "synthetic_outputs.json").read_text())


CASES = {  # block of the reference: truth, flags, our convention
    "got10k_otb": ("gt", (), "got10k"),
    "got10k_trackingnet": ("gt", (), "got10k"),
    "got10k_uav123": ("gt_uav", (), "got10k"),
    "got10k_lasot": ("gt_lasot", ("absent",), "got10k"),
    "pysot_otb": ("gt", (), "pysot"),
    "pysot_uav": ("gt_uav", (), "pysot"),
    "pysot_lasot": ("gt_lasot", ("absent",), "pysot"),
    "pytracking_otb": ("gt", (), "pytracking"),
    "pytracking_uav": ("gt_uav", (), "pytracking"),
    "pytracking_lasot": ("gt_lasot", ("absent",), "pytracking"),
    "matlab_otb": ("gt", (), "matlab_otb"),
}
NAMES = {
    "success": "success_auc",
    "precision20": "precision_20",
    "norm_precision_020": "norm_precision_20",
    "avg_overlap": "ao",
}


@pytest.mark.parametrize("block", CASES)
@pytest.mark.parametrize("tracker", ["good", "mid", "bad"])
def test_made_up_boxes(synthetic, block, tracker):
    arrays, outputs = synthetic
    kind, flags, convention = CASES[block]
    names = list(outputs["lengths"])
    known = [
        Truth(
            name,
            arrays[f"{kind}/{name}"] - [1, 1, 0, 0],
            absent=arrays[f"absent/{name}"].astype(bool) if flags else None,
        )
        for name in names
    ]
    found = {name: arrays[f"pred/{tracker}/{name}"] - [1, 1, 0, 0] for name in names}
    means = score({tracker: found}, known, convention).means[tracker]
    expected = outputs["outputs"][tracker][block]
    tolerance = 1e-6 if convention == "pytracking" else 1e-9  # float32 there
    compared = 0
    for theirs, ours in NAMES.items():
        if theirs in expected:
            assert abs(means[ours] - expected[theirs]) < tolerance, (theirs, means[ours])
            compared += 1
    assert compared >= 2


@pytest.mark.parametrize("tracker", ["good", "mid", "bad"])
def test_got10k_own_protocol(synthetic, tracker):
    arrays, outputs = synthetic
    names = list(outputs["lengths"])
    known = [
        Truth(
            name,
            arrays[f"gt/{name}"],
            cover=arrays[f"cover/{name}"],
            picture_size=tuple(outputs["resolution"]),
        )
        for name in names
    ]
    found = {name: arrays[f"pred/{tracker}/{name}"] for name in names}
    scores = score({tracker: found}, known, "got10k")
    expected = outputs["outputs"][tracker]["got10k_val_protocol"]
    for ours, theirs in (("ao", "ao"), ("sr_50", "sr50"), ("sr_75", "sr75")):
        assert abs(scores.means[tracker][ours] - expected[f"{theirs}_frame_pooled"]) < 1e-9
    np.testing.assert_allclose(
        scores.curves[tracker]["success"], expected["succ_curve"], rtol=0, atol=1e-9
    )
    for name, theirs in expected["per_sequence"].items():
        ours = scores.per_sequence[tracker][name]
        assert abs(ours["ao"] - theirs["ao"]) < 1e-9
        assert abs(ours["sr_50"] - theirs["sr"]) < 1e-9


@pytest.mark.parametrize("protocol", ["sre", "tre"])
def test_runs_of_ivt(protocol):
    """The reference has the 50 sequences of TB-50 whose runs are stored."""
    boxes = np.load(ROOT / "otb" / f"{protocol}_ivt.npz")
    reference = json.loads((ROOT / "otb" / "reference.json").read_text())
    names = reference["sets"]["TB50"]
    runs = {name: [key for key in boxes.files if key.split("|")[0] == name] for name in names}
    starts = {
        name: [int(key.split("|")[1]) if protocol == "tre" else 0 for key in keys]
        for name, keys in runs.items()
    }
    found = {
        name: [boxes[key].astype(float) - [1, 1, 0, 0] for key in keys]
        for name, keys in runs.items()
    }
    known = [Truth(name, otb_truth(name)) for name in names]
    scores = score_runs({"IVT": found}, known, starts, "matlab_otb", protocol)
    expected = reference["sre_tre_ivt"][f"{protocol.upper()}|TB50"]
    for ours, theirs in (("success_auc", "auc"), ("precision_20", "dp20")):
        pooled = expected[f"{theirs}_frames_pooled_per_sequence"]
        assert abs(scores.means["IVT"][ours] - pooled) < 1e-9
        assert abs(scores.by_run["IVT"][ours] - expected[f"{theirs}_runs_averaged"]) < 1e-9


def otb_truth(name):
    folder, _, target = name.partition("-")
    file = f"groundtruth_rect.{target}.txt" if target else "groundtruth_rect.txt"
    return read_boxes(ROOT / "otb" / "dataset" / folder / file, origin=1)
