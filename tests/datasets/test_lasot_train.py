import logging
import os

import numpy as np
import pytest
from published_layouts import counting_boxes, number_of, write_pictures, write_rows
from training_layouts import configured

from datasets.benchmark import read_list
from ops.errors import InputError

FRAMES = 6
SIZE = (128, 64)


def write_video(folder, occluded=(), unseen=(), boxes=None):
    """A video in LaSOT's layout, with frames flagged by their index."""
    write_rows(folder / "groundtruth.txt", counting_boxes(FRAMES) if boxes is None else boxes)
    for name, indices in {"full_occlusion": occluded, "out_of_view": unseen}.items():
        write_rows(folder / f"{name}.txt", [[int(i in indices) for i in range(FRAMES)]])
    write_pictures(folder / "img", "{:08d}.jpg", range(1, FRAMES + 1), SIZE)


@pytest.mark.parametrize("flat", [False, True])
def test_all_but_the_test_videos(tmp_path, flat):
    tested = read_list("lasot")[0]["name"]
    assert tested == "airplane-1"
    for name in ("bird-1", "airplane-2", tested, "airplane-10"):
        write_video(tmp_path / name if flat else tmp_path / name.split("-")[0] / name)
    dataset = configured("lasot_train", tmp_path)
    assert [video.name for video in dataset.sequences] == ["airplane-10", "airplane-2", "bird-1"]
    assert (dataset.name, dataset.split, dataset.part) == ("LaSOT train", "train", None)
    video = dataset.sequences[1]
    # the files count pixels from 1
    np.testing.assert_array_equal(video.boxes[:, 0], range(FRAMES))
    np.testing.assert_array_equal(video.boxes[3], [3, 19, 30, 40])
    assert [number_of(video.frame(index)) for index in range(FRAMES)] == [1, 2, 3, 4, 5, 6]
    assert video.picture_size == SIZE and not video.still


def test_flagged_frames_are_left_out_and_counted(tmp_path, caplog):
    boxes = counting_boxes(FRAMES)
    boxes[4] = (5, 20, 0, 40)
    write_video(tmp_path / "bird" / "bird-1", occluded=[1], unseen=[1, 5], boxes=boxes)
    with caplog.at_level(logging.INFO, "lodestar"):
        (video,) = configured("lasot_train", tmp_path).sequences
    np.testing.assert_array_equal(video.boxes[:, 0], [0, 2, 3])
    np.testing.assert_array_equal(np.diff(video.numbers), [2, 1])  # frames between them
    assert [number_of(video.frame(index)) for index in range(3)] == [1, 3, 4]
    assert "target absent: 2, the first" in caplog.text
    assert "bird-1/groundtruth.txt, line 2" in caplog.text
    assert "without area: 1, the first" in caplog.text
    assert "bird-1/groundtruth.txt, line 5" in caplog.text


def test_absent_in_one_file(tmp_path):
    folder = tmp_path / "bird" / "bird-1"
    write_video(folder)
    (folder / "full_occlusion.txt").unlink()
    write_rows(folder / "absent.txt", [[int(index == 2)] for index in range(FRAMES)])
    (video,) = configured("lasot_train", tmp_path).sequences
    np.testing.assert_array_equal(video.boxes[:, 0], [0, 1, 3, 4, 5])


def test_an_unusable_video_is_named_and_the_others_are_read(tmp_path, caplog):
    for name in ("bird-1", "bird-4", "bird-5", "bird-6", "bird-7"):
        write_video(tmp_path / "bird" / name)
    write_rows(tmp_path / "bird" / "bird-1" / "out_of_view.txt", [[0, 0]])
    write_rows(tmp_path / "bird" / "bird-4" / "groundtruth.txt", [("one", "two")])
    (tmp_path / "bird" / "bird-5" / "img").rename(tmp_path / "moved")
    (tmp_path / "bird" / "bird-6" / "img" / "00000001.jpg").write_bytes(b"broken")
    with caplog.at_level(logging.INFO, "lodestar"):
        videos = configured("lasot_train", tmp_path).sequences
    assert [video.name for video in videos] == ["bird-6", "bird-7"]
    assert videos[0].picture_size is None and len(videos[0]) == FRAMES
    assert "video with an unusable annotation: 2, the first" in caplog.text
    assert "out_of_view.txt: 2 rows, LaSOT has 6 there" in caplog.text
    assert "video without its pictures: 1, the first" in caplog.text and "bird-5" in caplog.text


def test_the_index_notices_what_changes(tmp_path, caplog):
    root, index = tmp_path / "lasot", tmp_path / "index"
    for name in ("bird-1", "bird-5"):
        write_video(root / "bird" / name)

    def read():
        caplog.clear()
        with caplog.at_level(logging.INFO, "lodestar"):
            return [len(video) for video in configured("lasot_train", root, index=index).sequences]

    assert read() == [6, 6] and "scanned" in caplog.text
    assert read() == [6, 6] and "scanned" not in caplog.text
    write_rows(root / "bird" / "bird-1" / "out_of_view.txt", [[1, 1, 0, 0, 0, 0]])
    os.utime(root / "bird" / "bird-1" / "out_of_view.txt", ns=(1, 2))  # clocks are coarse
    assert read() == [4, 6] and "bird-1 changed" in caplog.text
    (root / "bird" / "bird-5" / "img").rename(tmp_path / "moved")
    assert read() == [4] and "bird-5 changed" in caplog.text
    (tmp_path / "moved").rename(root / "bird" / "bird-5" / "img")
    assert read() == [4, 6] and "scanned" in caplog.text


def test_what_is_wrong_is_said(tmp_path):
    write_video(tmp_path / "tested" / "airplane-1")
    (tmp_path / "empty").mkdir()
    for case, words in {
        "tested": "no training videos in it; expected LaSOT's training set as CLASS/CLASS-N/",
        "empty": "no training videos in it",
        "missing": "no such folder; expected LaSOT's training set as CLASS/CLASS-N/",
    }.items():
        with pytest.raises(InputError) as caught:
            configured("lasot_train", tmp_path / case)
        assert words in str(caught.value) and "\n" not in str(caught.value), case
    with pytest.raises(InputError, match="no folder is given"):
        configured("lasot_train", None)
    for split in ("val", "test"):
        with pytest.raises(InputError, match=f"split={split}: expected train .*dataset=lasot is"):
            configured("lasot_train", tmp_path, split=split)
