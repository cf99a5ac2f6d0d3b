"""Checkpoints: all that a run needs to go on, or a tracker to be rebuilt, in one file."""

import logging
import pickle
import platform
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision

from ops.errors import InputError
from ops.files import replacing

FORMAT = "lodestar-1"
SHIPPED = Path(__file__).resolve().parents[1] / "weights"  # what comes along, by name
DAMAGED = (zipfile.BadZipFile, pickle.UnpicklingError)
log = logging.getLogger("lodestar")


def save_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write `content` (plain values and tensors) to `path`, replacing it atomically.

    Raises InputError, with the old file in its place, where it cannot be written: a full disk.
    """
    try:
        with replacing(path) as file:
            torch.save({"format": FORMAT, "versions": versions(), **content}, file)
    except (OSError, RuntimeError) as error:  # torch's writer says RuntimeError of its own
        cause = error if isinstance(error, OSError) else error.__context__
        if not isinstance(cause, OSError):
            raise
        raise InputError(f"{path}: cannot be written ({cause.strerror})") from error


def load_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a checkpoint on the CPU, without running anything in it.

    It is a file, or the name of weights that ship (`find_checkpoint`). Raises InputError where the
    file is missing, torn, or not one of ours.
    """
    path = find_checkpoint(path)
    try:
        with zipfile.ZipFile(path) as file:  # torch does not look at the checksums
            if file.testzip() is not None:
                raise zipfile.BadZipFile
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (*DAMAGED, RuntimeError, EOFError, ValueError, KeyError):
        raise InputError(f"checkpoint={path}: torn, or not a checkpoint of train.py") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError(f"checkpoint={path}: not written by train.py (no format {FORMAT})")
    return content


def find_checkpoint(path: str | Path) -> Path:
    """A file as it is; of a name like rasnet, weights/rasnet.pt. Raises InputError for neither."""
    shipped = SHIPPED / f"{path}.pt"
    for file in (Path(path), shipped):
        if file.is_file():
            return file
    names = ", ".join(sorted(file.stem for file in SHIPPED.glob("*.pt"))) or "none ship here"
    raise InputError(f"checkpoint={path}: no such file, nor weights of that name ({names})")


class Checkpoints:
    """The folder of a run's checkpoints.

    last.pt            the newest
    next.pt            a newer one, where a kill came before it was called last.pt
    previous.pt        the one before, should the newest turn out torn
    best.pt            the best by validation
    step_00012000.pt   every `keep_every` steps, of which the newest `keep_most` stay
    """

    def __init__(self, folder: Path, keep_every: int | None, keep_most: int):
        self.folder, self.keep_every, self.keep_most = folder, keep_every, keep_most
        self.last, self.previous = folder / "last.pt", folder / "previous.pt"
        self.next, self.best = folder / "next.pt", folder / "best.pt"
        self._found: Path | None = None  # by `newest`

    def save(self, content: dict[str, Any]) -> None:
        """The newest; what was the newest becomes the one before."""
        if self.keep_every is not None and content["step"] % self.keep_every == 0:
            save_checkpoint(self.folder / f"step_{content['step']:08d}.pt", content)
            for path in self._kept()[self.keep_most :]:
                path.unlink()
        save_checkpoint(self.next, content)
        self._take_over()

    def _take_over(self) -> None:
        """What is next becomes the last."""
        if self.last.exists():
            self.last.replace(self.previous)
        self.next.replace(self.last)

    def save_best(self, content: dict[str, Any]) -> None:
        save_checkpoint(self.best, content)

    def newest(self) -> dict[str, Any] | None:
        """The newest that can be read, None where there is none.

        One that is torn or foreign is named in the log, and the one before is taken. Raises
        InputError if that is so of all.
        """
        paths = (self.next, self.last, self.previous, *self._kept())
        damage = None
        for path in filter(Path.exists, paths):
            try:
                content = load_checkpoint(path)
                if "optimizer" not in content:
                    raise InputError(f"checkpoint={path}: holds weights alone, no training")
            except InputError as error:
                damage = error
                log.warning("%s", error)
                continue
            if damage is not None:
                log.warning("%s, of step %d, is used in its place", path.name, content["step"])
            self._found = path
            return content
        if damage is not None:
            raise InputError(f"{damage}; there is none before it that could be used")
        return None

    def tidy(self) -> None:
        """End what a kill cut short: remove what is half written, and where `newest` found one that
        was not called last.pt yet, call it so."""
        for path in self.folder.glob(".*.tmp"):
            path.unlink()
        if self._found == self.next:
            self._take_over()

    def _kept(self) -> list[Path]:
        """The numbered ones, newest first."""
        return sorted(self.folder.glob("step_*.pt"), reverse=True)


def versions() -> dict[str, str]:
    """What wrote a file."""
    return {
        "python": platform.python_version(),
        "torch": str(torch.__version__),  # of a class of its own, which weights_only refuses
        "torchvision": torchvision.__version__,
        "numpy": np.__version__,
    }


def random_states() -> dict[str, Any]:
    """torch's generators; everything else draws from generators made of (seed, epoch, index)."""
    return {"cpu": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state_all()}


def restore_random_states(states: dict[str, Any]) -> None:
    torch.set_rng_state(states["cpu"])
    if len(states["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(states["cuda"])
