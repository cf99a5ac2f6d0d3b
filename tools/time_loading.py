"""How fast training clips are read: python tools/time_loading.py [DIR]

DIR is a folder dataset (NAME/img/* with NAME/groundtruth_rect.txt); without one, JPEG frames of
1280 x 720 are made from synthetic footage in a temporary folder. Alone on a machine, with
OMP_NUM_THREADS=1. Prints, each measured in a process of its own:

- decoding in full, and nothing else
- a plain loop: cv2.imread, a crop with a border of the mean colour, cv2.resize to 127 and 255
- our pairs of 127 and 255 pixels, with HROM's shifts and scales, and RAR's clips of three frames:
  from the pictures (also without `tune_malloc`), and from a crop cache that is filled
- the pairs through a DataLoader with 0, 1 and 2 workers

by the clock, the best of several runs, and by the time that all processes spent on a core, which
says more on a machine that is busy with other things. Pictures are decoded from the system's cache
of files, not from a disk.
"""

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, set_start_method
from pathlib import Path

import cv2
import numpy as np
import torch
from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from datasets.clips import ClipDataset, cache_shape  # noqa: E402
from datasets.crop_cache import CropCache  # noqa: E402
from datasets.folder import ANNOTATION, folder  # noqa: E402
from datasets.loader import clip_loader  # noqa: E402
from datasets.pictures import read_picture, tune_malloc  # noqa: E402
from datasets.sampling import ClipAugmentation, ClipSampling  # noqa: E402
from datasets.synthetic import synthetic  # noqa: E402
from ops.boxes import centers, valid  # noqa: E402
from ops.clip import ClipGeometry  # noqa: E402

LOOKS = ClipAugmentation(brightness=0.2, contrast=0.2, saturation=0.2, grey=0.1, blur=0.2)
PAIRS = (
    ClipGeometry(127, 1.0, 255, 255 / 127, square=True),
    ClipSampling(2, 1, 1, 100, 0.0315, 0.05, 0.251, 0.18, 0.2),
)
CLIPS_OF_THREE = (
    ClipGeometry(425, 5.0, 255, 3.0, in_order=True),
    ClipSampling(3, 2, 2, 10, 0.0, 0.0, 0.1667, 0.05, 0.0),
)
BATCH, RUNS = 32, 5
Rates = tuple[float, float]  # things a second, by the clock and by CPU time


def rates(task: Callable[[int], object], things: int, runs: int = RUNS) -> Rates:
    """Of a task that does so many things, called with the number of its run; the best each."""
    clock, processor = [], []
    for run in range(runs):
        start = time.perf_counter(), cpu_seconds()
        task(run)
        clock.append(time.perf_counter() - start[0])
        processor.append(cpu_seconds() - start[1])
    return things / min(clock), things / min(processor)


def cpu_seconds() -> float:
    """What this process and its children that have ended spent on a core."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in spent)


def in_new_process(function: Callable, *args):
    """The result of a function in a process that has done nothing before."""
    with ProcessPoolExecutor(1, get_context("spawn"), _start) as pool:
        return pool.submit(function, *args).result()


def _start() -> None:
    set_start_method(None, force=True)  # its own children are started as they are anywhere else
    torch.set_num_threads(1)
    cv2.setNumThreads(0)


def frames_of(root: Path) -> list[tuple[Path, np.ndarray]]:
    """Pictures and boxes with a target, about 60, of all sequences."""
    found = [
        (sequence.pictures[index], sequence.boxes[index])
        for sequence in folder(root, "train").sequences
        for index in np.flatnonzero(valid(sequence.boxes)).tolist()
    ]
    return found[:: max(len(found) // 60, 1)]


def decoding(root: Path) -> Rates:
    tune_malloc()
    paths = [path for path, _ in frames_of(root)]

    def task(run):
        for path in paths:
            read_picture(path)

    return rates(task, len(paths))


def plain_loop(root: Path) -> Rates:
    """What a first version of such a reader does: pairs."""
    frames, geometry = frames_of(root), PAIRS[0]
    sides = geometry.windows(np.stack([box for _, box in frames]), 1.0)[:, 2]
    items = [(path, centers(box), side) for (path, box), side in zip(frames, sides, strict=True)]

    def task(run):
        for template, search in zip(items[::2], items[1::2], strict=False):
            plain_crop(*template, 127)
            plain_crop(*search, 255)

    return rates(task, len(items) // 2)


def plain_crop(path: Path, center: np.ndarray, side: float, size: int) -> np.ndarray:
    """A square around the target, of which 127 pixels show `side`."""
    picture = cv2.imread(str(path))
    height, width = picture.shape[:2]
    half = side * size / 127 / 2
    left, top = np.floor(center - half).astype(int)
    right, bottom = np.ceil(center + half).astype(int)
    border = max(0, -left, -top, right - width, bottom - height)
    if border:
        mean = cv2.mean(picture)
        picture = cv2.copyMakeBorder(
            picture, border, border, border, border, cv2.BORDER_CONSTANT, value=mean
        )
    part = picture[top + border : bottom + border, left + border : right + border]
    return cv2.resize(part, (size, size))


def keys(run: int) -> list[tuple[int, int]]:
    return [(0, run * BATCH + index) for index in range(BATCH)]


def clips(root: Path, recipe: tuple, cache: Path | None = None, tuned: bool = True) -> Rates:
    """Batches by one process; with a folder for the cache, from that."""
    if tuned:
        tune_malloc()
    parts, kept = folder(root, "train").parts, None
    if cache is not None:
        kept = CropCache(cache, *cache_shape(parts, *recipe), 20.0)
    dataset = ClipDataset(parts, *recipe, LOOKS, cache=kept)
    for run in range(RUNS if cache is not None else 1):
        dataset.batch(keys(run))
    return rates(lambda run: dataset.batch(keys(run % RUNS)), BATCH, 4 * RUNS)


def through_loader(root: Path, cache: Path | None, workers: int) -> Rates:
    """Batches after the first, by the clock; all, by CPU time."""
    parts = folder(root, "train").parts
    steps = 30 if cache is None else 200
    kept = None if cache is None else CropCache(cache, *cache_shape(parts, *PAIRS), 20.0)
    dataset = ClipDataset(parts, *PAIRS, LOOKS, cache=kept)
    spent = cpu_seconds()
    loader = iter(clip_loader(dataset, BATCH, RUNS * BATCH, 0, steps, workers, False))
    next(loader)
    start = time.perf_counter()
    for _ in loader:
        pass
    clock = (steps - 1) * BATCH / (time.perf_counter() - start)
    return clock, steps * BATCH / (cpu_seconds() - spent)


def make_footage(root: Path) -> None:
    """A folder dataset of synthetic frames of 1280 x 720."""
    sequences = synthetic("train", count=6, length=24, size=(1280, 720)).sequences
    for sequence in tqdm(sequences, desc="footage", unit="sequence"):
        (root / sequence.name / "img").mkdir(parents=True)
        np.savetxt(root / sequence.name / ANNOTATION, sequence.boxes, "%.3f", ",")
        for index in range(len(sequence)):
            path = root / sequence.name / "img" / f"{index:04d}.jpg"
            cv2.imwrite(str(path), sequence.frame(index)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])


def show(what: str, found: Rates, frames: int, beside: Rates | None = None) -> None:
    """A line of the report; `frames` are read for each thing that was counted."""
    clock, processor = found
    line = f"  {what:<44} {clock:7.0f} {processor:7.0f}"
    line += f" {frames * clock:9.0f} {frames * processor:7.0f}"
    if beside is not None:
        line += f" {clock / beside[0]:9.1f} {processor / beside[1]:5.1f}"
    print(line, flush=True)


def report(root: Path, scratch: Path) -> None:
    paths = [path for path, _ in frames_of(root)]
    height, width = read_picture(paths[0]).shape[:2]
    size = sum(path.stat().st_size for path in paths) / len(paths) / 1000
    print(f"{root}: pictures of {width} x {height}, {size:.0f} kB; one core, one thread")
    print(f"  {'':<44} {'a second':>15} {'frames/second':>17} {'x plain loop':>15}")
    print(f"  {'':<44} {'clock':>7} {'CPU':>7} {'clock':>9} {'CPU':>7} {'clock':>9} {'CPU':>5}")
    show("decoding in full", in_new_process(decoding, root), 1)
    plain = in_new_process(plain_loop, root)
    show("plain loop, pairs", plain, 2)
    found = in_new_process(clips, root, PAIRS, None, False)
    show("pairs from pictures, malloc as it is", found, 2, plain)
    for name, recipe, frames in (("pairs", PAIRS, 2), ("clips of three", CLIPS_OF_THREE, 3)):
        beside = plain if recipe is PAIRS else None
        show(f"{name} from pictures", in_new_process(clips, root, recipe), frames, beside)
        found = in_new_process(clips, root, recipe, scratch / name)
        show(f"{name} from a filled cache", found, frames, beside)
    for cache in (None, scratch / "pairs"):
        for workers in range(3):
            name = f"DataLoader, {workers} workers, {'pictures' if cache is None else 'cache'}"
            show(name, in_new_process(through_loader, root, cache, workers), 2, plain)
    print("A line of workers by the clock is what they read together, by CPU time for each core.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="How fast training clips are read.")
    parser.add_argument("folder", type=Path, nargs="?", help="a folder dataset; made if left out")
    arguments = parser.parse_args()
    if arguments.folder is not None and not arguments.folder.is_dir():
        parser.error(f"{arguments.folder}: no such folder")
    with tempfile.TemporaryDirectory() as made:
        given = arguments.folder or Path(made, "footage")
        if arguments.folder is None:
            make_footage(given)
        report(given, Path(made))
