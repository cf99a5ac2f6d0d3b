"""Checkpoints: all that a run needs to go on, or a tracker to be rebuilt, in one file."""

import pickle
import platform
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision

from benchmarks.files import replacing
from ops.errors import InputError

FORMAT = "lodestar-1"


def save_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write `content` (plain values and tensors) to `path`, replacing it atomically."""
    with replacing(path) as file:
        torch.save({"format": FORMAT, "versions": versions(), **content}, file)


def load_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a checkpoint on the CPU, without running anything in it.

    Raises InputError where the file is missing, torn, or not one of ours.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"checkpoint={path}: no such file")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError):
        raise InputError(f"checkpoint={path}: torn, or not a checkpoint of train.py") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError(f"checkpoint={path}: not written by train.py (no format {FORMAT})")
    return content


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
