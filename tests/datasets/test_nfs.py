import cv2
import numpy as np
import pytest

from datasets.benchmark import read_list
from datasets.nfs import nfs
from ops.errors import InputError

NAME, FRAMES = "car_jumping", 22
OTHER = ("shuffleboard_5", 32)


def corners(count):
    """Left, top, right, bottom of `count` boxes that differ from row to row."""
    rows = np.arange(count)
    return np.stack([10 + rows, 20 + 2 * rows, 40 + 3 * rows, 45 + 2 * rows], 1)


def vatic(rows, step):
    lines = (
        f'0 {" ".join(map(str, row))} {i * step} {i % 2} 0 1 "person head"'
        for i, row in enumerate(rows)
    )
    return "\n".join(lines) + "\n"


def write_pictures(folder, count):
    """Picture number n is grey of 5 n."""
    folder.mkdir(parents=True)
    for number in range(1, count + 1):
        cv2.imwrite(str(folder / f"{number:05d}.jpg"), np.full((8, 12, 3), 5 * number, np.uint8))


def write_original(root, name=NAME, frames=FRAMES, rows=None, step=8):
    write_pictures(root / name / "30" / name, frames)
    rows = frames if rows is None else rows
    (root / name / "30" / f"{name}.txt").write_text(vatic(corners(rows), step))


def write_converted(root, name=NAME, frames=FRAMES):
    write_pictures(root / "sequences" / name, frames)
    (root / "anno").mkdir(exist_ok=True)
    boxes = corners(frames)
    boxes[:, 2:] -= boxes[:, :2]
    text = "\n".join("\t".join(map(str, box)) for box in boxes) + "\n"
    (root / "anno" / f"nfs_{name}.txt").write_text(text)


def test_the_list():
    rows = read_list("nfs")
    assert len(rows) == len({row["name"] for row in rows}) == 100
    assert sum(int(row["frames"]) for row in rows) == 47953
    assert {"name": NAME, "frames": str(FRAMES)} in rows


@pytest.mark.parametrize(
    ("rows", "step"), [(FRAMES, 8), (FRAMES + 1, 8), (8 * FRAMES, 1), (8 * FRAMES - 7, 1)]
)
def test_original_layout(tmp_path, rows, step):
    write_original(tmp_path, rows=rows, step=step)
    (sequence,) = nfs(tmp_path, [NAME]).sequences
    assert len(sequence) == FRAMES
    expected = corners(rows)[:: 8 if step == 1 else 1][:FRAMES]
    np.testing.assert_array_equal(sequence.boxes[:, :2], expected[:, :2])
    np.testing.assert_array_equal(sequence.boxes[:, 2:], expected[:, 2:] - expected[:, :2])


def test_original_layout_as_the_toolkit_reads_it(tmp_path):
    toolkit = pytest.importorskip("got10k.datasets", reason="the got10k toolkit wants six")
    for name, frames, rows, step in (
        (NAME, FRAMES, FRAMES + 1, 8),
        ("car_camaro", 36, 36, 8),
        ("shuffleboard_2", 41, 8 * 41, 1),
        ("shuffleboard_1", 42, 8 * 42 - 7, 1),
    ):
        write_original(tmp_path, name, frames, rows, step)
    names = ["shuffleboard_1", "shuffleboard_2", "car_camaro", NAME]
    for sequence in nfs(tmp_path, names).sequences:
        pictures, boxes = toolkit.NfS(str(tmp_path), fps=30)[sequence.name]
        np.testing.assert_array_equal(sequence.boxes, boxes)
        assert [str(sequence.picture(i)) for i in range(len(sequence))] == pictures


@pytest.mark.parametrize("write", [write_original, write_converted])
def test_both_layouts_give_the_same(tmp_path, write):
    write(tmp_path)
    write(
        tmp_path, *OTHER[:1], frames=OTHER[1], **({"rows": 32} if write is write_original else {})
    )
    dataset = nfs(tmp_path, sequences=[OTHER[0], NAME])
    assert [s.name for s in dataset.sequences] == [NAME, OTHER[0]]
    assert (dataset.name, dataset.split, dataset.convention) == ("NfS", "test", "matlab_otb")
    assert (dataset.part, dataset.origin, dataset.server) == ("2 of 100 sequences", 0.0, None)
    sequence = dataset.by_name[NAME]
    np.testing.assert_array_equal(sequence.boxes[1], [11, 22, 32, 25])
    sequence.check_pictures()
    for index in (0, 9, 21):
        assert abs(int(sequence.frame(index)[4, 6, 0]) - 5 * (index + 1)) <= 1


def test_what_is_wrong_is_said(tmp_path):
    write_original(tmp_path / "short", rows=FRAMES - 1)
    write_original(tmp_path / "long", rows=FRAMES + 2)
    write_original(tmp_path / "few", frames=FRAMES - 1, rows=FRAMES)
    write_original(tmp_path / "word")
    text = vatic(corners(FRAMES), 8).replace("0 11 22 ", "0 11 ? ")
    (tmp_path / "word" / NAME / "30" / f"{NAME}.txt").write_text(text)
    (tmp_path / "empty").mkdir()
    for case, words in {
        "short": f"{NAME}.txt: 21 rows, NfS has 22",
        "long": f"{NAME}.txt: 24 rows, NfS has 22",
        "word": f"{NAME}.txt, line 2: expected track left top",
        "empty": "expected NfS as NAME/30/NAME.txt",
        "missing": "expected NfS as NAME/30/NAME.txt",
    }.items():
        with pytest.raises(InputError) as caught:
            nfs(tmp_path / case, [NAME])
        assert words in str(caught.value) and "\n" not in str(caught.value), case
    with pytest.raises(InputError, match="99 of 100 are missing"):
        nfs(tmp_path / "few")
    (sequence,) = nfs(tmp_path / "few", [NAME]).sequences
    with pytest.raises(InputError, match="1 of 22 pictures are missing.*00022.jpg"):
        sequence.check_pictures()
    with pytest.raises(InputError, match="zebra not in NfS"):
        nfs(tmp_path / "few", ["zebra"])
