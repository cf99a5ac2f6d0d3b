"""How long scoring takes, on made-up results: python tools/time_scoring.py

Alone on a machine, with OMP_NUM_THREADS=1 for one core. Prints the best of five runs of each:

- one-pass results of 10 trackers on 100 sequences of 600 frames, figures, intervals and
  comparisons included, beside the got10k toolkit's overlaps, errors and curves on the same arrays
- EAO, accuracy and robustness of one tracker on 60 sequences of about 350 frames, overlap included
- from the command to the end of mode=score, in a process of its own, on a small folder
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.conventions import CONVENTIONS  # noqa: E402
from benchmarks.results import result_path, write_boxes  # noqa: E402
from benchmarks.scoring import score  # noqa: E402
from benchmarks.statistics import draws  # noqa: E402
from benchmarks.truth import Truth  # noqa: E402
from benchmarks.vot.supervised import score_supervised  # noqa: E402
from benchmarks.vot.trajectories import FAILED, SKIPPED, STARTED, TRACKED, Trajectory  # noqa: E402

TRACKERS, SEQUENCES, FRAMES = 10, 100, 600


def best_of(runs: int, task: Callable[[], object]) -> float:
    """Seconds of the fastest of several runs."""
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        task()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def walk(random: np.random.Generator, frames: int) -> np.ndarray:
    """Boxes (frames, 4) of a target that wanders about."""
    steps = random.normal(0, [4, 3, 1, 1], (frames, 4))
    return np.maximum(np.array([300, 200, 80, 60]) + np.cumsum(steps, 0), [1, 1, 12, 12]).round()


def one_pass(random: np.random.Generator) -> None:
    truths = [Truth(f"s{i:03d}", walk(random, FRAMES)) for i in range(SEQUENCES)]
    results = {
        f"tracker{k}": {
            truth.name: truth.boxes + random.normal(0, 2 + k, truth.boxes.shape).round(2)
            for truth in truths
        }
        for k in range(TRACKERS)
    }
    print(f"{TRACKERS} trackers x {SEQUENCES} sequences x {FRAMES} frames")
    for name in CONVENTIONS:

        def task(name=name):
            draws.cache_clear()  # the first scoring of a process draws the bootstrap
            score(results, truths, name)

        if name != "pytracking":  # it refuses the odd negative size
            print(f"  {name:<12} {best_of(5, task):.3f} s")
    print(f"  got10k's own {best_of(3, lambda: with_got10k(results, truths)):.3f} s")


def with_got10k(results, truths) -> None:
    """The same overlaps, errors and curves by the toolkit's own functions."""
    from got10k.experiments import ExperimentOTB
    from got10k.utils.metrics import center_error, rect_iou

    experiment = ExperimentOTB.__new__(ExperimentOTB)
    experiment.nbins_iou, experiment.nbins_ce = 21, 51
    for found in results.values():
        for truth in truths:
            boxes = found[truth.name]
            overlaps, errors = rect_iou(boxes, truth.boxes), center_error(boxes, truth.boxes)
            experiment._calc_curves(overlaps, errors)


def reset_based(random: np.random.Generator) -> None:
    truths, runs, frames = [], [], 0
    for index in range(60):
        boxes = walk(random, int(random.integers(41, 670)))
        truths.append(Truth(f"s{index}", boxes, polygons=tilted(boxes), picture_size=(640, 480)))
        runs.append([trajectory(random, boxes)])
        frames += len(boxes)
    print(f"VOT: one tracker, {len(truths)} sequences, {frames} frames")
    for toolkit in ("pysot", "vot_toolkit"):
        seconds = best_of(
            5, lambda toolkit=toolkit: score_supervised(runs, truths, toolkit, (100, 356))
        )
        print(f"  {toolkit:<12} {seconds:.3f} s")


def tilted(boxes: np.ndarray) -> np.ndarray:
    """Boxes (N, 4) as polygons (N, 8), turned a little."""
    x, y, w, h = boxes.T
    return np.stack([x + 5, y - 4, x + w + 4, y + 5, x + w - 5, y + h + 4, x - 4, y + h - 5], 1)


def trajectory(random: np.random.Generator, boxes: np.ndarray) -> Trajectory:
    """A run that fails once, if it is long enough."""
    states = np.full(len(boxes), TRACKED, np.int8)
    states[0] = STARTED
    if len(boxes) > 60:
        states[40], states[41:45], states[45] = FAILED, SKIPPED, STARTED
    regions = np.full((len(boxes), 8), np.nan)
    moved = boxes + random.normal(0, 5, boxes.shape)
    regions[:, :4] = np.where((states == TRACKED)[:, None], moved, np.nan)
    return Trajectory(states, regions)


def whole_command(random: np.random.Generator) -> None:
    with tempfile.TemporaryDirectory() as folder:
        boxes = walk(random, 50)
        for path in (
            Path(folder, "data/a/groundtruth_rect.txt"),
            result_path(Path(folder, "results"), "t", "a"),
        ):
            write_boxes(path, boxes)
        (Path(folder) / "data/a/img").mkdir()
        for index in range(50):
            (Path(folder) / f"data/a/img/{index:04d}.jpg").touch()
        command = [
            *(sys.executable, str(ROOT / "evaluate.py"), "mode=score", "dataset=folder"),
            *(f"data_root={folder}/data", f"results={folder}/results"),
            f"hydra.run.dir={folder}/out",
        ]

        def task():
            subprocess.run(command, cwd=ROOT, check=True, capture_output=True)

        print(f"evaluate.py mode=score, start to end: {best_of(3, task):.2f} s")


if __name__ == "__main__":
    generator = np.random.default_rng(0)
    one_pass(generator)
    reset_based(generator)
    whole_command(generator)
