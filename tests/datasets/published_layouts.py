"""What the tests of published benchmarks share: truth, configs, pictures that tell their number."""

from importlib import import_module
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
TRUTH = ROOT.parent / "shared" / "truth"
needs_truth = pytest.mark.skipif(not TRUTH.is_dir(), reason="needs the reference annotations")


def configured(name, root, **changes):
    """The dataset that configs/dataset/NAME.yaml describes, below `root`."""
    config = yaml.safe_load((ROOT / "configs" / "dataset" / f"{name}.yaml").read_text())
    module, function = config.pop("_target_").rsplit(".", 1)
    assert config["root"] == "${data_root}" and config["sequences"] is None
    return getattr(import_module(module), function)(**{**config, "root": root, **changes})


def write_pictures(folder, pattern, numbers, size=(128, 16)):
    """Pictures of size (width, height) whose 16 columns of blocks are the bits of their number."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        bits = np.uint8([255 * (number >> bit & 1) for bit in range(16)])
        picture = cv2.resize(bits[None], size, interpolation=cv2.INTER_NEAREST)
        cv2.imwrite(str(folder / pattern.format(number)), np.repeat(picture[..., None], 3, 2))


def number_of(frame):
    """The number that write_pictures wrote into a picture."""
    height, width = frame.shape[:2]
    columns = (np.arange(16) * 2 + 1) * width // 32
    return sum(1 << bit for bit, x in enumerate(columns) if frame[height // 2, x, 0] > 127)


def write_rows(path, rows):
    """A text file with a line "a,b,c,..." for each row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(",".join(map(str, row)) + "\n" for row in rows))


def counting_boxes(rows):
    """Boxes whose left edge is the number of their row, from 1 on."""
    return [(row, 20, 30, 40) for row in range(1, rows + 1)]
