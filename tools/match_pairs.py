"""How often a tracker finds a target again in one step, on pairs of frames:

    python tools/match_pairs.py DATA_ROOT CHECKPOINT [CHECKPOINT ...] [--tracking KEY=VALUE]

DATA_ROOT holds NAME/img/*.jpg and NAME/groundtruth_rect.txt. A pair is two
frames of a sequence, up to --gap apart, in either order. The tracker starts on the truth of the
first; in the second it is asked once, from where the target is, but up to one width and one height
of it away. The target is found if the box's centre lies within 0.35 sides, sqrt(w h), of the
truth's.

It says more of a training than of tracking: nothing is lost for good by the luck of one frame. The
pairs are drawn from --seed, the same for every tracker; those of a sequence are alike, so mind how
many sequences there are. With `--tracking window_influence=0` the Siamese trackers answer by their
responses alone. Rounding differs with --batch, and CRACT's discriminator magnifies it a little.
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
from engine.checkpoints import load_checkpoint  # noqa: E402
from ops.boxes import centers, valid  # noqa: E402
from ops.crop import Frames  # noqa: E402
from ops.errors import InputError  # noqa: E402
from tools.tracking_settings import add_tracking, read_tracking  # noqa: E402
from tools.yardstick_table import table  # noqa: E402
from trackers.base import Tracker  # noqa: E402

NEAR = 0.35  # sides


@dataclass(frozen=True)
class Pair:
    """Two frames of a sequence: started in `first`, asked in `second`, from `shift` (2,) widths and
    heights away."""

    sequence: Sequence
    first: int
    second: int
    shift: np.ndarray


def draw_pairs(sequences: Series[Sequence], count: int, gap: int, seed: int) -> list[Pair]:
    """Pairs of different frames with a valid box; each sequence is drawn as often, whatever its
    length.

    Raises InputError where no sequence has two such frames within the gap.
    """
    random, pairs = np.random.default_rng(seed), []
    usable = [(each, np.flatnonzero(valid(each.boxes))) for each in sequences]
    usable = [(each, frames) for each, frames in usable if (np.diff(frames) <= gap).any()]
    if not usable:
        raise InputError(f"no sequence has two frames with a valid box, --gap={gap} or less apart")
    while len(pairs) < count:
        sequence, frames = usable[random.integers(len(usable))]
        first = random.choice(frames)
        apart = np.abs(frames - first)
        near = frames[(apart > 0) & (apart <= gap)]
        if len(near):
            pair = int(first), int(random.choice(near)), random.uniform(-1, 1, 2)
            pairs.append(Pair(sequence, *pair))
    return pairs


@torch.no_grad()
def errors(tracker: Tracker, pairs: Series[Pair]) -> np.ndarray:
    """Distances (N,) of the centres found from the true ones, in sides of the target."""
    firsts = np.stack([pair.sequence.boxes[pair.first] for pair in pairs])
    truths = np.stack([pair.sequence.boxes[pair.second] for pair in pairs])
    sides = np.sqrt(truths[:, 2:].prod(1))
    asked = truths.copy()
    asked[:, :2] += np.stack([pair.shift for pair in pairs]) * truths[:, 2:]
    started = Frames.stack([pair.sequence.frame(pair.first) for pair in pairs])
    memory = tracker.init(started, torch.from_numpy(firsts).float())
    memory = replace(memory, boxes=torch.from_numpy(asked).float())
    searched = Frames.stack([pair.sequence.frame(pair.second) for pair in pairs])
    _, boxes, _ = tracker.update(searched, memory)
    return np.linalg.norm(centers(boxes.numpy()) - centers(truths), axis=1) / sides


def load(checkpoint: str, tracking: Series[str]) -> Tracker:
    """The tracker of a checkpoint with other settings of tracking, KEY=VALUE each.

    Raises InputError for what is no checkpoint, and for a setting that its tracker does not have.
    """
    held = load_checkpoint(checkpoint)["config"]["tracking"]
    config = {"seed": 0, "tracking": read_tracking(tracking, held, checkpoint)}
    overrides = [f"tracking.{setting}" for setting in tracking]
    return load_tracker(checkpoint, OmegaConf.create(config), overrides)[0].eval()


def measure(tracker: Tracker, pairs: Series[Pair], batch: int) -> np.ndarray:
    """Whether each of the pairs was found (N,)."""
    bar = tqdm(range(0, len(pairs), batch), unit="batch", leave=False)
    return np.concatenate([errors(tracker, pairs[k : k + batch]) <= NEAR for k in bar])


def tables(names: Series[str], pairs: Series[Pair], found: Series[np.ndarray]) -> str:
    """A row for all sequences, and one for each."""
    of = np.array([pair.sequence.name for pair in pairs])
    rows = [["sequence", "pairs", *names]]
    parts = [("all", np.full(len(of), True)), *((name, of == name) for name in sorted(set(of)))]
    for name, these in parts:
        shares = (f"{100 * each[these].mean():.1f} %" for each in found)
        rows.append([name, str(these.sum()), *shares])
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
    add_tracking(parser)
    given = parser.parse_args()
    for name, least in (("pairs", 1), ("gap", 1), ("batch", 1), ("seed", 0)):
        if getattr(given, name) < least:
            parser.error(f"--{name}: expected {least} or more")
    try:
        sequences = folder(given.data_root).sequences
        pairs = draw_pairs(sequences, given.pairs, given.gap, given.seed)
        trackers = [load(each, given.tracking) for each in given.checkpoints]
        found = [measure(each, pairs, given.batch) for each in trackers]
    except InputError as error:  # a picture that is broken, too
        sys.exit(f"error: {error}")
    print(tables(given.checkpoints, pairs, found))


if __name__ == "__main__":
    main()
