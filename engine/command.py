"""What the three commands share: one clear line for a wrong input, names for run directories."""

import os
import sys
import warnings
from collections.abc import Callable
from functools import wraps
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from engine.run import discard_if_empty
from ops.errors import InputError

CONFIG_PATH = str(Path(__file__).resolve().parents[1] / "configs")


def run_command(task: Callable[[DictConfig], None], config_name: str) -> None:
    """Compose a config from the command line and run `task` on it.

    A wrong input ends in one line on stderr and exit code 1, and leaves no empty run directory.
    Anything else that is raised is a defect and keeps its traceback.
    """
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises, instead of printing and leaving
    warnings.showwarning = _show_warning

    @wraps(task)
    def guarded(config: DictConfig) -> None:
        directory = Path(HydraConfig.get().runtime.output_dir)
        try:
            task(config)
        except (InputError, OmegaConfBaseException) as error:
            _leave(error)
        except KeyboardInterrupt:
            print("interrupted: the same command with resume=true goes on", file=sys.stderr)
            sys.exit(130)
        finally:
            discard_if_empty(directory)

    try:
        hydra.main(config_path=CONFIG_PATH, config_name=config_name, version_base="1.3")(guarded)()
    except (HydraException, OmegaConfBaseException) as error:
        _leave(error)


def _leave(error: Exception) -> None:
    print(f"error: {_one_line(error)}", file=sys.stderr)
    sys.exit(1)


def _one_line(error: Exception) -> str:
    """The message on one line, with its causes, without what Hydra adds for its own developers."""
    messages: list[str] = []
    while isinstance(error, (InputError, HydraException, OmegaConfBaseException)):
        messages += str(error).splitlines()
        error = error.__cause__
    kept = []
    for line in map(str.strip, messages):
        if line.startswith("Config search path"):
            break
        if line and not line.startswith(("full_key:", "object_type=", "To append to your config")):
            kept.append(line)
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
    row = "_".join(varied).replace("=", "-").replace("/", "-")
    return f"{name}/{row}" if row else name


OmegaConf.register_new_resolver("tracker_label", _tracker_label, replace=True)
OmegaConf.register_new_resolver("sweep_row", _sweep_row, replace=True)
