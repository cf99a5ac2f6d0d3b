import cv2
import numpy as np
import pytest

from datasets.folder import folder
from ops.errors import InputError


def write_sequence(root, name, boxes, separator=",", pictures=None):
    images = root / name / "img"
    images.mkdir(parents=True)
    for index in range(len(boxes) if pictures is None else pictures):
        picture = np.full((30, 40, 3), (10, 20, 200), np.uint8)  # BGR, as OpenCV writes
        picture[0, 0] = index
        cv2.imwrite(str(images / f"{index:04d}.png"), picture)
    rows = [separator.join(str(value) for value in box) for box in boxes]
    (root / name / "groundtruth_rect.txt").write_text("\n".join(rows) + "\n")


BOXES = [[1, 2, 3, 4], [1.5, 2.5, 3, 4], ["NaN"] * 4]


@pytest.mark.parametrize("separator", [",", "\t", " ", ", "])
@pytest.mark.parametrize("one_based", [False, True])
def test_forms_of_annotation(tmp_path, separator, one_based):
    write_sequence(tmp_path, "a", BOXES, separator)
    dataset = folder(tmp_path, one_based=one_based)
    (sequence,) = dataset.sequences
    first = [0, 1, 3, 4] if one_based else [1, 2, 3, 4]
    np.testing.assert_array_equal(sequence.boxes[0], first)
    assert np.isnan(sequence.boxes[2]).all() and len(sequence) == 3
    frame = sequence.frame(1)
    assert frame.shape == (30, 40, 3) and frame[5, 5].tolist() == [200, 20, 10]  # RGB
    assert frame[0, 0, 0] == 1
    assert dataset.origin == one_based  # result files count as the annotation does


def test_pictures_come_in_the_order_of_their_numbers(tmp_path):
    write_sequence(tmp_path, "a", [[1, 2, 3, 4]] * 12)
    images = tmp_path / "a" / "img"
    for path in images.iterdir():
        path.rename(path.with_name(f"{int(path.stem) + 1}.png"))
    (images / "._1.png").write_bytes(b"left by a file manager")
    (sequence,) = folder(tmp_path).sequences
    assert [int(sequence.frame(i)[0, 0, 0]) for i in range(12)] == list(range(12))


def test_a_part_is_named(tmp_path):
    for name in ("a", "b", "c"):
        write_sequence(tmp_path, name, BOXES)
    part = folder(tmp_path, sequences=["c", "a"], max_frames=2)
    assert [s.name for s in part.sequences] == ["a", "c"]
    assert [len(s) for s in part.sequences] == [2, 2]
    assert part.part == "2 of 3 sequences, at most 2 frames of each"
    assert folder(tmp_path).part is None


def test_what_is_wrong_is_said(tmp_path):
    write_sequence(tmp_path / "short", "a", BOXES, pictures=4)
    write_sequence(tmp_path / "word", "a", [[1, 2, 3, 4], ["x", 2, 3, 4]])
    write_sequence(tmp_path / "three", "a", [[1, 2, 3]])
    write_sequence(tmp_path / "none", "a", BOXES)
    (tmp_path / "none" / "a" / "groundtruth_rect.txt").unlink()
    (tmp_path / "empty").mkdir()
    cases = {
        "short": "3 rows for 4 pictures",
        "word": "line 2: expected",
        "three": "line 1: expected",
        "none": "groundtruth_rect.txt",
        "empty": "no sequences in it, expected NAME/img",
        "missing": "no such folder",
    }
    for name, words in cases.items():
        with pytest.raises(InputError, match=words) as caught:
            folder(tmp_path / name)
        assert name in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(InputError, match="dataset.sequences: z not in"):
        folder(tmp_path / "short", sequences=["z"])
    with pytest.raises(InputError, match="data_root=DIR"):
        folder(None)


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_a_broken_picture_is_named(tmp_path, suffix):
    write_sequence(tmp_path, "a", BOXES)
    noise = np.random.default_rng(0).integers(0, 256, (60, 60, 3), np.uint8)
    whole = cv2.imencode(f".{suffix}", noise)[1].tobytes()
    broken = tmp_path / "a" / "img" / f"0001b.{suffix}"
    broken.write_bytes(whole[: len(whole) // 2])
    (tmp_path / "a" / "img" / "0002.png").unlink()
    (sequence,) = folder(tmp_path).sequences
    with pytest.raises(InputError, match=rf"0001b.{suffix}: broken picture"):
        sequence.frame(2)
    broken.write_bytes(b"")
    with pytest.raises(InputError, match=rf"0001b.{suffix}: broken picture"):
        sequence.frame(2)
