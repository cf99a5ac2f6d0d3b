import logging

import numpy as np
import pytest
from published_layouts import counting_boxes, number_of, write_pictures, write_rows
from training_layouts import configured, write_text

from ops.errors import InputError

FRAMES = 5
SIZE = (128, 64)
NAME = "GOT-10k_Train_{:06d}"


def write_sequence(folder, absence=(0, 0, 0, 0, 0), cover=(8, 8, 8, 8, 8), boxes=None):
    write_rows(folder / "groundtruth.txt", counting_boxes(FRAMES) if boxes is None else boxes)
    write_rows(folder / "absence.label", [[value] for value in absence])
    write_rows(folder / "cover.label", [[value] for value in cover])
    write_text(folder / "meta_info.ini", "[METAINFO]\nresolution: (128, 64)\n")
    write_pictures(folder, "{:08d}.jpg", range(1, FRAMES + 1), SIZE)


@pytest.mark.parametrize("below", [".", "train"])
def test_boxes_and_frames(tmp_path, below):
    write_sequence(tmp_path / "train" / NAME.format(2))
    write_sequence(tmp_path / "train" / NAME.format(1))
    dataset = configured("got10k_train", tmp_path / below)
    assert (dataset.name, dataset.split) == ("GOT-10k train", "train")
    assert [sequence.name for sequence in dataset.sequences] == [NAME.format(1), NAME.format(2)]
    sequence = dataset.sequences[0]
    np.testing.assert_array_equal(sequence.boxes, counting_boxes(FRAMES))  # as the files have them
    assert [number_of(sequence.frame(index)) for index in range(FRAMES)] == [1, 2, 3, 4, 5]
    assert sequence.picture_size == SIZE


def test_frames_without_the_target_are_left_out(tmp_path, caplog):
    write_sequence(tmp_path / NAME.format(1), absence=(0, 1, 0, 0, 0), cover=(8, 0, 1, 0, 7))
    with caplog.at_level(logging.INFO, "lodestar"):
        (sequence,) = configured("got10k_train", tmp_path).sequences
    np.testing.assert_array_equal(sequence.boxes[:, 0], [1, 3, 5])
    np.testing.assert_array_equal(np.diff(sequence.numbers), [2, 2])
    assert [number_of(sequence.frame(index)) for index in range(3)] == [1, 3, 5]
    assert "target absent: 2, the first" in caplog.text and "groundtruth.txt, line 2" in caplog.text


def test_a_box_outside_of_the_picture_is_left_out(tmp_path, caplog):
    boxes = [(1, 2, 30, 10), (200, 2, 30, 10), (100, 2, 90, 10), (-31, 2, 30, 10), (1, 2, 3, 4)]
    write_sequence(tmp_path / NAME.format(1), boxes=boxes)
    with caplog.at_level(logging.INFO, "lodestar"):
        (sequence,) = configured("got10k_train", tmp_path).sequences
    np.testing.assert_array_equal(sequence.boxes[:, 0], [1, 100, 1])
    assert "outside the picture: 2" in caplog.text


def test_the_list_chooses(tmp_path):
    for number in (1, 2, 3):
        write_sequence(tmp_path / "train" / NAME.format(number))
    write_text(tmp_path / "train" / "list.txt", f"{NAME.format(3)}\n{NAME.format(1)}\n")
    dataset = configured("got10k_train", tmp_path)
    assert [sequence.name for sequence in dataset.sequences] == [NAME.format(1), NAME.format(3)]


@pytest.mark.parametrize(
    "file, rows, words",
    [
        ("absence.label", [[0]] * 4, "absence.label: 4 rows"),
        ("cover.label", [[8]] * 6, "cover.label: 6 rows"),
        ("cover.label", [[9]] * 5, "cover.label, line 1: expected a whole number from 0 to 8"),
        ("absence.label", [[2]] * 5, "absence.label: expected 0 or 1"),
        ("groundtruth.txt", [[1, 2, 3]] * 5, "groundtruth.txt, line 1: expected four numbers"),
    ],
)
def test_an_unusable_annotation_is_named(tmp_path, caplog, file, rows, words):
    for number in (1, 2):
        write_sequence(tmp_path / NAME.format(number))
    write_rows(tmp_path / NAME.format(1) / file, rows)
    with caplog.at_level(logging.INFO, "lodestar"):
        (sequence,) = configured("got10k_train", tmp_path).sequences
    assert sequence.name == NAME.format(2)
    assert "video with an unusable annotation: 1" in caplog.text and words in caplog.text


def test_what_is_wrong_is_said(tmp_path):
    (tmp_path / "empty").mkdir()
    for case, words in {
        "empty": "no sequences in it; expected GOT-10k's training set as train/GOT-10k_Train",
        "missing": "no such folder; expected GOT-10k's training set as train/GOT-10k_Train",
    }.items():
        with pytest.raises(InputError, match=words):
            configured("got10k_train", tmp_path / case)
    with pytest.raises(InputError, match="split=val: expected train .*dataset=got10k_val"):
        configured("got10k_train", tmp_path, split="val")
