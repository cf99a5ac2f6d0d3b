import json
import zipfile

import numpy as np
import pytest
import torch
from conftest import sliding

from benchmarks.vot.trajectories import STARTED, TRACKED, read_trajectory
from datasets.sequence import Dataset, VOTRules
from engine.hashes import dataset_hash, source_hash
from engine.provenance import weights_hash
from engine.results import (
    Contestant,
    EvaluationSettings,
    check_evaluation,
    evaluate_all,
    track_dataset,
)
from ops.errors import InputError
from trackers import FirstBox


def dataset(count=2, length=4, name="small"):
    return Dataset(name, "test", [sliding(f"s{n}", length, (90, 80), seed=n) for n in range(count)])


def tracked(directory, contestant, footage, seed=0, batch_size=2, **settings):
    settings = EvaluationSettings(batch_size=batch_size, **settings)
    return track_dataset(contestant, footage, directory, settings, torch.device("cpu"), seed)


def otb():
    sequences = [sliding(f"s{n}", 30, (140, 90), seed=n) for n in range(2)]
    return Dataset("small", "test", sequences, protocols=("ope", "tre", "sre"), origin=1.0)


def vot(length=4):
    footage = dataset(length=length)
    for sequence in footage.sequences:  # so wide that nothing fails
        sequence.polygons = np.tile([0.0, 0, 200, 0, 200, 200, 0, 200], (length, 1))
    footage.protocols, footage.vot = ("baseline", "realtime"), VOTRules((1, 2))
    return footage


def contestant(**config):
    return Contestant("first_box", FirstBox(), "none", config)


class Shaky(FirstBox):
    """Its boxes lie as far to the right as its seed says."""

    seed = 3

    def init(self, frames, boxes):
        return super().init(frames, boxes + self.seed * torch.tensor([1.0, 0, 0, 0]))


def test_what_made_a_result_stands_beside_it(tmp_path):
    facts = tracked(tmp_path, contestant(a=1), dataset())
    held = json.loads((tmp_path / "first_box" / "made_by.json").read_text())
    assert held.items() <= facts.items()
    assert held["code_version"] == source_hash() and held["config"] == {"a": 1}
    assert facts["frames_per_second"] > 0 and "CPU" in facts["hardware"]
    boxes = np.loadtxt(tmp_path / "first_box" / "s1.txt", delimiter=",")
    np.testing.assert_allclose(boxes, dataset().sequences[1].boxes[[0] * 4], atol=1e-4)


def test_results_of_another_make_are_not_mixed_in(tmp_path):
    tracked(tmp_path, contestant(a=1), dataset())
    tracked(tmp_path, contestant(a=1), dataset())  # the same make goes on
    for other, footage, changed, words in (
        (contestant(a=2), dataset(), {}, "config differ"),
        (contestant(a=1), dataset(length=5), {}, "dataset_hash differ"),
        (contestant(a=1), dataset(), {"seed": 1}, "seed differ"),
    ):
        with pytest.raises(InputError, match=words):
            tracked(tmp_path, other, footage, **changed)


def test_only_what_is_missing_is_tracked(tmp_path):
    tracked(tmp_path, contestant(), dataset())
    kept = tmp_path / "first_box" / "s0.txt"
    kept.write_text("1,2,3,4\n" * 4)
    (tmp_path / "first_box" / "s1.txt").unlink()
    tracked(tmp_path, contestant(), dataset())
    assert kept.read_text() == "1,2,3,4\n" * 4
    assert (tmp_path / "first_box" / "s1.txt").exists()


def test_a_half_done_tre_goes_on_with_the_runs_that_are_missing(tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    tracked(whole, contestant(), otb(), protocol="tre")
    tracked(broken, contestant(), otb(), protocol="tre", batch_size=3)
    names = sorted(path.name for path in (whole / "first_box" / "tre" / "s1").iterdir())
    assert names == [f"s1_{n:03d}.txt" for n in range(1, 21)]
    runs, before = broken / "first_box" / "tre", speed_of(broken)
    kept = runs / "s0" / "s0_002.txt"
    kept.write_text("1,2,3,4\n" * 30)
    for name in ("s0/s0_001.txt", "s1/s1_020.txt"):  # 30 and 20 frames
        (runs / name).unlink()
    tracked(broken, contestant(), otb(), protocol="tre", batch_size=3)
    assert speed_of(broken)["frames"] == before["frames"] + 50
    assert kept.read_text() == "1,2,3,4\n" * 30
    for path in (whole / "first_box").rglob("s?_*.txt"):
        if path.name != kept.name:
            assert (broken / path.relative_to(whole)).read_text() == path.read_text()


def speed_of(directory):
    return json.loads((directory / "first_box" / "speed.json").read_text())


def test_one_pass_results_are_in_the_coordinates_of_the_benchmark(tmp_path):
    for protocol, path in (("ope", "s0.txt"), ("tre", "tre/s0/s0_001.txt")):
        tracked(tmp_path / protocol, contestant(), otb(), protocol=protocol)
        rows = np.loadtxt(tmp_path / protocol / "first_box" / path, delimiter=",")
        np.testing.assert_allclose(rows[0], otb().sequences[0].boxes[0] + np.array([1, 1, 0, 0]))


@pytest.mark.parametrize(("asked", "count"), [(None, 15), (2, 2)])
def test_a_tracker_that_draws_is_run_repeatedly(tmp_path, asked, count):
    shaky = Contestant("shaky", Shaky(), "none", {})
    facts = tracked(tmp_path, shaky, vot(), batch_size=4, repetitions=asked)
    assert facts["protocol"] == "baseline" and facts["repetitions"] == count
    for sequence in vot().sequences:
        folder = tmp_path / "shaky" / "baseline" / sequence.name
        paths = sorted(folder.iterdir())
        assert [path.name for path in paths] == [
            f"{sequence.name}_{n:03d}.txt" for n in range(1, count + 1)
        ]
        for repetition, path in enumerate(paths):
            trajectory = read_trajectory(path, 4)
            assert list(trajectory.states) == [STARTED, TRACKED, TRACKED, TRACKED]
            assert (trajectory.regions[1:, 0] == 40 + 3 + repetition).all()


def test_a_tracker_that_draws_nothing_is_run_once(tmp_path):
    for asked in (None, 5):
        facts = tracked(tmp_path / str(asked), contestant(), vot(), repetitions=asked)
        assert facts["repetitions"] == 1
        assert len(list((tmp_path / str(asked)).rglob("s0_*.txt"))) == 1


def test_real_time_is_one_target_at_a_time_on_stated_hardware(tmp_path):
    settings = {"protocol": "realtime", "frames_per_second": 1e-3, "grace": 1}
    facts = tracked(tmp_path, contestant(), vot(), batch_size=8, **settings)
    assert facts["batch_size"] == 1 and facts["repetitions"] == 1
    assert facts["realtime"].items() >= {"frames_per_second": 1e-3, "grace": 1}.items()
    assert "CPU" in facts["realtime"]["hardware"]
    path = tmp_path / "first_box" / "realtime" / "s1" / "s1_001.txt"
    assert list(read_trajectory(path, 4).states) == [STARTED, TRACKED, TRACKED, TRACKED]
    with pytest.raises(InputError, match="realtime differ"):
        tracked(tmp_path, contestant(), vot(), **(settings | {"grace": 2}))


def test_what_cannot_be_run_is_said_before_anything_starts():
    ope, drawn = dataset(), vot()
    for footage, settings, words in (
        (ope, {"protocol": "opee"}, "evaluation.protocol=opee: expected one of"),
        (ope, {"protocol": "baseline"}, "evaluation.protocol=baseline: small has ope"),
        (drawn, {"protocol": "ope"}, "evaluation.protocol=ope: small has baseline, realtime"),
        (ope, {"repetitions": 3}, "evaluation.repetitions=3: evaluation.protocol=ope has none"),
        (drawn, {"repetitions": 0}, "evaluation.repetitions=0"),
        (ope, {"batch_size": 0}, "evaluation.batch_size=0"),
        (drawn, {"frames_per_second": 0}, "evaluation.frames_per_second=0"),
        (drawn, {"grace": -1}, "evaluation.grace=-1"),
    ):
        with pytest.raises(InputError, match=words):
            check_evaluation(footage, EvaluationSettings(**settings))
    check_evaluation(ope, EvaluationSettings(repetitions=1))

    def missing():
        raise InputError("s0: 1 of 4 pictures are missing")

    ope.sequences[0].check_pictures = missing
    with pytest.raises(InputError, match="1 of 4 pictures"):
        check_evaluation(ope, EvaluationSettings())


@pytest.mark.parametrize("server", ["got10k", "trackingnet"])
def test_where_a_server_scores_an_archive_is_written(tmp_path, capsys, server):
    footage = dataset()
    footage.server = server
    for sequence in footage.sequences:
        sequence.boxes[1:] = np.nan  # the truth is the server's
    settings = EvaluationSettings(batch_size=2)
    evaluate_all([contestant()], footage, tmp_path, settings, torch.device("cpu"), 0)
    assert str(tmp_path / "first_box.zip") in capsys.readouterr().out
    assert not (tmp_path / "report.json").exists()
    with zipfile.ZipFile(tmp_path / "first_box.zip") as archive:
        names = set(archive.namelist())
        timed = {f"s{n}/s{n}_{kind}.txt" for n in (0, 1) for kind in ("001", "time")}
        assert names == (timed if server == "got10k" else {"s0.txt", "s1.txt"})
        if server == "got10k":
            seconds = np.loadtxt(archive.read("s0/s0_time.txt").decode().splitlines())
            assert seconds.shape == (4,) and (seconds > 0).all()


def test_hashes_follow_what_they_are_of():
    one, other = torch.nn.BatchNorm1d(3), torch.nn.BatchNorm1d(3)
    assert weights_hash(one) == weights_hash(other)
    other.running_mean[1] = 1e-7  # a buffer counts
    assert weights_hash(one) != weights_hash(other)
    changed = dataset()
    changed.sequences[0].boxes[2, 1] += 1e-9
    assert dataset_hash(dataset()) == dataset_hash(dataset()) != dataset_hash(changed)
