import cv2
import numpy as np
import pytest

from datasets import trackingnet as module
from datasets.benchmark import read_list
from datasets.trackingnet import trackingnet
from ops.errors import InputError

NAMES = [row["name"] for row in read_list("trackingnet_test")[:3]]


def write(root, name, frames=12, rows=("10.5,20,30,40.25",)):
    """Picture number n is grey of 20 n; there is no zero before its name."""
    folder = root / "TEST" / "frames" / name
    folder.mkdir(parents=True)
    (root / "TEST" / "anno").mkdir(exist_ok=True)
    (root / "TEST" / "anno" / f"{name}.txt").write_text("\n".join(rows) + "\n")
    for number in range(frames):
        cv2.imwrite(str(folder / f"{number}.jpg"), np.full((8, 12, 3), 20 * number, np.uint8))


def test_the_list():
    names = [row["name"] for row in read_list("trackingnet_test")]
    assert len(names) == len(set(names)) == 511
    assert all(len(name) == 13 and name[-2] == "_" for name in names)  # YouTube's, and which track


@pytest.mark.parametrize("below", [".", "TEST"])
def test_first_box_then_nothing(tmp_path, below):
    write(tmp_path, NAMES[0])
    write(tmp_path, NAMES[1], frames=1)
    dataset = trackingnet(tmp_path / below, NAMES[:2])
    assert (dataset.name, dataset.split, dataset.server) == ("TrackingNet", "test", "trackingnet")
    assert (dataset.part, dataset.origin) == ("2 of 511 sequences", 0.0)
    long, single = (dataset.by_name[name] for name in NAMES[:2])
    assert (len(long), len(single)) == (12, 1)
    np.testing.assert_array_equal(long.boxes[0], [10.5, 20, 30, 40.25])
    assert np.isnan(long.boxes[1:]).all()
    long.check_pictures()
    for index in (0, 2, 11):  # by number: 2.jpg is the third, not what follows 11.jpg
        assert abs(int(long.frame(index)[4, 6, 0]) - 20 * index) <= 1


def test_what_is_wrong_is_said(tmp_path):
    write(tmp_path / "two", NAMES[0], rows=["1,2,3,4", "1,2,3,4"])
    write(tmp_path / "none", NAMES[0], frames=0)
    write(tmp_path / "gap", NAMES[0])
    (tmp_path / "gap" / "TEST" / "frames" / NAMES[0] / "4.jpg").unlink()
    (tmp_path / "empty").mkdir()
    for case, words in {
        "two": f"{NAMES[0]}.txt: 2 rows, TrackingNet has 1",
        "none": f"{NAMES[0]}: no pictures",
        "empty": "expected TrackingNet as TEST/anno",
        "missing": "expected TrackingNet as TEST/anno",
    }.items():
        with pytest.raises(InputError) as caught:
            trackingnet(tmp_path / case, NAMES[:1])
        assert words in str(caught.value) and "\n" not in str(caught.value), case
    with pytest.raises(InputError, match="510 of 511 are missing"):
        trackingnet(tmp_path / "gap")
    (sequence,) = trackingnet(tmp_path / "gap", NAMES[:1]).sequences
    with pytest.raises(InputError, match=r"1 of 11 pictures are missing.*4\.jpg"):
        sequence.check_pictures()


def test_a_number_in_the_list_counts(tmp_path, monkeypatch):
    write(tmp_path, NAMES[0], frames=5)
    monkeypatch.setattr(module, "read_list", lambda name: [{"name": NAMES[0], "frames": "6"}])
    (sequence,) = trackingnet(tmp_path).sequences
    assert len(sequence) == 6
    with pytest.raises(InputError, match=r"1 of 6 pictures are missing.*5\.jpg"):
        sequence.check_pictures()
