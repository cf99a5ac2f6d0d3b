"""The size of a picture from the first bytes of its file, without decoding it."""

import struct
from pathlib import Path
from typing import BinaryIO

from ops.errors import InputError

PNG = b"\x89PNG\r\n\x1a\n"
# Start-of-frame markers of JPEG, 0xC0 to 0xCF, but for those that are tables (ITU T.81, Table B.1).
FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
ALONE = {0x01, *range(0xD0, 0xD9)}  # markers that nothing follows


def read_picture_size(path: Path) -> tuple[int, int]:
    """(width, height) of a JPEG or PNG file. Raises InputError, naming it, where it is neither."""
    try:
        with open(path, "rb") as file:
            head = file.read(24)
            if head.startswith(PNG) and head[12:16] == b"IHDR":
                return struct.unpack(">II", head[16:24])
            if head.startswith(b"\xff\xd8"):
                file.seek(2)
                return _jpeg_size(file)
    except (OSError, struct.error, EOFError) as error:
        reason = getattr(error, "strerror", None) or "it ends before its size"
        raise InputError(f"{path}: the picture's size cannot be read ({reason})") from None
    raise InputError(f"{path}: the picture's size cannot be read (neither JPEG nor PNG)")


def _jpeg_size(file: BinaryIO) -> tuple[int, int]:
    """From one marker to the next until the frame's header, which says the size."""
    while True:
        while (mark := _byte(file)) != 0xFF:
            pass
        while (mark := _byte(file)) == 0xFF:  # any number of them may fill the gap
            pass
        if mark in FRAMES:
            height, width = struct.unpack(">3xHH", file.read(7))
            return width, height
        if mark not in ALONE:
            (length,) = struct.unpack(">H", file.read(2))
            file.seek(length - 2, 1)


def _byte(file: BinaryIO) -> int:
    byte = file.read(1)
    if not byte:
        raise EOFError
    return byte[0]
