"""Follow one target: python track.py source=VIDEO box=[x,y,w,h] writes an annotated video."""

import os
import time
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
from ops.errors import InputError

FONT = cv2.FONT_HERSHEY_SIMPLEX


def track(config: DictConfig) -> None:
    """Track `config.box` through `config.source`, into tracked.mp4 and boxes.txt."""
    run = open_run(config)
    device = build_device(config.device)
    if config.source is None:
        raise InputError("source is not set: source=VIDEO, a video file or a folder of pictures")
    source = FrameSource(config.source)
    frames = iter(source)
    first = next(frames, None)
    if first is None:
        raise InputError(f"source={config.source}: no frame in it")
    box = check_box(config.box, first)
    contestant = build_contestant(config)
    tracker = LiveTracker(contestant.tracker, device)
    record_network(run, config, contestant.config)
    log = run.open("track")
    log.info("%s, %s, on %s", contestant.name, contestant.weights, device)

    start = time.perf_counter()
    tracker.init(first, box)
    boxes = [box]
    with Video(run.directory / "tracked.mp4", source.rate, first) as video:
        video.write(first, box, 1.0, 1 / (time.perf_counter() - start))
        for frame in tqdm(frames, total=source.count, initial=1, unit="frame"):
            start = time.perf_counter()
            found, score = tracker.update(frame)
            boxes.append(found)
            video.write(frame, found, score, 1 / (time.perf_counter() - start))
    write_boxes(run.directory / "boxes.txt", np.array(boxes))
    log.info("%d frames: %s and boxes.txt beside it", len(boxes), video.path)


class Video:
    """An annotated video file: the box, its score, and the frames per second of its frame."""

    def __init__(self, path: Path, rate: float, picture: np.ndarray):
        self.path, self.size = path, picture.shape[1::-1]
        self.partial = path.with_name(f".{path.name}.partial.mp4")
        code = cv2.VideoWriter.fourcc(*"mp4v")
        self.writer = cv2.VideoWriter(str(self.partial), code, rate, self.size)
        if not self.writer.isOpened():
            raise InputError(f"{path}: OpenCV cannot write mp4 videos here")

    def write(self, picture: np.ndarray, box: list[float], score: float, rate: float) -> None:
        """Draw on a copy of picture (H, W, 3) RGB, and append it."""
        frame = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
        x, y, w, h = (round(value) for value in box)
        thickness = max(1, round(min(self.size) / 240))
        cv2.rectangle(frame, (x, y), (x + w, y + h), (60, 220, 60), thickness)
        text, scale = f"score {score:.2f}   {rate:.0f} frames/s", max(min(self.size) / 600, 0.4)
        for color, width in (((0, 0, 0), 3 * thickness), ((255, 255, 255), thickness)):
            place = (round(12 * scale), round(32 * scale))
            cv2.putText(frame, text, place, FONT, scale, color, width, cv2.LINE_AA)
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
