# ruff: noqa: E402  (the project is found first)
"""A VOT workspace of synthetic footage, to try a tracker in the VOT toolkit.

    pip install vot-trax vot-toolkit==0.9.0 'attributee<0.1.10'
    python tools/make_vot_workspace.py DIR
    vot evaluate --workspace DIR --experiments unsupervised first_box cacf
    vot analysis --workspace DIR --experiments unsupervised first_box cacf

It writes two short sequences, a stack of two experiments (`baseline` starts a tracker again after
failures, `unsupervised` does not) and trackers.ini. With vot-toolkit==0.7.4, where `baseline` runs,
too, leave --experiments out (tools/vot_tracker.py says why). The layout is the toolkit's:

    config.yaml                     stack and trackers
    stack.yaml                      experiments and their analyses
    trackers.ini                    tools/trackers.ini with its paths filled in
    sequences/list.txt              names
    sequences/NAME/sequence         properties, key=value
    sequences/NAME/groundtruth.txt  x,y,w,h a frame
    sequences/NAME/color/%08d.jpg   frames, counted from 1
"""

import argparse
import shlex
import sys
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # started from anywhere

from datasets.sequence import Sequence
from datasets.synthetic import synthetic
from ops.boxes import overlap
from ops.errors import InputError

CONFIG = """\
stack: ./stack.yaml
registry:
- ./trackers.ini
"""
STACK = """\
title: Synthetic footage of Lodestar
experiments:
  baseline:
    type: supervised
    repetitions: 1
    skip_initialize: 5
    analyses:
    - type: supervised_average_ar
      sensitivity: 30
    - type: supervised_eao_score
      low: 5
      high: 20
  unsupervised:
    type: unsupervised
    repetitions: 1
    analyses:
    - type: average_accuracy
"""


def write_workspace(directory: Path, sequences: list[Sequence]) -> None:
    """Write a workspace of the toolkit into a new folder. Boxes must not be NaN.

    Raises InputError where something lies there already.
    """
    if directory.exists() and any(directory.iterdir()):
        raise InputError(f"{directory}: not empty, a workspace wants a new folder")
    footage = directory / "sequences"
    for sequence in sequences:
        write_sequence(footage / sequence.name, sequence)
    names = [sequence.name for sequence in sequences]
    (footage / "list.txt").write_text("\n".join(names) + "\n")
    (directory / "config.yaml").write_text(CONFIG)
    (directory / "stack.yaml").write_text(STACK)
    (directory / "trackers.ini").write_text(trackers_ini(sys.executable, ROOT))


def write_sequence(directory: Path, sequence: Sequence) -> None:
    """Write the frames of a sequence and its boxes as VOT lays them out."""
    (directory / "color").mkdir(parents=True)
    for index in range(len(sequence)):
        picture = cv2.cvtColor(sequence.frame(index), cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(directory / "color" / f"{index + 1:08d}.jpg"), picture)
    height, width = picture.shape[:2]
    properties = {
        "name": sequence.name,
        "fps": 30,
        "format": "default",
        "channel.default": "color",
        "channels.color": "color/%08d.jpg",
        "width": width,
        "height": height,
        "length": len(sequence),
    }
    lines = [f"{key}={value}" for key, value in properties.items()]
    (directory / "sequence").write_text("\n".join(lines) + "\n")
    np.savetxt(directory / "groundtruth.txt", sequence.boxes, "%.4f", ",")


def trackers_ini(python: str, root: Path) -> str:
    """tools/trackers.ini for this python and this folder of the project."""
    text = (ROOT / "tools" / "trackers.ini").read_text()
    text = text[text.index("[") :]  # without the words on what is to be filled in
    for word, path in (("PYTHON", python), ("LODESTAR", str(root))):
        text = text.replace(word, shlex.quote(path).replace("%", "%%"))  # %% is an ini file's %
    return text


def leaves_first_box(boxes: np.ndarray) -> bool:
    """Whether a target stays in the picture but not in its first box, so that first_box fails."""
    return bool(np.isfinite(boxes).all() and overlap(boxes, boxes[:1]).min() == 0)


def main() -> None:
    """Write a workspace, and print what to run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path, metavar="DIR", help="a new folder")
    directory = parser.parse_args().directory.resolve()
    footage = synthetic("test", count=8, length=40, size=(160, 120)).sequences
    leaving = [sequence for sequence in footage if leaves_first_box(sequence.boxes)]
    try:
        write_workspace(directory, leaving[:2])
    except InputError as error:
        sys.exit(f"error: {error}")
    for command in ("evaluate", "analysis"):
        print(f"vot {command} --workspace {directory} --experiments unsupervised first_box cacf")
    print("(with vot-toolkit 0.7.4 without --experiments unsupervised, see tools/vot_tracker.py)")


if __name__ == "__main__":
    main()
