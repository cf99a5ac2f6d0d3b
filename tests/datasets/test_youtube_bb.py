import gzip
import logging
import os

import numpy as np
import pytest
from published_layouts import number_of, write_pictures, write_rows
from training_layouts import configured

from ops.errors import InputError

LIST = "yt_bb_detection_train.csv"
UNPACKED = "youtube_boundingboxes_detection_train.csv"
COLUMNS = (
    "youtube_id timestamp_ms class_id class_name object_id object_presence xmin xmax ymin ymax"
).split()
CAR, DOG = ("AAB6lO-XiKE", 23, "car", 0), ("-_zebra_000", 5, "dog", 12)
BOAT = ("gone0000000", 23, "boat", 0)


def row(segment, seconds, sides=(0.25, 0.5, 0.1, 0.6), presence="present"):
    """A row of the list: sides are xmin, xmax, ymin, ymax."""
    youtube_id, class_id, name, target = segment
    return youtube_id, 1000 * seconds, class_id, name, target, presence, *sides


def absent(segment, seconds):
    return row(segment, seconds, (-1.0, -1.0, -1.0, -1.0), "absent")


def write_frames(root, segment, seconds, size=(200, 100)):
    """Frames as youtube-bb-utility leaves them; the picture of a second tells its number."""
    youtube_id, class_id, _, target = segment
    folder = root / "yt_bb_detection_train" / str(class_id)
    for second in seconds:
        name = f"{youtube_id}_{1000 * second}_{class_id}_{target}.jpg"
        write_pictures(folder, name.replace(str(1000 * second), "{}000", 1), [second], size)


@pytest.fixture
def tree(tmp_path):
    """Two segments of five and three frames, whose rows are mixed, and one without frames."""
    rows = [row(CAR, 3), row(DOG, 40), row(CAR, 1), absent(CAR, 2), row(BOAT, 7), row(BOAT, 8)]
    rows += [row(DOG, 41, (0.0, 1.0, 0.5, 1.0)), row(CAR, 10), row(CAR, 4), row(DOG, 42)]
    write_rows(tmp_path / LIST, rows)
    write_frames(tmp_path, CAR, (1, 2, 3, 4, 10))
    write_frames(tmp_path, DOG, (40, 41, 42), size=(300, 150))
    return tmp_path


def read(root, caplog, **changes):
    caplog.clear()
    with caplog.at_level(logging.INFO, "lodestar"):
        return configured("youtube_bb", root, **changes)


def test_segments_frames_and_boxes(tree, caplog):
    dataset = read(tree, caplog)
    assert (dataset.name, dataset.split) == ("YouTube-BB", "train")
    named = dataset.by_name
    assert set(named) == {"AAB6lO-XiKE+23+0", "-_zebra_000+5+12"}
    car, dog = named["AAB6lO-XiKE+23+0"], named["-_zebra_000+5+12"]
    # of 200 x 100 and 300 x 150 pixels
    np.testing.assert_allclose(car.boxes, [(50, 10, 50, 50)] * 4, atol=1e-4)
    expected = [(75, 15, 75, 75), (0, 75, 300, 75), (75, 15, 75, 75)]
    np.testing.assert_allclose(dog.boxes, expected, atol=1e-4)
    assert (car.picture_size, dog.picture_size) == ((200, 100), (300, 150))
    assert [number_of(car.frame(index)) for index in range(4)] == [1, 3, 4, 10]
    assert [number_of(dog.frame(index)) for index in range(3)] == [40, 41, 42]
    assert dog.frame(0).shape == (150, 300, 3)
    car.check_pictures()
    # a second is 30 frames of the footage
    np.testing.assert_array_equal(np.diff(car.numbers), [60, 30, 180])


def test_what_is_left_out_is_counted(tree, caplog):
    rows = [row(CAR, 20, (0.5, 0.5, 0.1, 0.2)), row(CAR, 21, (0.6, 0.5, 0.1, 0.2))]
    rows += [row(CAR, 22, (-0.1, 0.5, 0.1, 0.2)), row(CAR, 23, ("nan", 0.5, 0.1, 0.2))]
    rows += [row(CAR, 24), ("AAB6lO-XiKE", 25000, 23), row(CAR, 26, (0.1, 0.2, 0.1, "x"))]
    with open(tree / LIST, "a") as file:
        file.writelines(",".join(map(str, fields)) + "\n" for fields in rows)
    write_frames(tree, CAR, range(20, 24))
    car = read(tree, caplog).by_name["AAB6lO-XiKE+23+0"]
    assert [number_of(car.frame(index)) for index in range(len(car))] == [1, 3, 4, 10]
    for words in (
        f"target absent: 1, the first {tree / LIST}, line 4",
        "frame missing: 3, the first",
        f"{LIST}: AAB6lO-XiKE+23+0 at 24000 ms",
        "negative side: 1, the first",
        "AAB6lO-XiKE+23+0 at 22000 ms",
        "without area: 2, the first",
        "not finite: 1",
        f"malformed row: 2, the first {tree / LIST}, line 16",
        "target without a usable box: 1, the first gone0000000+23+0",
        "2 targets, 7 boxes",
    ):
        assert words in caplog.text, words


@pytest.mark.parametrize("name", [LIST, UNPACKED, f"{LIST}.gz", f"{UNPACKED}.gz"])
@pytest.mark.parametrize("header", [False, True])
def test_names_of_the_list(tree, caplog, name, header):
    text = (",".join(COLUMNS) + "\n" if header else "") + (tree / LIST).read_text()
    (tree / LIST).unlink()
    content = text.encode()
    (tree / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    assert len(read(tree, caplog).sequences) == 2
    assert "malformed" not in caplog.text


def test_frames_elsewhere(tree, caplog):
    for second in (40, 42):
        write_pictures(tree / "JPEGImages", "-_zebra_000+5+12+{}000.jpg", [second], (64, 32))
    place = "JPEGImages/{youtube_id}+{class_id}+{object_id}+{timestamp_ms}.jpg"
    (dog,) = read(tree, caplog, pictures=place).sequences
    assert [number_of(dog.frame(index)) for index in range(len(dog))] == [40, 42]
    np.testing.assert_allclose(dog.boxes, [(16, 3.2, 16, 16)] * 2, atol=1e-4)
    (tree / "frames" / "-_zebra_000").mkdir(parents=True)
    write_pictures(tree / "frames" / "-_zebra_000", "{}000.jpg", [41])
    (dog,) = read(tree, caplog, pictures="frames/{youtube_id}/{timestamp_ms}.jpg").sequences
    assert number_of(dog.frame(0)) == 41


def test_the_size_is_that_of_the_first_frame_that_says_it(tree, caplog):
    folder = tree / "yt_bb_detection_train" / "5"
    (folder / "-_zebra_000_40000_5_12.jpg").write_bytes(b"broken")
    dog = read(tree, caplog).by_name["-_zebra_000+5+12"]
    assert dog.picture_size == (300, 150) and len(dog) == 3  # a broken frame is training's affair
    for path in folder.iterdir():
        path.write_bytes(b"broken")
    assert "-_zebra_000+5+12" not in read(tree, caplog).by_name
    assert "frame of unreadable size: 3, the first" in caplog.text


def test_the_index_follows_the_list_and_the_frames(tree, tmp_path, caplog):
    index = tmp_path / "index"
    names = ["AAB6lO-XiKE+23+0", "-_zebra_000+5+12"]
    for scanned in (True, False):
        dataset = read(tree, caplog, index=index)
        assert {segment.name for segment in dataset.sequences} == set(names)
        assert ("scanned" in caplog.text) == scanned
    write_frames(tree, BOAT, (7,))  # a video more was downloaded
    os.utime(tree / "yt_bb_detection_train" / "23", ns=(1, 2))  # clocks of file systems are coarse
    dataset = read(tree, caplog, index=index)
    assert {segment.name for segment in dataset.sequences} == {*names, "gone0000000+23+0"}
    assert "scanned" in caplog.text
    write_rows(tree / LIST, [row(CAR, 1)])
    assert len(read(tree, caplog, index=index).sequences) == 1
    assert f"{LIST} changed" in caplog.text or "changed (1 in all)" in caplog.text


@pytest.mark.parametrize(
    "pictures",
    ["a/{youtube_id}.jpg", "{timestamp_ms}/{youtube_id}.jpg", "a/{timestamp_ms:06d}.jpg", "a/{}",
     "a/{name}_{timestamp_ms}.jpg", "a/{youtube_id.x}_{timestamp_ms}.jpg", "a/{", 3, None],
)  # fmt: skip
def test_wrong_patterns(tree, pictures):
    with pytest.raises(InputError, match="dataset.pictures=.*in the name of the file, {timestamp"):
        configured("youtube_bb", tree, pictures=pictures)


def test_what_is_wrong_is_said(tree, caplog):
    with pytest.raises(InputError, match="split=val: expected train of YouTube-BB"):
        configured("youtube_bb", tree, split="val")
    with pytest.raises(InputError, match="no such folder; expected YouTube-BB as yt_bb_detection"):
        configured("youtube_bb", tree / "missing")
    content = (tree / LIST).read_bytes()
    (tree / LIST).unlink()
    with pytest.raises(InputError, match=f"no {LIST} in it; expected YouTube-BB as"):
        configured("youtube_bb", tree)
    (tree / f"{LIST}.gz").write_bytes(gzip.compress(content)[:-20])
    with pytest.raises(InputError, match=rf"{LIST}\.gz: cannot be read"):
        configured("youtube_bb", tree)
    (tree / LIST).write_bytes(content)
    (tree / "yt_bb_detection_train").rename(tree / "moved")
    with pytest.raises(InputError, match="yt_bb_detection_train: no such folder of frames"):
        configured("youtube_bb", tree)
    (tree / "yt_bb_detection_train").mkdir()
    with pytest.raises(InputError, match="no target of YouTube-BB train .*frame missing: 9"):
        configured("youtube_bb", tree)
