import cv2
import numpy as np
import pytest

from datasets.picture_size import read_picture_size
from ops.errors import InputError

PICTURE = np.random.default_rng(0).integers(0, 256, (37, 51, 3), np.uint8)
PROGRESSIVE = [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]


@pytest.mark.parametrize("name, options", [("a.jpg", []), ("b.JPEG", PROGRESSIVE), ("c.png", [])])
def test_the_size_that_opencv_decodes(tmp_path, name, options):
    path = tmp_path / name
    path.write_bytes(cv2.imencode(path.suffix, PICTURE, options)[1].tobytes())
    assert read_picture_size(path) == cv2.imread(str(path)).shape[1::-1] == (51, 37)
    path.write_bytes(cv2.imencode(path.suffix, PICTURE[:, :, 0], options)[1].tobytes())
    assert read_picture_size(path) == (51, 37)


@pytest.mark.parametrize("marker", [b"\xff\xe1", b"\xff\xc4", b"\xff\xcc"])
def test_what_stands_before_the_frame_of_a_jpeg_is_skipped(tmp_path, marker):
    """Data of an application or a table, a frame of another size in it; bytes that fill a gap."""
    data = cv2.imencode(".jpg", PICTURE)[1].tobytes()
    thumbnail = cv2.imencode(".jpg", PICTURE[:8, :9])[1].tobytes()
    length = (len(thumbnail) + 2).to_bytes(2, "big")
    path = tmp_path / "a.jpg"
    path.write_bytes(data[:2] + marker + length + thumbnail + b"\xff\xff\xff" + data[3:])
    assert read_picture_size(path) == (51, 37)


@pytest.mark.parametrize(
    "content, words",
    [
        (b"", "neither JPEG nor PNG"),
        (b"GIF89a" + bytes(40), "neither JPEG nor PNG"),
        (b"\xff\xd8\xff\xe0\x00\x10", "ends before its size"),
        (b"\xff\xd8" + bytes(40), "ends before its size"),
        (cv2.imencode(".jpg", PICTURE)[1].tobytes()[:150], "ends before its size"),
        (None, "No such file"),
    ],
)
def test_what_has_no_size_is_named(tmp_path, content, words):
    path = tmp_path / "a.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=rf"a\.jpg: .*{words}"):
        read_picture_size(path)
