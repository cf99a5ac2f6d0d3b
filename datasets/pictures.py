"""Pictures from disk."""

import ctypes
import re
import sys
from pathlib import Path

import cv2
import numpy as np

from ops.errors import InputError

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}
# In colour: OpenCV's word for "not grey" and "RGB" is one flag, which the reduced ones lack.
REDUCED = {
    8: cv2.IMREAD_REDUCED_GRAYSCALE_8 | cv2.IMREAD_COLOR_RGB,
    4: cv2.IMREAD_REDUCED_GRAYSCALE_4 | cv2.IMREAD_COLOR_RGB,
    2: cv2.IMREAD_REDUCED_GRAYSCALE_2 | cv2.IMREAD_COLOR_RGB,
    1: cv2.IMREAD_COLOR_RGB,
}


def read_picture(path: Path) -> np.ndarray:
    """A picture file as (H, W, 3) uint8 RGB.

    Raises InputError, naming the file, where it is missing, not a picture, or cut short (OpenCV
    fills the rest of a truncated JPEG with grey and says nothing).
    """
    return read_reduced_picture(path, 1)[0]


def read_reduced_picture(path: Path, most: float) -> tuple[np.ndarray, int]:
    """A picture file as small as it can be decoded at once, but not below 1/most of its size.

    A JPEG is decoded to 1/2, 1/4 or 1/8 of its size for less than the whole costs; the other
    formats come in full, and so does a JPEG with EXIF data, as it may be turned: the last column
    of a reduced picture may be a fraction of one, and would then be another.

    Returns:
        (H, W, 3) uint8 RGB, and its reduction r of 1, 2, 4 or 8: a point (x, y) of the picture lies
        at (x / r, y / r). H and W are rounded up.

    Raises InputError as `read_picture` does.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    jpeg = data[:2] == b"\xff\xd8"
    if jpeg and data.rfind(b"\xff\xd9", len(data) // 2) < 0:
        raise InputError(f"{path}: broken picture, the JPEG ends before its end marker")
    reduction = 1
    if jpeg and most >= 2 and data.find(b"Exif\0\0", 0, 64) < 0:
        reduction = next(factor for factor in REDUCED if factor <= most)
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), REDUCED[reduction]) if data else None
    if picture is None:
        raise InputError(f"{path}: broken picture, it cannot be decoded")
    return picture, reduction


def list_pictures(folder: Path) -> list[Path]:
    """The picture files of a folder by name, numbers in it by value: 2.jpg before 10.jpg."""
    found = (path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    return sorted((path for path in found if not path.name.startswith(".")), key=_natural)


def _natural(path: Path) -> list[tuple[int, str]]:
    parts = re.split(r"(\d+)", path.name)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]


def tune_malloc() -> None:
    """Let this process keep the memory of one picture for the next.

    glibc asks the system for every large block anew and gives it back when it is freed, and the
    faults of its fresh pages take longer than decoding a picture of 1280 x 720. Does nothing where
    there is another C library. Malloc's options are numbers of malloc.h.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is None:
        return
    trim_threshold, top_pad, mmap_threshold = -1, -2, -3
    if not mallopt(mmap_threshold, 1 << 30):
        mallopt(mmap_threshold, 1 << 25)  # the most that older releases take
    mallopt(trim_threshold, 1 << 30)
    mallopt(top_pad, 1 << 26)
