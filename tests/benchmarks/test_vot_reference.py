"""VOT's measures of published trackers against what the toolkits say of them."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.truth import Truth
from benchmarks.vot.supervised import score_supervised
from benchmarks.vot.trajectories import find_results, read_trajectory
from datasets.vot import TAGS

TRUTH = Path(__file__).resolve().parents[2].parent / "shared" / "truth"


def read_truths(folder):
    truths = []
    for sequence in sorted(path.parent for path in folder.glob("*/groundtruth.txt")):
        lines = (sequence / "groundtruth.txt").read_text().split()
        rows = [[float(v) for v in line.split(",")] for line in lines]
        polygons = np.array([row + [np.nan] * (8 - len(row)) for row in rows])
        about = dict(line.split("=", 1) for line in (sequence / "sequence").read_text().split())
        tags = {
            path.stem: np.array(path.read_text().split()) == "1" for path in sequence.glob("*.tag")
        }
        assert tags.keys() <= set(TAGS)
        truths.append(
            Truth(
                sequence.name,
                np.zeros((len(rows), 4)),
                polygons=polygons,
                tags=tags,
                picture_size=(int(about["width"]), int(about["height"])),
            )
        )
    return truths


NAMES = {
    "pysot": {
        "accuracy": "accuracy",
        "robustness": "robustness",
        "failures": "lost_number",
        "eao": "eao",
    },
    "vot_toolkit": {
        "accuracy": "accuracy_weighted",
        "robustness": "failures_weighted_mean",
        "failures": "failures_total",
        "eao": "eao",
    },
}


@pytest.mark.parametrize("year, interval", [(2018, (100, 356)), (2019, (46, 291))])
def test_toolkits_own_figures(year, interval):
    folder = TRUTH / f"vot{year}"
    if not (folder / "reference.json").is_file():
        pytest.skip("the reference figures are not here")
    truths = read_truths(folder / "dataset")
    trackers = json.loads((folder / "reference.json").read_text())["trackers"]
    for tracker, reference in trackers.items():
        runs = [
            [
                read_trajectory(path, len(truth))
                for path in find_results(folder / "results", tracker, "baseline", truth.name)
            ]
            for truth in truths
        ]
        for toolkit, block in (("pysot", "pysot"), ("vot_toolkit", "vot_toolkit_0_9_0")):
            expected = reference[block]
            score = score_supervised(runs, truths, toolkit, interval)
            found = {name: float(figure.value()) for name, figure in score.figures.items()}
            for name, key in NAMES[toolkit].items():
                assert found[name] == pytest.approx(expected[key], abs=1e-7), (tracker, name)
            for tag, eao in expected.get("eao_by_tag", {}).items():
                if tag != "empty":  # taken along the wrong axis there
                    assert score.by_tag[tag]["eao"] == pytest.approx(eao, abs=1e-7), (tracker, tag)
            lost = "lost" if toolkit == "pysot" else "failures"
            for name, key in (("accuracy", "accuracy"), ("failures", lost)):
                np.testing.assert_allclose(
                    score.per_sequence[name],
                    [expected["per_sequence"][truth.name][key] for truth in truths],
                    atol=1e-7,
                    err_msg=f"{tracker} {name}",
                )
