import json
import logging

import numpy as np
import pytest
from published_layouts import number_of, write_pictures
from training_layouts import configured, write_text

from ops.errors import InputError

IMAGES = [
    {"id": 9, "file_name": "000000000009.jpg", "width": 256, "height": 32},
    {"id": 25, "file_name": "000000000025.jpg", "width": 128, "height": 16},
]


def annotated(identifier, image, box, **more):
    outline = {"segmentation": [[1.5, 2, 3, 4, 5, 6]], "category_id": 3, "iscrowd": 0}
    return {"id": identifier, "image_id": image, "bbox": box, **outline, **more}


ANNOTATIONS = [
    annotated(1768, 25, [1.08, 2.5, 10.25, 8.75]),
    annotated(17, 9, [200, 20, 56, 12]),
    annotated(900100, 9, [0, 0, 9, 9], iscrowd=1, segmentation={"counts": [1, 2], "size": [3, 3]}),
    annotated(18, 9, [1, 1, 2, 2]),
]


def write_coco(path, annotations=None, images=IMAGES):
    content = {"info": {}, "images": images, "annotations": annotations or ANNOTATIONS}
    write_text(path, json.dumps({**content, "categories": [{"id": 3, "name": "car"}]}))


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "coco"
    for split in ("train2017", "val2017"):
        write_coco(root / "annotations" / f"instances_{split}.json")
        write_pictures(root / split, "{:012d}.jpg", [9], (256, 32))
        write_pictures(root / split, "{:012d}.jpg", [25], (128, 16))
    return root


@pytest.mark.parametrize("split", ["train", "val"])
def test_each_object_is_a_still(root, split, caplog):
    caplog.set_level(logging.INFO, "lodestar")
    dataset = configured("coco", root, split)
    assert (dataset.name, dataset.split) == ("COCO", split)
    first, second, third = dataset.sequences
    names = ["000000000025_1768", "000000000009_17", "000000000009_18"]
    assert [first.name, second.name, third.name] == names
    np.testing.assert_allclose(first.boxes, [[1.08, 2.5, 10.25, 8.75]], atol=1e-6)
    assert [number_of(s.frame(0)) for s in dataset.sequences] == [25, 9, 9]
    assert (first.picture_size, second.picture_size) == ((128, 16), (256, 32))
    assert all(s.still and len(s) == 1 for s in dataset.sequences)
    assert first.picture(0) == root / f"{split}2017" / "000000000025.jpg"
    assert "left out: crowd: 1, the first 000000000009_900100" in caplog.text


@pytest.mark.parametrize(("old", "new"), [("train2017", "images/train2017")])
def test_pictures_may_lie_in_a_folder_of_their_own(root, old, new):
    (root / "images").mkdir()
    (root / old).rename(root / new)
    assert number_of(configured("coco", root).sequences[0].frame(0)) == 25


def test_the_simple_form(tmp_path):
    write_coco(tmp_path / "instances.json", images=[{**IMAGES[0], "file_name": "a{9}.jpg"}])
    write_pictures(tmp_path / "img", "a{{{}}}.jpg", [9])
    sequences = configured("coco", tmp_path).sequences
    assert [s.name for s in sequences] == ["a{9}_17", "a{9}_18"]
    assert number_of(sequences[1].frame(0)) == 9


def test_what_cannot_be_used_is_counted_and_named(root, caplog):
    caplog.set_level(logging.INFO, "lodestar")
    wrong = [
        annotated(1, 9, [10, 10, 0, 5]),
        annotated(2, 9, [float("nan"), 10, 5, 5]),
        annotated(3, 9, [256, 10, 5, 5]),
        annotated(4, 9, [1, 2, 3]),
        annotated(5, 4711, [1, 2, 3, 4]),
        {"id": 6, "image_id": 9},
        7,
        annotated(18, 9, [5, 5, 5, 5]),
        annotated(8, 9, None),
    ]
    write_coco(root / "annotations" / "instances_train2017.json", ANNOTATIONS + wrong)
    assert len(configured("coco", root).sequences) == 3
    file = root / "annotations" / "instances_train2017.json"
    for expected in (
        "without area: 1, the first 000000000009_1, train2017/000000000009.jpg",
        "not finite: 1, the first 000000000009_2,",
        "outside the picture: 1, the first 000000000009_3,",
        f"malformed annotation: 5, the first {file}, annotations[7]",
        "target of a name that is taken: 1, the first 000000000009_18",
    ):
        assert expected in caplog.text


def test_the_index_notices_a_change(root, tmp_path, caplog):
    for _ in range(2):
        assert len(configured("coco", root, index=tmp_path / "index").sequences) == 3
    assert not caplog.records
    write_coco(root / "annotations" / "instances_train2017.json", ANNOTATIONS[:2])
    assert len(configured("coco", root, index=tmp_path / "index").sequences) == 2
    assert "annotations changed (1 in all)" in caplog.text


def test_what_is_missing_is_said(root, tmp_path):
    file = root / "annotations" / "instances_train2017.json"
    with pytest.raises(InputError, match="split=test: expected train or val"):
        configured("coco", root, "test")
    with pytest.raises(InputError, match="no annotations/instances_train2017.json in it; expected"):
        configured("coco", tmp_path)
    for text in ("[]", "{", '{"images": []}', '{"images": [{}], "annotations": []}'):
        file.write_text(text)
        with pytest.raises(InputError, match="instances_train2017.json: (cannot|expected COCO's)"):
            configured("coco", root)
    write_coco(file, [annotated(1, 9, [1, 1, 0, 0])])
    with pytest.raises(InputError, match="no target of COCO train can be used; left out: without"):
        configured("coco", root)
    (root / "train2017").rename(root / "elsewhere")
    with pytest.raises(InputError, match="no folder train2017 or images/train2017 for annotations"):
        configured("coco", root)
