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
from datasets.otb import otb
from ops.errors import InputError

# name, folder, annotation, rows in it, first row evaluated, first and last picture, file name
FACTS = [
    ("Basketball", "Basketball", "groundtruth_rect.txt", 725, 1, 1, 725, "{:04d}.jpg"),
    ("BlurCar1", "BlurCar1", "groundtruth_rect.txt", 742, 1, 247, 988, "{:04d}.jpg"),
    ("BlurCar3", "BlurCar3", "groundtruth_rect.txt", 357, 1, 3, 359, "{:04d}.jpg"),
    ("BlurCar4", "BlurCar4", "groundtruth_rect.txt", 380, 1, 18, 397, "{:04d}.jpg"),
    ("Board", "Board", "groundtruth_rect.txt", 698, 1, 1, 698, "{:05d}.jpg"),
    ("David", "David", "groundtruth_rect.txt", 471, 1, 300, 770, "{:04d}.jpg"),
    ("Diving", "Diving", "groundtruth_rect.txt", 215, 1, 1, 215, "{:04d}.jpg"),
    ("Football1", "Football1", "groundtruth_rect.txt", 74, 1, 1, 74, "{:04d}.jpg"),
    ("Freeman3", "Freeman3", "groundtruth_rect.txt", 460, 1, 1, 460, "{:04d}.jpg"),
    ("Freeman4", "Freeman4", "groundtruth_rect.txt", 283, 1, 1, 283, "{:04d}.jpg"),
    ("Human4-2", "Human4", "groundtruth_rect.2.txt", 667, 1, 1, 667, "{:04d}.jpg"),
    ("Jogging-1", "Jogging", "groundtruth_rect.1.txt", 307, 1, 1, 307, "{:04d}.jpg"),
    ("Jogging-2", "Jogging", "groundtruth_rect.2.txt", 307, 1, 1, 307, "{:04d}.jpg"),
    ("KiteSurf", "KiteSurf", "groundtruth_rect.txt", 84, 1, 1, 84, "{:04d}.jpg"),
    ("KiteSurf", "KiteSurf", "groundtruth_rect.txt", 84, 1, 1, 84, "{:04d}.png"),
    ("Tiger1", "Tiger1", "groundtruth_rect.txt", 354, 6, 6, 354, "{:04d}.jpg"),
]


@pytest.mark.parametrize("facts", FACTS, ids=lambda facts: f"{facts[0]} {facts[-1][-4:-1]}")
def test_rows_and_pictures_belong_together(tmp_path, facts):
    name, folder, annotation, rows, first_row, first, last, pattern = facts
    write_rows(tmp_path / folder / annotation, counting_boxes(rows))
    # more pictures than are evaluated lie on disk: David has 299 before its first
    numbers = {max(first - 1, 1), first, first + 1, last, last + 1}
    write_pictures(tmp_path / folder / "img", pattern, numbers)
    (sequence,) = otb(tmp_path, sequences=[name]).sequences
    assert sequence.name == name and len(sequence) == last - first + 1
    assert sequence.boxes[0].tolist() == [first_row - 1, 19, 30, 40]  # files count from 1
    assert sequence.boxes[-1].tolist() == [rows - 1, 19, 30, 40]
    found = [number_of(sequence.frame(index)) for index in (0, 1, len(sequence) - 1)]
    assert found == [first, first + 1, last]


def test_the_committed_list():
    rows = read_list("otb")
    assert len({row["name"] for row in rows}) == len(rows) == 100
    assert sum(int(row["frames"]) for row in rows) == 59035
    assert [row["years"] for row in rows].count("2013 2015") == 51


@pytest.mark.parametrize(("year", "count", "frames"), [(2013, 51, 29486), (2015, 100, 59035)])
@needs_truth
def test_the_whole_benchmark(year, count, frames):
    dataset = configured(f"otb{year}", TRUTH / "otb" / "dataset")
    ranges = json.loads((TRUTH / "otb" / "sequences.json").read_text())
    sets = json.loads((TRUTH / "otb" / "reference.json").read_text())["sets"]
    assert [sequence.name for sequence in dataset.sequences] == sets[f"OTB{year}"]
    assert len(dataset.sequences) == count and sum(map(len, dataset.sequences)) == frames
    for sequence in dataset.sequences:
        facts = ranges[sequence.name]
        omitted = 5 if sequence.name == "Tiger1" else 0
        assert sequence.first == facts["start_frame"] + omitted
        assert sequence.first + len(sequence) - 1 == facts["end_frame"]
        assert set(sequence.attributes) == set(facts["attributes"])
    path = TRUTH / "otb" / "dataset" / "Tiger1" / "groundtruth_rect.txt"
    rows = np.loadtxt(path, delimiter=",")[5:] - [1, 1, 0, 0]
    np.testing.assert_array_equal(dataset.by_name["Tiger1"].boxes, rows)


def test_what_the_dataset_says_of_itself(tmp_path):
    write_rows(tmp_path / "Deer" / "groundtruth_rect.txt", counting_boxes(71))
    write_rows(tmp_path / "Biker" / "groundtruth_rect.txt", counting_boxes(142))
    dataset = otb(tmp_path, 2015, sequences=["Deer", "Biker"])
    assert [sequence.name for sequence in dataset.sequences] == ["Biker", "Deer"]
    assert (dataset.name, dataset.split, dataset.part) == (
        "OTB-2015", "test", "2 of 100 sequences",
    )  # fmt: skip
    assert dataset.convention == "matlab_otb" and dataset.origin == 1
    assert dataset.protocols == ("ope", "tre", "sre")
    assert dataset.by_name["Biker"].attributes == ("SV", "OCC", "MB", "FM", "OPR", "OV", "LR")
    for year in (2013, 2015):
        assert configured(f"otb{year}", tmp_path, sequences=["Deer"]).name == f"OTB-{year}"


def test_what_is_wrong_is_said(tmp_path):
    write_rows(tmp_path / "Deer" / "groundtruth_rect.txt", counting_boxes(70))
    with pytest.raises(InputError, match=r"Deer/groundtruth_rect.txt: 70 rows, OTB-2015 has 71"):
        otb(tmp_path, sequences=["Deer"])
    with pytest.raises(InputError, match=r"99 of 100 are missing; expected OTB-2015 as NAME/gr"):
        otb(tmp_path)
    with pytest.raises(InputError, match=r"dataset.sequences: Biker not in OTB-2013"):
        otb(tmp_path, 2013, sequences=["Biker"])
    with pytest.raises(InputError, match=r"nowhere: no such folder; expected OTB-2015 as NAME/gr"):
        otb(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"data_root=DIR.*expected OTB-2015 as NAME/gr"):
        otb(None)
    with pytest.raises(InputError, match=r"dataset.year=2014: expected 2013 or 2015"):
        otb(tmp_path, 2014)
    write_rows(tmp_path / "Deer" / "groundtruth_rect.txt", [*counting_boxes(70), (1, 2, 3)])
    with pytest.raises(InputError, match=r"Deer/groundtruth_rect.txt, line 71: expected four"):
        otb(tmp_path, sequences=["Deer"])


def test_missing_pictures_are_named(tmp_path):
    write_rows(tmp_path / "Tiger1" / "groundtruth_rect.txt", counting_boxes(354))
    (sequence,) = otb(tmp_path, sequences=["Tiger1"]).sequences
    with pytest.raises(InputError, match=r"Tiger1: 349 of 349 pictures .*img/0006.jpg"):
        sequence.check_pictures()
    write_pictures(tmp_path / "Tiger1" / "img", "{:04d}.jpg", range(6, 355))
    sequence.check_pictures()
    (tmp_path / "Tiger1" / "img" / "0354.jpg").unlink()
    with pytest.raises(InputError, match=r"1 of 349 pictures .*img/0354.jpg"):
        sequence.check_pictures()
    with pytest.raises(InputError, match=r"0354.jpg: cannot be read"):
        sequence.frame(348)
