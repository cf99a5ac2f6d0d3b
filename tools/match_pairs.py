"""How often a tracker finds a target again in one step, on pairs of frames:

    python tools/match_pairs.py DATA_ROOT CHECKPOINT [CHECKPOINT ...] [--tracking KEY=VALUE]

DATA_ROOT holds NAME/img/*.jpg and NAME/groundtruth_rect.txt. A pair is two frames of a sequence, up
to --gap apart, in either order. The tracker starts on the truth of the first; in the second it is
asked once, from where the target is, but up to one side of it (sqrt(w h)) away along each axis. The
target is found if the box's centre lies within 0.35 sides of the truth's.

What it says of a training, a whole track does not: nothing is lost for good, so 1,200 pairs of few
sequences tell trackers apart whose tracks differ by the luck of one frame. The pairs are drawn from
--seed, the same for every tracker. With `--tracking window_influence=0` the Siamese trackers answer
by their responses alone.
"""

import argparse
import sys
from collections.abc import Sequence as Series
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from omegaconf import OmegaConf
from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # started from anywhere

from datasets.folder import folder  # noqa: E402
from datasets.sequence import Sequence  # noqa: E402
from engine.build import load_tracker  # noqa: E402
from ops.boxes import centers, valid  # noqa: E402
from ops.crop import Frames  # noqa: E402
from ops.errors import InputError  # noqa: E402
from tools.yardstick_table import table  # noqa: E402
from trackers.base import Tracker  # noqa: E402

NEAR = 0.35  # sides


@dataclass(frozen=True)
class Pair:
    """Frames of a sequence: started in `first`, asked in `second`, from `shift` (2,) sides away."""

    sequence: Sequence
    first: int
    second: int
    shift: np.ndarray


def draw_pairs(sequences: Series[Sequence], count: int, gap: int, seed: int) -> list[Pair]:
    """Pairs of frames with a valid box; each sequence is drawn as often, whatever its length.

    Raises InputError where no sequence has such a frame.
    """
    random, pairs = np.random.default_rng(seed), []
    usable = [(each, np.flatnonzero(valid(each.boxes))) for each in sequences]
    usable = [(each, frames) for each, frames in usable if len(frames)]
    if not usable:
        raise InputError("no sequence has a frame with a valid box")
    for _ in range(count):
        sequence, frames = usable[random.integers(len(usable))]
        first = random.choice(frames)
        second = random.choice(frames[np.abs(frames - first) <= gap])
        pairs.append(Pair(sequence, int(first), int(second), random.uniform(-1, 1, 2)))
    return pairs


@torch.no_grad()
def errors(tracker: Tracker, pairs: Series[Pair]) -> np.ndarray:
    """Distances (N,) of the centres found from the true ones, in sides of the target."""
    firsts = np.stack([pair.sequence.boxes[pair.first] for pair in pairs])
    truths = np.stack([pair.sequence.boxes[pair.second] for pair in pairs])
    sides = np.sqrt(truths[:, 2:].prod(1))
    asked = truths.copy()
    asked[:, :2] += np.stack([pair.shift for pair in pairs]) * sides[:, None]
    started = Frames.stack([pair.sequence.frame(pair.first) for pair in pairs])
    memory = tracker.init(started, torch.from_numpy(firsts).float())
    memory = replace(memory, boxes=torch.from_numpy(asked).float())
    searched = Frames.stack([pair.sequence.frame(pair.second) for pair in pairs])
    _, boxes, _ = tracker.update(searched, memory)
    return np.linalg.norm(centers(boxes.numpy()) - centers(truths), axis=1) / sides


def measure(checkpoint: str, tracking: Series[str], pairs: Series[Pair], batch: int) -> np.ndarray:
    """Whether each of the pairs was found (N,), by the tracker of a checkpoint.

    Raises InputError for what is no checkpoint, or a setting of tracking that it does not have.
    """
    overrides = [f"tracking.{setting}" for setting in tracking]
    config = OmegaConf.merge({"seed": 0}, OmegaConf.from_dotlist(overrides))
    tracker = load_tracker(checkpoint, config, overrides)[0].eval()
    parts = range(0, len(pairs), batch)
    bar = tqdm(parts, desc=Path(checkpoint).stem, unit="batch", leave=False)
    return np.concatenate([errors(tracker, pairs[k : k + batch]) <= NEAR for k in bar])


def tables(names: Series[str], pairs: Series[Pair], found: Series[np.ndarray]) -> str:
    """A row for all sequences, and one for each."""
    of = np.array([pair.sequence.name for pair in pairs])
    rows = [["sequence", "pairs", *names]]
    for name in ("all", *sorted(set(of))):
        chosen = np.full(len(of), True) if name == "all" else of == name
        shares = (f"{100 * each[chosen].mean():.1f} %" for each in found)
        rows.append([name, str(chosen.sum()), *shares])
    return table(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("data_root", type=Path, metavar="DATA_ROOT", help="folder of sequences")
    add("checkpoints", nargs="+", metavar="CHECKPOINT", help="files of train.py, or weights/*.pt")
    add("--pairs", type=int, default=1200, metavar="N", help="how many are drawn")
    add("--gap", type=int, default=100, metavar="N", help="frames between the two, at most")
    add("--seed", type=int, default=0, help="of the pairs")
    add("--batch", type=int, default=8, metavar="N", help="pairs at a time")
    add("--tracking", action="append", default=[], metavar="KEY=VALUE", help="repeatable")
    given = parser.parse_args()
    for name in ("pairs", "gap", "batch"):
        if getattr(given, name) < 1:
            parser.error(f"--{name}: expected 1 or more")
    try:
        sequences = folder(given.data_root).sequences
        pairs = draw_pairs(sequences, given.pairs, given.gap, given.seed)
        found = [measure(each, given.tracking, pairs, given.batch) for each in given.checkpoints]
    except InputError as error:
        sys.exit(f"error: {error}")
    print(tables(given.checkpoints, pairs, found))


if __name__ == "__main__":
    main()
