"""Follow one target: python track.py source=VIDEO writes a copy of the video with its box.

Where the target is in the first frame is drawn with the mouse, or said: box=[x,y,w,h].
"""

import math
import os
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from omegaconf import DictConfig
from tqdm import tqdm

from benchmarks.results import write_boxes
from datasets.video import FrameSource
from engine.build import build_contestant
from engine.command import open_run, record_network, run_command
from engine.distributed import build_device
from engine.live import LiveTracker, check_box
from engine.window import draw_box, has_display, show, with_rulers
from ops.errors import InputError, check_flag

FONT = cv2.FONT_HERSHEY_SIMPLEX


def track(config: DictConfig) -> None:
    """Track `config.box` through `config.source`, into tracked.mp4 and boxes.txt."""
    if config.source is None:
        raise InputError("source is not set: source=VIDEO, a video file or a folder of pictures")
    run = open_run(config, resumable=False)
    device = build_device(config.device)
    source = FrameSource(config.source)
    frames = iter(source)
    first = next(frames, None)
    if first is None:
        raise InputError(f"source={config.source}: no frame in it")
    box = None if config.box is None else check_box(config.box, first)
    check_flag("show", config.show)
    if config.show and not has_display():
        raise InputError("show=true: there is no screen to open a window on")
    contestant = build_contestant(config)
    box = box or check_box(ask_for_box(first, run.directory), first)
    tracker = LiveTracker(contestant.tracker, device)
    record_network(run, config, contestant.config)
    log = run.open("track")
    log.info("%s on %s, weights: %s", contestant.name, device, contestant.weights)
    log.info("source=%s box=[%s]", config.source, ",".join(f"{value:g}" for value in box))

    boxes = []
    with Video(run.directory / "tracked.mp4", source.rate, first) as video:
        try:
            rest = tqdm(frames, total=source.count, initial=1, unit="frame")
            for picture, found, score, rate in follow(tracker, first, box, rest):
                frame = annotate(picture, found, score, rate)
                video.write(frame)
                boxes.append(found)
                if config.show and not show(frame):
                    break
        except KeyboardInterrupt:
            if not source.endless:
                raise
    write_boxes(run.directory / "boxes.txt", np.array(boxes))
    log.info("%d frames: %s and boxes.txt beside it", len(boxes), video.path)


def ask_for_box(picture: np.ndarray, directory: Path) -> list[float]:
    """The box drawn with the mouse. Without a screen the picture is left there to read it off."""
    if has_display():
        box = draw_box(picture)
        if box is None:
            raise InputError("no box was drawn: drag one around the target, then press Enter")
        return box
    path = directory / "first_frame.png"
    directory.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), cv2.cvtColor(with_rulers(picture), cv2.COLOR_RGB2BGR)):
        raise InputError(f"{path}: cannot be written")
    raise InputError(
        f"box is not set, and there is no screen to draw it on: read it off {path} and add "
        f"'box=[x,y,w,h]' to the command, in pixels of {picture.shape[1]} x {picture.shape[0]}"
    )


def follow(
    tracker: LiveTracker, first: np.ndarray, box: list[float], frames: Iterator[np.ndarray]
) -> Iterator[tuple[np.ndarray, np.ndarray, float, float]]:
    """Picture, box (4,), score and frames per second, of the first picture and all that follow.

    The first one's score is NaN: its box was given.
    """
    start = time.perf_counter()
    tracker.init(first, box)
    yield first, np.array(box), math.nan, 1 / (time.perf_counter() - start)
    for picture in frames:
        start = time.perf_counter()
        found, score = tracker.update(picture)
        yield picture, found, score, 1 / (time.perf_counter() - start)


def annotate(picture: np.ndarray, box: np.ndarray, score: float, rate: float) -> np.ndarray:
    """A copy of picture (H, W, 3) RGB as BGR, with the box, its score unless that is NaN, and the
    frames per second."""
    frame = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    x, y, w, h = (round(value) for value in box)
    side = min(picture.shape[:2])
    thickness = max(1, round(side / 240))
    text, scale = f"{rate:.0f} frames/s", max(side / 600, 0.4)
    if not math.isnan(score):
        text = f"score {score:.2f}   {text}"
    (width, height), below = cv2.getTextSize(text, FONT, scale, thickness)
    margin = round(10 * scale)
    cv2.rectangle(frame, (0, 0), (width + 2 * margin, height + below + 2 * margin), 0, cv2.FILLED)
    place = (margin, height + margin)
    cv2.putText(frame, text, place, FONT, scale, (255, 255, 255), thickness, cv2.LINE_AA)
    cv2.rectangle(frame, (x, y), (x + w, y + h), (60, 220, 60), thickness)  # over it, too
    return frame


class Video:
    """A video file of the frames per second and the size of `picture` (H, W, 3)."""

    def __init__(self, path: Path, rate: float, picture: np.ndarray):
        self.path, self.size = path, picture.shape[1::-1]
        self.partial = path.with_name(f".{path.name}.partial.mp4")
        code = cv2.VideoWriter.fourcc(*"mp4v")
        self.writer = cv2.VideoWriter(str(self.partial), code, rate, self.size)
        if not self.writer.isOpened():
            raise InputError(f"{path}: OpenCV cannot write mp4 videos here")

    def write(self, frame: np.ndarray) -> None:
        """Append a frame (H, W, 3) BGR."""
        self.writer.write(cv2.resize(frame, self.size))  # a video has one size

    def __enter__(self) -> "Video":
        return self

    def __exit__(self, kind, error, traceback) -> None:
        """Put the whole video in its place; of one that broke off nothing stays."""
        self.writer.release()
        if kind is None:
            os.replace(self.partial, self.path)
        self.partial.unlink(missing_ok=True)


if __name__ == "__main__":
    run_command(track, "track")
