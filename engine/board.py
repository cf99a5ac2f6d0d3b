"""What a training leaves to look at: TensorBoard, and metrics.jsonl with a line an interval."""

import io
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.summary.writer.record_writer import RecordWriter
from torch.utils.tensorboard import summary

from ops.files import write_atomically

METRICS = "metrics.jsonl"
# Where a number of a line stands in TensorBoard. `learning_rate_GROUP` stands with the learning
# rates, `val_FIGURE` with the validation, and what is not named here is a loss.
TAGS = {
    "loss": "loss/total",
    "gradient_norm": "gradient/norm",
    "learning_rate": "learning_rate/base",
    "clips_per_second": "speed/clips_per_second",
    "data_wait": "speed/data_wait",
    "memory_gb": "memory/host_gb",
    "gpu_memory_gb": "memory/gpu_gb",
    "skipped_pictures": "data/skipped_pictures",
    "epoch": "data/epoch",
}
PREFIXES = {"learning_rate_": "learning_rate/", "val_": "validation/"}


class Board:
    """Writes the metrics of one run, from `step` on.

    Everything is on disk when a call returns, and a disk that is full raises OSError in it, with
    the file's name. (torch's SummaryWriter writes in a thread of its own: there an error comes to
    light at some later call, or never if it was the last.)

    Args:
        directory: the run directory; events go to its tensorboard/.
        step: that the run starts from or goes on from. TensorBoard forgets what it was told of
            later ones; for metrics.jsonl this is `take_back`.
        hyper_parameters: the config as plain values, possibly nested.
    """

    def __init__(self, directory: Path, step: int, hyper_parameters: dict[str, Any]):
        self.metrics = directory / METRICS
        self.events = directory / "tensorboard" / f"events.out.tfevents.{time.time():.0f}.{step}"
        self.events.parent.mkdir(parents=True, exist_ok=True)
        start = [
            Event(file_version="brain.Event:2"),
            Event(step=step + 1, session_log=SessionLog(status=SessionLog.START)),
        ]
        self._add(start)
        if step == 0:
            self._add_hyper_parameters(hyper_parameters)

    def write(self, line: dict[str, float]) -> None:
        """One line of numbers by name, `step` among them. In metrics.jsonl a number that is not
        finite is null, which JSON has."""
        plain = {name: value if math.isfinite(value) else None for name, value in line.items()}
        _append(self.metrics, (json.dumps(plain, allow_nan=False) + "\n").encode())
        numbers = [(name, value) for name, value in line.items() if name != "step"]
        scalars = [summary.scalar(tag(name), value) for name, value in numbers]
        self._add([Event(step=line["step"], summary=scalar) for scalar in scalars])

    def picture(self, name: str, picture: np.ndarray, step: int) -> None:
        """A picture (H, W, 3), uint8 RGB."""
        image = summary.image(name, picture, dataformats="HWC")
        self._add([Event(step=step, summary=image)])

    def _add_hyper_parameters(self, hyper_parameters: dict[str, Any]) -> None:
        """As a text, and in the HPARAMS tab beside the validation's score."""
        code = yaml.safe_dump(hyper_parameters, sort_keys=False)
        text = summary.text("hyper_parameters", f"```yaml\n{code}```")
        table = summary.hparams(dict(_flat(hyper_parameters)), {tag("val_score"): None})
        experiment, session, _ = table  # the third would say that the run has ended
        self._add([Event(summary=part) for part in (text, experiment, session)])

    def _add(self, events: list[Event]) -> None:
        """Append whole records to the event file."""
        records, now = io.BytesIO(), time.time()
        for event in events:
            event.wall_time = now
            RecordWriter(records).write(event.SerializeToString())
        _append(self.events, records.getvalue())


class SilentBoard(Board):
    """Of the ranks that do not write."""

    def __init__(self):
        pass

    def write(self, line: dict[str, float]) -> None:
        pass

    def picture(self, name: str, picture: np.ndarray, step: int) -> None:
        pass


def take_back(directory: Path, step: int, validated: int) -> None:
    """Cut from metrics.jsonl what a run that goes on from `step` is going to say again: of steps
    after it, of a validation after step `validated`, and a line that a kill cut short."""
    path = directory / METRICS
    if path.exists():
        lines = path.read_bytes().splitlines(keepends=True)
        kept = [line for line in lines if _step(line) <= (validated if b'"val_' in line else step)]
        write_atomically(path, b"".join(kept))


def tag(name: str) -> str:
    """Where TensorBoard shows a number of metrics.jsonl: "val_score", the figure that ranks
    on val_dataset, is "validation/score"."""
    for prefix, group in PREFIXES.items():
        if name.startswith(prefix):
            return group + name.removeprefix(prefix)
    return TAGS.get(name, f"loss/{name}")


def _step(line: bytes) -> float:
    """The step of a line of metrics.jsonl, infinity where it is not whole."""
    try:
        return json.loads(line)["step"] if line.endswith(b"\n") else math.inf
    except ValueError:
        return math.inf


def _append(path: Path, data: bytes) -> None:
    try:
        with open(path, "ab") as file:
            file.write(data)
    except OSError as error:  # a failed write does not say of which file
        raise OSError(error.errno, error.strerror, str(path)) from None


def _flat(values: dict[str, Any], prefix: str = ""):
    """(dotted name, number or text) of nested values."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            plain = type(value) in (int, float, str)
            yield prefix + key, value if plain else json.dumps(value)
