"""What the three commands share: one clear line for a wrong input, names for run directories."""

import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ops.errors import InputError

CONFIG_PATH = str(Path(__file__).resolve().parents[1] / "configs")


def run_command(main: Callable[[], None]) -> None:
    """Run a command decorated with hydra.main.

    A wrong input ends in one line on stderr and exit code 1. Anything else that is raised is a
    defect and keeps its traceback.
    """
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises, instead of printing and leaving
    warnings.showwarning = _show_warning
    try:
        main()
    except (InputError, HydraException, OmegaConfBaseException) as error:
        print(f"error: {_one_line(error)}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("interrupted: the same command with resume=true goes on", file=sys.stderr)
        sys.exit(130)


def _one_line(error: Exception) -> str:
    """The message on one line, with the innermost cause, where Hydra hides what was wrong."""
    messages = [str(error)]
    cause = error.__cause__
    while cause is not None and isinstance(cause, (HydraException, OmegaConfBaseException)):
        messages.append(str(cause))
        cause = cause.__cause__
    lines = [line.strip() for message in messages for line in message.splitlines()]
    noise = ("full_key:", "object_type=", "reference_type=", "Set the environment variable")
    kept = [line for line in lines if line and not line.startswith(noise)]
    return " ".join(dict.fromkeys(kept))


def _show_warning(message, category, filename, lineno, file=None, line=None) -> None:
    print(f"warning: {message}", file=sys.stderr)


def _tracker_label(checkpoint: str | None, tracker: str) -> str:
    """What an evaluation is named after: the run that a checkpoint comes from, or the tracker."""
    if checkpoint is None:
        return tracker
    path = Path(checkpoint).resolve()
    return path.parents[1].name if path.parent.name == "checkpoints" else path.stem


def _sweep_row(name: str, overrides: str) -> str:
    """Where a job of a sweep lies below runs/: its name, and what the sweep varies."""
    varied = [item for item in overrides.split(",") if "experiment" not in item.split("=")[0]]
    return "/".join([name, *["_".join(varied).replace("=", "-")] * bool(overrides and varied)])


OmegaConf.register_new_resolver("tracker_label", _tracker_label, replace=True)
OmegaConf.register_new_resolver("sweep_row", _sweep_row, replace=True)
