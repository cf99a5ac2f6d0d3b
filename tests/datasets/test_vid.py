import logging

import numpy as np
import pytest
from published_layouts import number_of, write_pictures
from training_layouts import configured, write_text, write_xml

from ops.errors import InputError

TRAIN = "train/ILSVRC2015_VID_train_0000/ILSVRC2015_train_00000000"
OTHER = "train/ILSVRC2015_VID_train_0003/ILSVRC2015_train_01200000"
VAL = "val/ILSVRC2015_val_00000000"


def annotate(root, snippet, number, objects, size=(128, 16)):
    write_xml(root / "Annotations" / "VID" / snippet / f"{number:06d}.xml", objects, size)


@pytest.fixture
def root(tmp_path):
    """Two snippets for training and one for validation."""
    root = tmp_path / "ILSVRC2015"
    for snippet in (TRAIN, OTHER, VAL):
        write_pictures(root / "Data" / "VID" / snippet, "{:06d}.JPEG", range(4))
    annotate(root, TRAIN, 0, [(0, (10, 2, 30, 12)), (1, (0, 0, 127, 15))])
    annotate(root, TRAIN, 1, [(0, (11, 2, 31, 12))])
    annotate(root, TRAIN, 2, [])
    annotate(root, TRAIN, 3, [(1, (5, 3, 6, 4)), (0, (13, 2, 33, 13))])
    annotate(root, OTHER, 2, [(0, (1, 2, 4, 8))])
    annotate(root, VAL, 0, [(7, (1, 2, 3, 5))])
    return root


def test_each_track_of_a_snippet_is_a_sequence(root):
    dataset = configured("vid", root)
    assert (dataset.name, dataset.split) == ("ILSVRC VID", "train")
    names = ["ILSVRC2015_train_00000000_0", "ILSVRC2015_train_00000000_1"]
    assert [s.name for s in dataset.sequences] == [*names, "ILSVRC2015_train_01200000_0"]
    first, second, _ = dataset.sequences
    np.testing.assert_array_equal(first.boxes, [(10, 2, 20, 10), (11, 2, 20, 10), (13, 2, 20, 11)])
    assert first.numbers.tolist() == [0, 1, 3] and second.numbers.tolist() == [0, 3]
    np.testing.assert_array_equal(second.boxes, [(0, 0, 127, 15), (5, 3, 1, 1)])
    assert [number_of(first.frame(index)) for index in range(3)] == [0, 1, 3]
    assert first.picture_size == (128, 16) and not first.still
    for sequence in dataset.sequences:
        sequence.check_pictures()


def test_validation_and_the_folder_above(root):
    (sequence,) = configured("vid", root.parent, "val").sequences
    assert sequence.name == "ILSVRC2015_val_00000000_7"
    assert number_of(sequence.frame(0)) == 0 and sequence.boxes.tolist() == [[1, 2, 2, 3]]


def test_links_of_other_toolkits_are_not_followed(root):
    annotations = root / "Annotations" / "VID" / "train"
    (annotations / "a").symlink_to(annotations / "ILSVRC2015_VID_train_0000")
    (annotations / "e").symlink_to(root / "Annotations" / "VID" / "val")
    assert len(configured("vid", root).sequences) == 3


def test_what_cannot_be_used_is_counted_and_named(root, caplog):
    caplog.set_level(logging.INFO, "lodestar")
    annotate(root, OTHER, 0, [(None, (1, 2, 4, 8)), (0, (3, 2, 3, 8)), ("", (1, 2, 4, 8))])
    annotate(root, OTHER, 1, [(0, (1, 2, 5, 8)), (0, (100, 2, 105, 8)), (1, ("x", 1, 2, 3))])
    annotate(root, OTHER, 3, [(0, (128, 2, 135, 8)), (0, (4, 4, 4, 4))])
    folder = root / "Annotations" / "VID" / OTHER
    write_text(folder / "000004.xml", "<annotation><object>")
    write_text(folder / "000005.xml", "<html/>")
    write_text(folder / "000006.xml", "")
    write_text(folder / "notes.xml", "<annotation/>")
    write_text(folder / "README", "no annotation")
    other = configured("vid", root).sequences[2]
    assert other.numbers.tolist() == [1, 2]  # the first of the two in picture 1
    np.testing.assert_array_equal(other.boxes, [(1, 2, 4, 6), (1, 2, 3, 6)])
    place = f"the first Annotations/VID/{OTHER}"
    for expected in (
        f"object without a track id or a box: 3, {place}/000000.xml",
        f"second object of a track in a picture: 2, {place}/000001.xml",
        f"malformed file: 4, {place}/000004.xml",
        f"without area: 1, {place}/000000.xml",
        f"outside the picture: 1, {place}/000003.xml",
    ):
        assert expected in caplog.text
    assert caplog.text.count("the first") == 5


def test_a_size_that_changes_is_not_known(root):
    annotate(root, OTHER, 3, [(0, (500, 2, 505, 8))], size=(640, 480))
    other = configured("vid", root).sequences[2]
    assert len(other) == 2 and other.picture_size is None


def test_the_index_is_used_and_notices_a_new_snippet(root, tmp_path, caplog):
    caplog.set_level(logging.INFO, "lodestar")
    digests = [configured("vid", root, index=tmp_path / "i").sequences.digest() for _ in range(2)]
    assert digests[0] == digests[1]
    _, scanned, read = caplog.messages
    assert "scanned in" in scanned and f"index {tmp_path / 'i'}" in read
    annotate(root, TRAIN.replace("00000000", "00000009"), 0, [(0, (1, 2, 3, 4))])
    assert len(configured("vid", root, index=tmp_path / "i").sequences) == 4
    assert "ILSVRC2015_train_00000009 changed (1 in all)" in caplog.text


def test_what_is_missing_is_said(root, tmp_path):
    with pytest.raises(InputError, match="no folder is given.*expected ILSVRC VID as Annotations/"):
        configured("vid", None)
    with pytest.raises(InputError, match=r"nowhere: no such folder; expected ILSVRC VID as "):
        configured("vid", tmp_path / "nowhere")
    with pytest.raises(InputError, match="split=test: expected train or val"):
        configured("vid", root, "test")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no Annotations/VID/train with Data/VID/train in it; exp"):
        configured("vid", tmp_path / "empty")
    for part in ("Annotations", "Data"):
        (tmp_path / "empty" / part / "VID" / "train").mkdir(parents=True)
    with pytest.raises(InputError, match="train: no snippets in it; expected ILSVRC VID train as"):
        configured("vid", tmp_path / "empty")
