"""Pictures from disk."""

import re
from pathlib import Path

import cv2
import numpy as np

from ops.errors import InputError

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}


def read_picture(path: Path) -> np.ndarray:
    """A picture file as (H, W, 3) uint8 RGB.

    Raises InputError, naming the file, where it is missing, not a picture, or cut short (OpenCV
    fills the rest of a truncated JPEG with grey and says nothing).
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    if data[:2] == b"\xff\xd8" and data.rfind(b"\xff\xd9", len(data) // 2) < 0:
        raise InputError(f"{path}: broken picture, the JPEG ends before its end marker")
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB) if data else None
    if picture is None:
        raise InputError(f"{path}: broken picture, it cannot be decoded")
    return picture


def list_pictures(folder: Path) -> list[Path]:
    """The picture files of a folder by name, numbers in it by value: 2.jpg before 10.jpg."""
    found = (path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    return sorted((path for path in found if not path.name.startswith(".")), key=_natural)


def _natural(path: Path) -> list[tuple[int, str]]:
    parts = re.split(r"(\d+)", path.name)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]
