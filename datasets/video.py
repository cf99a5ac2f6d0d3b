"""Live sources: a video file, a folder of pictures or a camera, frame after frame."""

import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from datasets.pictures import list_pictures, read_picture
from ops.errors import InputError


class FrameSource:
    """The frames of a video file or a folder, or of a camera by its number.

    Attributes:
        count: how many there are, None where the file does not say, and of a camera.
        rate: frames per second of the video; 25 for a folder.
        endless: whether it is a camera, which ends when it is told to.
    """

    def __init__(self, source: str | Path | int):
        self.source, self.endless = source, isinstance(source, int)
        self.count, self.rate, self.pictures = None, 25.0, None
        if not self.endless and Path(source).is_dir():
            self.pictures = list_pictures(Path(source))
            if not self.pictures:
                raise InputError(f"source={source}: no pictures in this folder")
            self.count = len(self.pictures)
        elif self.endless or Path(source).is_file():
            video = self._open()
            if not self.endless:
                self.count = int(video.get(cv2.CAP_PROP_FRAME_COUNT)) or None
            self.rate = video.get(cv2.CAP_PROP_FPS) or 25.0
            video.release()
        else:
            raise InputError(f"source={source}: no such video file or folder of pictures")

    def _open(self) -> cv2.VideoCapture:
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # the error below says it
        video = cv2.VideoCapture(self.source if self.endless else str(self.source))
        if not video.isOpened():
            what = "no camera of this number" if self.endless else "not a video that can be decoded"
            raise InputError(f"source={self.source}: {what}")
        return video

    def __iter__(self) -> Iterator[np.ndarray]:
        """Frames (H, W, 3) uint8 RGB."""
        if self.pictures is not None:
            yield from map(read_picture, self.pictures)
            return
        video = self._open()
        try:
            while (read := video.read())[0]:
                yield cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB)
        finally:
            video.release()
