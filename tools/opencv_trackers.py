"""OpenCV's trackers on a folder of sequences: python tools/opencv_trackers.py DATA_ROOT OUT KCF ...

Run by a Python that has opencv-contrib-python, which takes the place of opencv-python and so wants
an environment of its own. Of this project it needs what runs on NumPy and OpenCV alone (Python 3.11
or newer):

    python3 -m venv DIR && DIR/bin/pip install opencv-contrib-python
    DIR/bin/python tools/opencv_trackers.py DATA_ROOT OUT KCF CSRT MIL

DATA_ROOT holds NAME/img/*.jpg and NAME/groundtruth_rect.txt. It writes OUT/TRACKER/SEQUENCE.txt,
each when it is finished; those that are there are not made again. OUT/TRACKER/made_by.json says
what made them, and results of another make are not added to. tools/yardstick.py calls it, and
scores.

What OpenCV leaves open is decided so:

- Its trackers have their default parameters and get frames as 8-bit BGR.
- They start from whole numbers: x, y, w, h are rounded each by itself (halves to the even number),
  cut to the picture, at least one pixel wide and high.
- Where `update` reports a failure, or OpenCV raises an error, the last box stays; the tracker is
  asked again at the next frame, it is not started anew. Such frames are counted and told.
- MIL draws. OpenCV's generator is seeded (--seed), but MIL copies it once in a process and draws on
  from there; so every sequence is tracked in a process of its own, in one thread, and its boxes do
  not depend on the sequences before it.
"""

import argparse
import json
import multiprocessing
import signal
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # started from anywhere

from benchmarks.results import result_path, write_boxes  # noqa: E402
from datasets.folder import folder  # noqa: E402  (with it OpenCV works in one thread)
from datasets.sequence import Sequence  # noqa: E402
from ops.boxes import can_start  # noqa: E402
from ops.errors import InputError  # noqa: E402
from ops.files import write_atomically  # noqa: E402

TRACKERS = ("KCF", "CSRT", "MIL")
FRESH = multiprocessing.get_context("spawn")  # a process that has used no tracker yet


def track_folder(
    root: Path, out: Path, name: str, seed: int = 0, tell: Callable[[str], None] = print
) -> None:
    """Write OUT/NAME/SEQUENCE.txt for each sequence below `root` that has none yet.

    Raises InputError for a tracker that this OpenCV does not have, for footage that cannot be read
    or started on, and where results of another make lie.
    """
    find_tracker(name)
    sequences = folder(root).sequences
    claim(out / name, name, seed)
    for sequence in sequences:
        path = result_path(out, name, sequence.name)
        if path.exists():
            continue
        boxes, failed = track_apart(name, sequence, seed)
        write_boxes(path, boxes)
        kept = f", {failed} with the last box kept" if failed else ""
        tell(f"{name} {sequence.name}: {len(boxes)} frames{kept}")


def track_apart(name: str, sequence: Sequence, seed: int) -> tuple[np.ndarray, int]:
    """`track` in a process of its own, with OpenCV's generator seeded. Raises as it does."""
    receiver, sender = FRESH.Pipe(duplex=False)
    process = FRESH.Process(target=_answer, args=(sender, name, sequence, seed), daemon=True)
    process.start()
    sender.close()
    try:
        answer = receiver.recv()
    except EOFError:
        raise RuntimeError(f"{name} on {sequence.name}: OpenCV's process died") from None
    process.join()
    if isinstance(answer, InputError):
        raise answer
    return answer


def _answer(sender: Connection, name: str, sequence: Sequence, seed: int) -> None:
    cv2.setRNGSeed(seed)
    try:
        sender.send(track(find_tracker(name)(), sequence))
    except InputError as error:
        sender.send(error)


def track(tracker, sequence: Sequence) -> tuple[np.ndarray, int]:
    """Follow a target: (boxes (N, 4), the first as given; at how many frames the last one stayed).

    `tracker` has OpenCV's init(image, box) and update(image) -> (found, box).

    Raises InputError where the first box has no area, or lies outside the picture.
    """
    boxes, failed = sequence.boxes.copy(), 0
    frame = to_bgr(sequence.frame(0))
    height, width = frame.shape[:2]
    if not can_start(boxes[0], width, height):
        shown = ", ".join(f"{value:g}" for value in boxes[0])
        raise InputError(f"{sequence.name}: first box ({shown}) is no place to start from")
    tracker.init(frame, whole_box(boxes[0], width, height))
    for index in range(1, len(boxes)):
        try:
            found, box = tracker.update(to_bgr(sequence.frame(index)))
        except cv2.error:
            found = False
        boxes[index] = box if found else boxes[index - 1]
        failed += not found
    return boxes, failed


def to_bgr(picture: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 RGB as OpenCV has its colours."""
    return cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)


def whole_box(box: np.ndarray, width: int, height: int) -> tuple[int, int, int, int]:
    """A box (4,) in whole pixels: each number rounded, cut to the picture, at least 1 x 1."""
    x, y, w, h = (round(value) for value in box.tolist())
    left, top = min(max(x, 0), width - 1), min(max(y, 0), height - 1)
    right, bottom = min(x + w, width), min(y + h, height)
    return left, top, max(right - left, 1), max(bottom - top, 1)


def find_tracker(name: str) -> Callable[[], object]:
    """What makes a tracker of this name. Raises InputError where this OpenCV has none."""
    create = getattr(cv2, f"Tracker{name}_create", None)
    if create is None:
        raise InputError(
            f"OpenCV {cv2.__version__} of {sys.executable} has no Tracker{name}_create: expected "
            "an environment with opencv-contrib-python and without opencv-python"
        )
    return create


def claim(directory: Path, name: str, seed: int) -> None:
    """Say beside results what makes them. Raises InputError where something else made them."""
    path = directory / "made_by.json"
    made_by = {
        "weights": "none",
        "config": {"tracker": f"OpenCV {cv2.__version__}, {name}, its defaults"},
        "seed": seed,
    }
    if not path.exists():
        write_atomically(path, json.dumps(made_by, indent=1))
    elif json.loads(path.read_text()) != made_by:
        raise InputError(f"{directory} holds results of another OpenCV or seed: remove it")


def main() -> None:
    """Track, and say what was done."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data_root", type=Path, metavar="DATA_ROOT", help="folder of sequences")
    parser.add_argument("out", type=Path, metavar="OUT", help="results: OUT/TRACKER/SEQUENCE.txt")
    parser.add_argument("trackers", nargs="+", choices=TRACKERS, metavar="TRACKER")
    parser.add_argument("--seed", type=int, default=0, help="of OpenCV's generator (MIL draws)")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends the process of a sequence, too
    try:
        for name in given.trackers:
            track_folder(given.data_root, given.out, name, given.seed)
    except InputError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
