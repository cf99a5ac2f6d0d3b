import cv2
import numpy as np
import pytest

from datasets import got10k as module
from datasets.benchmark import read_list
from datasets.got10k import got10k
from ops.errors import InputError

VAL = ["GOT-10k_Val_000001", "GOT-10k_Val_000002"]
TEST = ["GOT-10k_Test_000001", "GOT-10k_Test_000180"]
COVER = [8, 3, 0, 1, 8]
META = "[METAINFO]\nurl: https://a.b/c?d=%41\nbegin: 00:00:01\nresolution: (1920, 1080)\n"


def write(root, subset, name, frames=5, first=0.0):
    """Boxes count up from `first`; picture number n is grey of 20 n."""
    folder = root / subset / name
    folder.mkdir(parents=True)
    boxes = first + np.arange(4.0 * frames).reshape(-1, 4) * 1.25
    rows = boxes if subset == "val" else boxes[:1]
    np.savetxt(folder / "groundtruth.txt", rows, fmt="%.4f", delimiter=",")
    for number in range(1, frames + 1):
        picture = np.full((8, 12, 3), 20 * number, np.uint8)
        cv2.imwrite(str(folder / f"{number:08d}.jpg"), picture)
    with open(root / subset / "list.txt", "a") as file:
        file.write(name + "\n")
    if subset == "val":
        (folder / "cover.label").write_text("".join(f"{c}\n" for c in COVER))
        (folder / "absence.label").write_text("0\n0\n1\n0\n0\n")
        (folder / "cut_by_image.label").write_text("0\n" * frames)
        (folder / "meta_info.ini").write_text(META)
    return folder


@pytest.mark.parametrize("subset", ["val", "test"])
def test_the_lists(subset):
    names = [row["name"] for row in read_list(f"got10k_{subset}")]
    assert names == [f"GOT-10k_{subset.title()}_{number:06d}" for number in range(1, 181)]


@pytest.fixture
def toolkit():
    return pytest.importorskip("got10k.datasets", reason="the got10k toolkit wants six")


@pytest.mark.parametrize("below", [".", "val"])
def test_val(tmp_path, below):
    for number, name in enumerate(VAL):
        write(tmp_path, "val", name, first=number)
    dataset = got10k(tmp_path / below, "val", VAL)
    assert (dataset.name, dataset.split, dataset.convention) == ("GOT-10k val", "val", "got10k")
    assert (dataset.part, dataset.origin, dataset.server) == ("2 of 180 sequences", 0.0, None)
    assert [s.name for s in dataset.sequences] == VAL
    sequence = dataset.sequences[1]
    np.testing.assert_array_equal(sequence.boxes[:2], [[1, 2.25, 3.5, 4.75], [6, 7.25, 8.5, 9.75]])
    np.testing.assert_array_equal(sequence.cover, COVER)
    assert sequence.picture_size == (1920, 1080)
    assert sequence.absent is None  # the toolkit scores where cover > 0 and nothing else
    sequence.check_pictures()
    for index in (0, 3):
        assert abs(int(sequence.frame(index)[4, 6, 0]) - 20 * (index + 1)) <= 1


def test_val_as_the_toolkit_reads_it(tmp_path, toolkit):
    for number, name in enumerate(VAL):
        write(tmp_path, "val", name, first=number)
    theirs = toolkit.GOT10k(str(tmp_path), subset="val", return_meta=True)
    for sequence in got10k(tmp_path, "val", VAL).sequences:
        pictures, boxes, meta = theirs[sequence.name]
        np.testing.assert_array_equal(sequence.boxes, boxes)
        np.testing.assert_array_equal(sequence.cover, meta["cover"])
        assert str(sequence.picture_size) == meta["resolution"]
        assert [str(sequence.picture(i)) for i in range(len(sequence))] == pictures


def test_val_is_read_without_pictures(tmp_path):
    for picture in write(tmp_path, "val", VAL[0]).glob("*.jpg"):
        picture.unlink()
    (sequence,) = got10k(tmp_path, "val", VAL[:1]).sequences
    assert len(sequence) == 5 and sequence.picture_size == (1920, 1080)
    with pytest.raises(InputError, match="5 of 5 pictures are missing"):
        sequence.check_pictures()


@pytest.mark.parametrize("below", [".", "test"])
def test_test_has_the_first_box(tmp_path, below):
    write(tmp_path, "test", TEST[0], first=2)
    write(tmp_path, "test", TEST[1], frames=3)
    dataset = got10k(tmp_path / below, "test", TEST)
    assert (dataset.name, dataset.split, dataset.server) == ("GOT-10k test", "test", "got10k")
    first, second = dataset.sequences
    assert (len(first), len(second), first.cover) == (5, 3, None)
    np.testing.assert_array_equal(first.boxes[0], [2, 3.25, 4.5, 5.75])
    assert np.isnan(first.boxes[1:]).all()
    first.check_pictures()
    assert abs(int(first.frame(4)[4, 6, 0]) - 100) <= 1


def test_test_as_the_toolkit_reads_it(tmp_path, toolkit):
    write(tmp_path, "test", TEST[0], first=2)
    (sequence,) = got10k(tmp_path, "test", TEST[:1]).sequences
    pictures, boxes = toolkit.GOT10k(str(tmp_path), subset="test")[TEST[0]]
    np.testing.assert_array_equal(sequence.boxes[:1], boxes)
    assert [str(sequence.picture(i)) for i in range(len(sequence))] == pictures


def test_what_is_wrong_is_said(tmp_path):
    def broken(case, file, text):
        folder = write(tmp_path / case, "val", VAL[0])
        (folder / file).write_text(text) if text is not None else (folder / file).unlink()

    broken("rows", "groundtruth.txt", "1,2,3,4\n" * 4)
    broken("covers", "cover.label", "8\n" * 4)
    broken("nine", "cover.label", "8\n8\n9\n8\n8\n")
    broken("half", "cover.label", "8\n8\n8\n2.5\n8\n")
    broken("cover", "cover.label", None)
    broken("meta", "meta_info.ini", None)
    broken("size", "meta_info.ini", "[METAINFO]\nresolution: big\n")
    broken("picture", "00000003.jpg", None)
    (tmp_path / "empty").mkdir()
    for case, words in {
        "rows": "groundtruth.txt: 4 rows for 5 pictures",
        "covers": "cover.label: 4 rows, GOT-10k val has 5",
        "nine": "cover.label, line 3: expected a whole number from 0 to 8, found 9",
        "half": "cover.label, line 4: expected a whole number from 0 to 8, found 2.5",
        "cover": "cover.label: cannot be read",
        "meta": "meta_info.ini: no such file",
        "size": "meta_info.ini: expected a line resolution: (WIDTH, HEIGHT)",
        "picture": "groundtruth.txt: 5 rows for 4 pictures",
        "empty": "expected GOT-10k val as val/NAME/groundtruth.txt",
        "missing": "expected GOT-10k val as val/NAME/groundtruth.txt",
    }.items():
        with pytest.raises(InputError) as caught:
            got10k(tmp_path / case, "val", VAL[:1])
        assert words in str(caught.value) and "\n" not in str(caught.value), case
        assert case in ("empty", "missing") or VAL[0] in str(caught.value), case
    with pytest.raises(InputError, match="179 of 180 are missing"):
        got10k(tmp_path / "rows", "val")
    with pytest.raises(InputError, match="dataset.subset=train: expected val or test"):
        got10k(tmp_path, "train")
    (write(tmp_path, "test", TEST[0]) / "groundtruth.txt").write_text("1,2,3,4\n1,2,3,4\n")
    with pytest.raises(InputError, match="2 rows, GOT-10k test has 1"):
        got10k(tmp_path, "test", TEST[:1])


def test_a_number_in_the_list_counts(tmp_path, monkeypatch):
    write(tmp_path, "val", VAL[0])
    monkeypatch.setattr(module, "read_list", lambda name: [{"name": VAL[0], "frames": "6"}])
    with pytest.raises(InputError, match="groundtruth.txt: 5 rows, GOT-10k val has 6"):
        got10k(tmp_path, "val")
