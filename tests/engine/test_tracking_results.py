import json

import numpy as np
import pytest
import torch
from conftest import sliding

from backbones import Pixels
from datasets.sequence import Dataset
from engine.meter import Meter
from engine.pictures import search_picture
from engine.provenance import dataset_hash, source_hash, weights_hash
from engine.results import Contestant, track_dataset
from heads.cacf import CACF
from heads.plain import PlainHead
from ops.clip import Clip
from ops.errors import InputError
from trackers import CorrelationFilterTracker, FirstBox


def dataset(count=2, length=4, name="small"):
    return Dataset(name, "test", [sliding(f"s{n}", length, (90, 80), seed=n) for n in range(count)])


def tracked(directory, contestant, footage, **changed):
    settings = {"batch_size": 2, "protocol": "ope", "device": torch.device("cpu"), "seed": 0}
    return track_dataset(contestant, footage, directory, **(settings | changed))


def contestant(**config):
    return Contestant("first_box", FirstBox(), "none", config)


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


def test_hashes_follow_what_they_are_of():
    one, other = torch.nn.BatchNorm1d(3), torch.nn.BatchNorm1d(3)
    assert weights_hash(one) == weights_hash(other)
    other.running_mean[1] = 1e-7  # a buffer counts
    assert weights_hash(one) != weights_hash(other)
    changed = dataset()
    changed.sequences[0].boxes[2, 1] += 1e-9
    assert dataset_hash(dataset()) == dataset_hash(dataset()) != dataset_hash(changed)


def test_the_meter_means_and_restarts():
    meter = Meter(batch_size=4)
    for value in (1.0, 3.0):
        with meter.waiting():
            pass
        meter.count({"loss": torch.tensor(value)})
    line = meter.read()
    assert line["loss"] == 2 and line["clips_per_second"] > 0 and 0 <= line["data_wait"] < 1
    meter.count({"loss": torch.tensor(9.0)})
    assert meter.read()["loss"] == 9


def test_the_picture_of_a_search_marks_the_response_and_the_truth():
    tracker = CorrelationFilterTracker(Pixels(1), PlainHead((3,), (1,)), CACF(), input_size=63)
    pixels = torch.zeros(1, 1, 3, 63, 63, dtype=torch.uint8)
    clip = Clip(
        torch.zeros(1, 1, 3, 105, 105, dtype=torch.uint8),
        torch.zeros(1, 1, 4),
        pixels,
        torch.tensor([[[30.0, 10, 21, 21]]]),
        torch.ones(1, 1),
        torch.ones(1, 1, dtype=torch.bool),
    )
    response = tracker._labels(torch.tensor([[[9.0, -11.0]]]), pixels)
    picture = search_picture(clip, {"responses": torch.fft.fftshift(response, dim=(-2, -1))})
    assert picture.shape == (63, 189, 3) and picture.dtype == np.uint8
    assert picture[10, 63 + 35].tolist() == [
        60,
        220,
        60,
    ]  # the top of the truth, beside the template
    overlay = picture[:, 126:].astype(int)
    bright = np.unravel_index((overlay[..., 0] - overlay[..., 2]).argmax(), (63, 63))
    assert abs(bright[0] - (31 - 11)) <= 3 and abs(bright[1] - (31 + 9)) <= 3


def test_a_response_that_covers_a_part_of_the_search_is_drawn_there():
    clip = Clip(
        torch.zeros(1, 1, 3, 31, 31, dtype=torch.uint8),
        torch.zeros(1, 1, 4),
        torch.zeros(1, 1, 3, 64, 64, dtype=torch.uint8),
        torch.tensor([[[-9.0, -9, 2, 2]]]),
        torch.ones(1, 1),
        torch.ones(1, 1, dtype=torch.bool),
    )
    response = torch.zeros(1, 1, 4, 4)
    response[..., 0, 3] = 1
    area = torch.tensor([16.0, 24, 32, 32])  # cells of 8 pixels: the highest is 40..48, 24..32
    overlay = search_picture(clip, {"responses": response, "response_area": area})[:, 128:]
    rows, columns = np.nonzero(overlay.any(-1))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (24, 55, 16, 47)
    bright = np.unravel_index(overlay.astype(int)[..., 0].argmax(), (64, 64))
    assert 24 <= bright[0] < 32 and 40 <= bright[1] < 48
