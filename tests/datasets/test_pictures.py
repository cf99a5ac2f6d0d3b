"""Reading of pictures in full and reduced; tests/datasets/test_folder.py has broken ones."""

import struct
import subprocess
import sys

import cv2
import numpy as np
import pytest
from conftest import ROOT

from datasets.pictures import read_picture, read_reduced_picture
from ops.errors import InputError


def smooth(height, width, seed=0):
    """A colourful picture without fine detail."""
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def write(path, picture, exif=b""):
    """A JPEG of quality 95, or what the name says, from RGB."""
    data = cv2.imencode(path.suffix, picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])[1]
    data = data.tobytes()
    path.write_bytes(data[:2] + exif + data[2:])
    return path


def sideways():
    """EXIF data that say: turn the picture by 90 degrees."""
    entry = struct.pack("<HHII", 0x112, 3, 1, 6)
    block = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1) + entry + struct.pack("<I", 0)
    return b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block


@pytest.mark.parametrize("size", [(64, 96), (97, 133), (101, 75), (90, 66)])
@pytest.mark.parametrize("reduction", [2, 4, 8])
def test_a_reduced_jpeg_lies_at_a_fraction_of_its_coordinates(tmp_path, size, reduction):
    """A bright disc in the full picture, and where it is in the reduced one: its centre of mass
    in continuous pixels, divided. Blocks of r x r full pixels are the reduced ones."""
    height, width = size
    row, column = np.mgrid[:height, :width]
    for x, y in ((20, 20), (width - 22, height - 22)):
        disc = 255 / (1 + np.exp(np.hypot(column + 0.5 - x, row + 0.5 - y) - 14))
        picture = np.repeat(disc[..., None], 3, 2).astype(np.uint8)
        path = write(tmp_path / "disc.jpg", picture)
        found, factor = read_reduced_picture(path, reduction)
        assert factor == reduction
        assert found.shape == (-(-height // reduction), -(-width // reduction), 3)
        weight = found[..., 1].astype(float)
        rows, columns = np.mgrid[: found.shape[0], : found.shape[1]] + 0.5
        centre = [(weight * columns).sum(), (weight * rows).sum()] / weight.sum()
        np.testing.assert_allclose(centre, [x / reduction, y / reduction], atol=0.06)

    path = write(tmp_path / "smooth.jpg", smooth(height, width))
    full, (found, _) = read_picture(path), read_reduced_picture(path, reduction)
    rows, columns = height // reduction, width // reduction
    blocks = full[: rows * reduction, : columns * reduction].astype(float)
    blocks = blocks.reshape(rows, reduction, columns, reduction, 3).mean((1, 3))
    assert np.abs(found[:rows, :columns] - blocks).mean() < 2  # also says: colour, and RGB
    assert np.abs(found[..., 0].astype(float) - found[..., 2]).mean() > 20


def test_it_is_reduced_as_far_as_asked_and_not_further(tmp_path):
    path = write(tmp_path / "a.jpg", smooth(64, 64))
    asked = {0.5: 1, 1: 1, 1.99: 1, 2: 2, 3.9: 2, 4: 4, 7.9: 4, 8: 8, 1e9: 8}
    assert {most: read_reduced_picture(path, most)[1] for most in asked} == asked
    full, reduction = read_reduced_picture(path, 1)
    assert reduction == 1 and np.array_equal(full, read_picture(path))


def test_what_cannot_be_reduced_comes_in_full(tmp_path):
    picture = smooth(97, 133)
    found, reduction = read_reduced_picture(write(tmp_path / "a.png", picture), 8)
    assert reduction == 1 and np.array_equal(found, picture)
    turned = write(tmp_path / "turned.jpg", picture, sideways())
    found, reduction = read_reduced_picture(turned, 8)
    assert found.shape == (133, 97, 3) and reduction == 1
    assert np.array_equal(found, read_picture(turned))
    assert np.abs(np.rot90(found).astype(float) - picture).mean() < 5


@pytest.mark.parametrize("most", [1, 4])
def test_a_jpeg_that_is_cut_short_is_named(tmp_path, most):
    path = write(tmp_path / "cut.jpg", smooth(97, 133))
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(InputError, match="cut.jpg: broken picture, the JPEG ends before"):
        read_reduced_picture(path, most)
    with pytest.raises(InputError, match="none.jpg: cannot be read"):
        read_reduced_picture(tmp_path / "none.jpg", most)


def test_tuned_malloc_asks_the_system_for_no_block_of_its_own():
    program = """
import ctypes, sys
import numpy as np
from datasets.pictures import tune_malloc
class Info(ctypes.Structure):
    names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
    _fields_ = [(name, ctypes.c_size_t) for name in names.split()]
libc = ctypes.CDLL(None)
if not hasattr(libc, "mallinfo2"):
    sys.exit(7)
libc.mallinfo2.restype = Info
def blocks(megabytes):
    before = libc.mallinfo2().hblks
    picture = np.empty(megabytes << 20, np.uint8)
    return libc.mallinfo2().hblks - before
assert blocks(8) == 1
tune_malloc()
assert blocks(24) == 0
"""
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True)
    if result.returncode == 7:
        pytest.skip("another C library than glibc 2.33 or later")
    assert result.returncode == 0, result.stderr.decode()
