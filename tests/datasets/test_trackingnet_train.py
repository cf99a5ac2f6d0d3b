import logging

import numpy as np
import pytest
from published_layouts import number_of, write_pictures, write_rows
from training_layouts import configured

from ops.errors import InputError

FRAMES = 12
ROWS = [(row + 0.5, 2, 30, 10.25) for row in range(FRAMES)]


def write_video(root, part, name, rows=ROWS):
    write_rows(root / f"TRAIN_{part}" / "anno" / f"{name}.txt", rows)
    write_pictures(root / f"TRAIN_{part}" / "frames" / name, "{}.jpg", range(FRAMES))


def test_all_twelve_parts(tmp_path):
    for part in range(12):
        write_video(tmp_path, part, f"-video{part}_0")
    dataset = configured("trackingnet_train", tmp_path)
    assert [video.name for video in dataset.sequences] == [f"-video{n}_0" for n in range(12)]
    assert (dataset.name, dataset.split, dataset.part) == ("TrackingNet train", "train", None)
    video = dataset.sequences[11]
    np.testing.assert_array_equal(video.boxes, ROWS)
    # by number: 2.jpg is the third, not what follows 11.jpg
    assert [number_of(video.frame(index)) for index in range(FRAMES)] == list(range(FRAMES))
    assert video.picture_size == (128, 16)


def test_some_parts(tmp_path):
    for part in (0, 1, 3):
        write_video(tmp_path, part, f"b{part}")
        write_video(tmp_path, part, f"a{part}")
    dataset = configured("trackingnet_train", tmp_path, parts=[3, 1])
    assert [video.name for video in dataset.sequences] == ["a1", "b1", "a3", "b3"]
    assert dataset.part == "TRAIN_1, TRAIN_3 of 12 parts"
    with pytest.raises(InputError) as caught:
        configured("trackingnet_train", tmp_path)
    assert "no folder TRAIN_2/anno" in str(caught.value)
    assert "dataset.parts=[0, 1, 3] takes what is there" in str(caught.value)
    with pytest.raises(InputError, match="no folder TRAIN_4/anno"):
        configured("trackingnet_train", tmp_path, parts=[0, 4])


def test_parts_have_an_index_of_their_own(tmp_path, caplog):
    root, index = tmp_path / "trackingnet", tmp_path / "index"
    for part in (0, 1):
        write_video(root, part, f"a{part}")
    for parts, names, scans in ([0], ["a0"], 1), ([0, 1], ["a0", "a1"], 1), ([0], ["a0"], 0):
        caplog.clear()
        with caplog.at_level(logging.INFO, "lodestar"):
            dataset = configured("trackingnet_train", root, parts=parts, index=index)
        assert [video.name for video in dataset.sequences] == names
        assert caplog.text.count("scanned") == scans
    write_video(root, 0, "new")
    dataset = configured("trackingnet_train", root, parts=[0], index=index)
    assert [video.name for video in dataset.sequences] == ["a0", "new"]


@pytest.mark.parametrize("parts", [[], 3, "0", [12], [-1], [0.5], [True], ["0"]])
def test_wrong_parts(tmp_path, parts):
    write_video(tmp_path, 0, "a")
    with pytest.raises(InputError, match="expected some of 0 to 11"):
        configured("trackingnet_train", tmp_path, parts=parts)


def test_videos_that_are_not_extracted_are_named(tmp_path, caplog):
    write_video(tmp_path, 0, "a")
    for name in ("b", "c"):
        write_rows(tmp_path / "TRAIN_0" / "anno" / f"{name}.txt", ROWS)
    write_video(tmp_path, 0, "d", [*ROWS[:3], (1, 2, 3)])
    with caplog.at_level(logging.INFO, "lodestar"):
        (video,) = configured("trackingnet_train", tmp_path, parts=[0]).sequences
    assert video.name == "a"
    assert "video without its pictures: 2, the first" in caplog.text and "frames/b" in caplog.text
    assert "d.txt, line 4: expected four numbers" in caplog.text


def test_what_is_wrong_is_said(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no folder TRAIN_0/anno; .*TRAIN_0/anno/NAME\.txt.*none"):
        configured("trackingnet_train", tmp_path / "empty")
    with pytest.raises(InputError, match="no such folder; expected TrackingNet's training set"):
        configured("trackingnet_train", tmp_path / "missing")
    with pytest.raises(InputError, match="split=test: expected train .*dataset=trackingnet is"):
        configured("trackingnet_train", tmp_path, split="test")
