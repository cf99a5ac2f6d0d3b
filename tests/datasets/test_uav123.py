import json

import numpy as np
import pytest
from published_layouts import (
    TRUTH,
    configured,
    counting_boxes,
    needs_truth,
    number_of,
    write_pictures,
    write_rows,
)

from datasets.benchmark import read_list
from datasets.uav123 import uav123
from ops.errors import InputError


@pytest.mark.parametrize(
    ("name", "folder", "first", "last"),
    [
        ("bird1_1", "bird1", 1, 253),
        ("bird1_2", "bird1", 775, 1477),
        ("uav1_3", "uav1", 2473, 3469),
        ("car6_5", "car6", 3925, 4861),
        ("uav2", "uav2", 1, 133),
        ("car1_s", "car1_s", 1, 1475),
        ("person10", "person10", 1, 1021),
    ],
)
def test_sequences_are_cut_from_their_video(tmp_path, name, folder, first, last):
    frames = last - first + 1
    boxes = counting_boxes(frames)
    boxes[1] = ("NaN",) * 4
    write_rows(tmp_path / "anno" / "UAV123" / f"{name}.txt", boxes)
    numbers = {1, first, first + 1, last, last + 1}
    write_pictures(tmp_path / "data_seq" / "UAV123" / folder, "{:06d}.jpg", numbers)
    (sequence,) = uav123(tmp_path, sequences=[name]).sequences
    assert len(sequence) == frames
    assert sequence.boxes[0].tolist() == [0, 19, 30, 40]
    assert sequence.boxes[-1].tolist() == [frames - 1, 19, 30, 40]
    assert np.isnan(sequence.boxes[1]).all() and np.isnan(sequence.boxes).sum() == 4
    found = [number_of(sequence.frame(index)) for index in (0, 1, frames - 1)]
    assert found == [first, first + 1, last]
    with pytest.raises(InputError, match=f"{name}: {frames - 3} of {frames} pictures are missing"):
        sequence.check_pictures()


def test_the_committed_list():
    rows = read_list("uav123")
    assert len({row["name"] for row in rows}) == len(rows) == 123
    assert sum(int(row["frames"]) for row in rows) == 112578
    cut = [row for row in rows if row["folder"] != row["name"]]
    assert len(cut) == 51 and all(row["name"].startswith(row["folder"] + "_") for row in cut)


@needs_truth
def test_the_whole_benchmark():
    dataset = configured("uav123", TRUTH / "uav123" / "dataset")
    reference = json.loads((TRUTH / "uav123" / "reference.json").read_text())
    assert [sequence.name for sequence in dataset.sequences] == reference["order"]
    assert len(dataset.sequences) == 123 and sum(map(len, dataset.sequences)) == 112578
    for sequence in dataset.sequences:
        first, last = reference["start_end"][sequence.name]
        assert (sequence.first, len(sequence)) == (first, last - first + 1)
    path = TRUTH / "uav123" / "dataset" / "anno" / "UAV123" / "bird1_1.txt"
    rows = np.genfromtxt(path, delimiter=",") - [1, 1, 0, 0]
    assert np.isnan(rows).any()
    np.testing.assert_array_equal(dataset.by_name["bird1_1"].boxes, rows)


def test_what_the_dataset_says_of_itself(tmp_path):
    annotations = tmp_path / "anno" / "UAV123"
    write_rows(annotations / "uav2.txt", counting_boxes(133))
    dataset = configured("uav123", tmp_path, sequences=["uav2"])
    assert (dataset.name, dataset.split, dataset.part) == ("UAV123", "test", "1 of 123 sequences")
    assert (dataset.convention, dataset.protocols, dataset.origin) == ("matlab_otb", ("ope",), 1)
    assert dataset.sequences[0].attributes == ()
    write_rows(annotations / "att" / "uav2.txt", [(1, 0, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0)])
    (sequence,) = uav123(tmp_path, sequences=["uav2"]).sequences
    assert sequence.attributes == ("SV", "LR", "FOC", "POC")


def test_what_is_wrong_is_said(tmp_path):
    annotations = tmp_path / "anno" / "UAV123"
    write_rows(annotations / "uav2.txt", counting_boxes(132))
    with pytest.raises(InputError, match=r"uav2.txt: 132 rows, UAV123 has 133"):
        uav123(tmp_path, sequences=["uav2"])
    with pytest.raises(InputError, match=r"122 of 123 are missing; expected UAV123 as anno/UAV123"):
        uav123(tmp_path)
    with pytest.raises(InputError, match=r"1 of 1 are missing; expected UAV123 as anno/UAV123"):
        uav123(annotations, sequences=["uav2"])  # one folder too deep
    with pytest.raises(InputError, match=r"dataset.sequences: bird1 not in UAV123"):
        uav123(tmp_path, sequences=["bird1"])
    write_rows(annotations / "uav2.txt", counting_boxes(133))
    write_rows(annotations / "att" / "uav2.txt", [(1, 0, 1)])
    with pytest.raises(InputError, match=r"att/uav2.txt: 3 rows, UAV123 has 12"):
        uav123(tmp_path, sequences=["uav2"])
