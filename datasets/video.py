"""Live sources: a video file or a folder of pictures, frame after frame, without annotation."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from datasets.pictures import list_pictures, read_picture
from ops.errors import InputError


class FrameSource:
    """The frames of a video file or a folder.

    Attributes:
        count: how many there are, None where the file does not say.
        rate: frames per second of the video; 25 for a folder.
    """

    def __init__(self, source: str | Path):
        self.path = Path(source)
        if self.path.is_dir():
            self.pictures = list_pictures(self.path)
            if not self.pictures:
                raise InputError(f"source={source}: no pictures in this folder")
            self.count, self.rate = len(self.pictures), 25.0
        elif self.path.is_file():
            video = self._open()
            self.count = int(video.get(cv2.CAP_PROP_FRAME_COUNT)) or None
            self.rate = video.get(cv2.CAP_PROP_FPS) or 25.0
            video.release()
        else:
            raise InputError(f"source={source}: no such video file or folder of pictures")

    def _open(self) -> cv2.VideoCapture:
        video = cv2.VideoCapture(str(self.path))
        if not video.isOpened():
            raise InputError(f"source={self.path}: not a video that can be decoded")
        return video

    def __iter__(self) -> Iterator[np.ndarray]:
        """Frames (H, W, 3) uint8 RGB."""
        if self.path.is_dir():
            yield from map(read_picture, self.pictures)
            return
        video = self._open()
        try:
            while (read := video.read())[0]:
                yield cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB)
        finally:
            video.release()
