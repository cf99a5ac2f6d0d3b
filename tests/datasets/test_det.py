import logging

import numpy as np
import pytest
from published_layouts import number_of, write_pictures
from training_layouts import configured, write_text, write_xml

from ops.errors import InputError

SYNSET = "train/ILSVRC2013_train/n00007846"
BATCH = "train/ILSVRC2014_train_0006"


def annotate(root, place, number, objects, size=(128, 16)):
    """An annotation with its picture, PLACE_NUMBER as they are called."""
    folder, _, name = place.rpartition("/")
    write_pictures(root / "Data" / "DET" / folder, name + "_{}.JPEG", [number], size)
    path = root / "Annotations" / "DET" / folder / f"{name}_{number}.xml"
    write_xml(path, [(None, corners) for corners in objects], size)


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "ILSVRC"
    annotate(root, f"{SYNSET}/n00007846", 103856, [(10, 2, 30, 12), (0, 0, 127, 15)])
    annotate(root, f"{BATCH}/ILSVRC2014_train", 60001, [(1, 2, 3, 5)], size=(256, 32))
    annotate(root, f"{BATCH}/ILSVRC2014_train", 60002, [])
    annotate(root, "val/ILSVRC2012_val", 9, [(4, 4, 6, 7)])
    return root


def test_each_object_is_a_still(root):
    dataset = configured("det", root)
    assert (dataset.name, dataset.split) == ("ILSVRC DET", "train")
    names = ["n00007846_103856_0", "n00007846_103856_1", "ILSVRC2014_train_60001_0"]
    assert sorted(s.name for s in dataset.sequences) == sorted(names)
    found = dataset.by_name
    boxes = [found[name].boxes[0].tolist() for name in names]
    assert boxes == [[10, 2, 20, 10], [0, 0, 127, 15], [1, 2, 2, 3]]
    assert [number_of(found[name].frame(0)) for name in names] == [103856 % 65536] * 2 + [60001]
    assert [found[name].picture_size for name in names] == [(128, 16)] * 2 + [(256, 32)]
    assert all(s.still and len(s) == 1 and s.numbers is None for s in dataset.sequences)
    for sequence in dataset.sequences:
        sequence.check_pictures()


def test_validation_and_the_folder_above(root):
    (sequence,) = configured("det", root.parent, "val").sequences
    assert sequence.name == "ILSVRC2012_val_9_0" and number_of(sequence.frame(0)) == 9


def test_links_of_other_toolkits_are_not_followed(root, caplog):
    caplog.set_level(logging.INFO, "lodestar")
    annotations = root / "Annotations" / "DET" / "train"
    write_text(annotations / "ILSVRC2014_train.txt", "a list beside the folders")
    (annotations / "a").symlink_to(annotations / "ILSVRC2013_train")
    (annotations / "b").symlink_to(annotations / "ILSVRC2014_train_0006")
    assert len(configured("det", root).sequences) == 3
    assert "left out: nothing" in caplog.text


def test_what_cannot_be_used_is_counted_and_named(root, caplog):
    caplog.set_level(logging.INFO, "lodestar")
    folder = root / "Annotations" / "DET" / SYNSET
    write_xml(folder / "n00007846_1.xml", [(None, (1, 2, 1, 3)), (None, (4, 4, "", 5))])
    write_xml(folder / "n00007846_2.xml", [(None, (9, 20, 12, 40)), (None, (9, 10, 12, 40))])
    write_text(folder / "n00007846_3.xml", "<annotation><object></annotation>")
    found = configured("det", root).by_name
    assert len(found) == 4 and "n00007846_2_1" in found
    np.testing.assert_array_equal(found["n00007846_2_1"].boxes, [(9, 10, 3, 30)])  # over the edge
    place = f"the first Annotations/DET/{SYNSET}/n00007846"
    for expected in (
        f"object without a box: 1, {place}_1.xml",
        f"without area: 1, {place}_1.xml",
        f"outside the picture: 1, {place}_2.xml",
        f"malformed file: 1, {place}_3.xml",
        "target without a usable box: 2, the first n00007846_1_0",
    ):
        assert expected in caplog.text


def test_the_index_notices_a_change(root, tmp_path, caplog):
    for _ in range(2):
        assert len(configured("det", root, index=tmp_path / "index").sequences) == 3
    assert not caplog.records
    annotate(root, f"{SYNSET}/n00007846", 7, [(10, 2, 30, 12)])
    assert len(configured("det", root, index=tmp_path / "index").sequences) == 4
    assert f"Annotations/DET/{SYNSET} changed (1 in all)" in caplog.text


def test_what_is_missing_is_said(root, tmp_path):
    with pytest.raises(InputError, match="split=test: expected train or val"):
        configured("det", root, "test")
    with pytest.raises(InputError, match="no Annotations/DET/train with Data/DET/train in it; exp"):
        configured("det", tmp_path / "ILSVRC" / "Data")
    for part in ("Annotations", "Data"):
        (tmp_path / "empty" / part / "DET" / "train").mkdir(parents=True)
    with pytest.raises(InputError, match="train: no annotations in it; expected ILSVRC DET train"):
        configured("det", tmp_path / "empty")
