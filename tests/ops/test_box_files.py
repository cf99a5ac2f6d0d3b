import numpy as np
import pytest

from ops.box_files import read_boxes, read_flags, read_rows
from ops.errors import InputError


@pytest.mark.parametrize(
    "text",
    [
        "1,2,3,4\n5,6,7,8\n",
        "1;2;3;4\n5;6;7;8",
        "1\t2\t3\t4\n5\t6\t7\t8\n\n \n",
        "  1 2   3 4\r\n5 6 7 8\r\n",
        "1, 2 ,3,\t4\n5,6,7,8\n",
        "\ufeff1.0,2e0,3,4\n5,6,7,+8\n",
        "1,2,3,4\n5\t6\t7\t8\n",  # separators may change from line to line, or within one
        "1 2,3;4\n5,6,7,8\n",
    ],
)
def test_separators(tmp_path, text):
    path = tmp_path / "a.txt"
    path.write_bytes(text.encode())
    assert read_boxes(path).tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]
    assert read_boxes(path, origin=1.0).tolist() == [[0, 1, 3, 4], [4, 5, 7, 8]]


def test_nan_one_row_and_nothing(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("NaN,NaN,nan,NaN\n")
    assert np.isnan(read_boxes(path, 1.0)).all() and read_boxes(path).shape == (1, 4)
    path.write_text("\n")
    assert read_boxes(path).shape == (0, 4)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("1,2,3,4\n1,2,3\n", 2),
        ("1,2,3\n1,2,3\n", 1),
        ("1,2,3\n1,2,3,4,5\n", 1),  # eight numbers, but not four a line
        ("1,2,3,4\n\n1,2,3,4\n", 2),
        ("\n1,2,3,4\n", 1),
        ("1,2,3,4\n1,,3,4\n", 2),
        ("1 2 3 4\n1,,2 3 4\n", 2),
        ("1,2,3,4\n1,2,3,4,\n", 2),
        ("1,2,3,4\n1,2,3,4\n1,x,3,4\n", 3),
        ("#1,2,3,4\n", 1),
        ("1,2,3,4 # the first\n", 1),
    ],
)
def test_a_wrong_line_is_named(tmp_path, text, line):
    path = tmp_path / "a.txt"
    path.write_text(text)
    with pytest.raises(InputError, match=rf"a.txt, line {line}: expected four numbers x,y,w,h, fo"):
        read_boxes(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none.txt: cannot be read \(No such file"):
        read_boxes(tmp_path / "none.txt")
    with pytest.raises(InputError, match=r"none.txt: cannot be read \(No such file"):
        read_flags(tmp_path / "none.txt")


def test_tables_of_several_widths(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("1,2\n3,4\n")
    assert read_rows(path, (3, 2), "two or three").tolist() == [[1, 2], [3, 4]]
    path.write_text("1 2,3\n4 5 6\n")
    assert read_rows(path, (3, 2), "two or three").tolist() == [[1, 2, 3], [4, 5, 6]]
    path.write_text("1,2\n3,4,5\n")
    with pytest.raises(InputError, match="line 2: expected two or three, found '3,4,5'"):
        read_rows(path, (3, 2), "two or three")


def test_flags(tmp_path):
    path = tmp_path / "a.txt"
    for text in ("0,1,1\n", "0\n1\n1\n", "0, 1 1"):
        path.write_text(text)
        assert read_flags(path).tolist() == [False, True, True]
    path.write_text("")
    assert read_flags(path).shape == (0,) and read_flags(path).dtype == bool
    path.write_text("0\n2\n")
    with pytest.raises(InputError, match=r"a.txt: expected 0 or 1 for each frame, found '2'"):
        read_flags(path)
