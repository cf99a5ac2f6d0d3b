"""What the three commands share: a config from the command line, one line for a wrong input."""

import os
import re
import sys
import traceback
import warnings
from collections.abc import Callable
from functools import update_wrapper
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from engine.arguments import SEARCH, add_argument, asked_checkpoint, given, swept_keys, unswept
from engine.help import help_text
from engine.run import Run, close_log, discard_if_empty, is_used, note, show_held_back_warnings
from ops.errors import InputError, check_flag

CONFIG_PATH = str(Path(__file__).resolve().parents[1] / "configs")


def run_command(task: Callable[[DictConfig], None], config_name: str) -> None:
    """Compose a config from the command line and run `task` on it.

    A wrong input ends in one line on stderr and exit code 1, and leaves no empty run directory.
    In a sweep the line names the job, and the others go on. Anything else that is raised is a
    defect and keeps its traceback.
    """
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises, instead of printing and leaving
    warnings.showwarning = _show_warning
    job, sweep = Job(task), bool({"-m", "--multirun"} & set(sys.argv))
    if sweep and "RANK" in os.environ:
        _leave(InputError("a sweep under torchrun: expected torchrun for each row by itself"))
    try:
        _check_search()
        _say_what_is_meant(config_name)
        if {"--help", "-h"} & set(sys.argv):
            print(help_text(CONFIG_PATH, config_name, unswept()), flush=True)
            return
        hydra.main(config_path=CONFIG_PATH, config_name=config_name, version_base="1.3")(job)()
    except BrokenPipeError:  # whoever reads what --help or --cfg prints has gone: `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (InputError, HydraException, OmegaConfBaseException, OSError) as error:
        _leave(error)
    except AssertionError:  # what Hydra's cluster launchers say to no jobs
        if job.started or not sweep:
            raise
    except Exception as error:  # a job on a cluster that came to no end, or no cluster
        of_cluster = type(error).__module__.startswith("submitit.") or "srun" in str(error)
        if not of_cluster:
            raise
        _leave(InputError(f"a job elsewhere: {str(error).strip().splitlines()[-1]}"))
    finally:
        if sweep:  # what Hydra's sweeper writes before it has looked at a single job
            Path("runs", "multirun.yaml").unlink(missing_ok=True)
            discard_if_empty(Path("runs"))
    if sweep and not job.started:
        tables = sorted(path.name for path in Path(CONFIG_PATH, "experiment").iterdir())
        tables = ", ".join(name for name in tables if "." not in name)
        _leave(InputError(f"the sweep selects nothing, no job was started; tables: {tables}"))
    if job.failed:
        failed = ", ".join(job.failed)
        _leave(InputError(f"{len(job.failed)} of {job.started} jobs failed: {failed}"))


class Job:
    """What Hydra calls with a config: here, or in a process that a launcher starts elsewhere.

    There it knows the command line as if it had been given there, and hands what went wrong back
    to the sweep.

    Attributes:
        started: jobs that were, here, or elsewhere at least one.
        failed: rows of a sweep that went wrong here.
    """

    def __init__(self, task: Callable[[DictConfig], None], elsewhere: bool = False):
        update_wrapper(self, task)
        self.task, self.elsewhere = task, elsewhere
        self.started, self.failed = 0, []

    def __reduce__(self):
        self.started = max(self.started, 1)
        return _job_elsewhere, (self.task, list(sys.argv))

    def __call__(self, config: DictConfig) -> Any:
        self.started += 1
        hydra_config = HydraConfig.get()
        directory, row = Path(hydra_config.runtime.output_dir), hydra_config.sweep.subdir
        try:
            _check_row(hydra_config.overrides.task)
            return self.task(config)  # a search's score, for the sweeper
        except (InputError, HydraException, OmegaConfBaseException, OSError) as error:
            if hydra_config.mode != RunMode.MULTIRUN:
                _leave(error)
            note(f"error: {_one_line(error)}")
            print(f"error: {row}: {_one_line(error)}", file=sys.stderr)
            if self.elsewhere:
                raise InputError(f"{row}: {_one_line(error)}") from None
            self.failed.append(row)  # the other jobs of the sweep go on
        except KeyboardInterrupt:
            how = ": the same command with resume=true goes on" if is_used(directory) else ""
            print(f"interrupted{how}", file=sys.stderr)
            sys.exit(130)
        except Exception:
            note(traceback.format_exc())
            raise
        finally:
            close_log()  # what a sweep says later is not of this job
            if os.environ.get("RANK", "0") == "0":
                discard_if_empty(directory)


def _job_elsewhere(task: Callable[[DictConfig], None], arguments: list[str]) -> Job:
    sys.argv = arguments
    warnings.showwarning = _show_warning
    return Job(task, elsewhere=True)


def open_run(config: DictConfig, main: bool = True, resumable: bool = True) -> Run:
    """The run directory that Hydra chose. A used one is refused unless resume is asked for, which
    is refused itself of a command that cannot go on (`resumable`).

    One that mode=score filled may be scored anew: its results lie elsewhere. Of several processes
    only the main one looks.
    """
    hydra_config = HydraConfig.get()
    directory = Path(hydra_config.runtime.output_dir)
    check_flag("resume", config.resume)
    if config.resume and not resumable:
        raise InputError("resume=true: this command starts anew each time, name=NAME beside it")
    config_files = {
        "config.yaml": OmegaConf.to_yaml(config),
        "hydra.yaml": OmegaConf.to_yaml(OmegaConf.create({"hydra": hydra_config})),
        "overrides.yaml": OmegaConf.to_yaml(hydra_config.overrides.task),
    }
    earlier = directory / ".hydra" / "config.yaml"
    scored = earlier.exists() and OmegaConf.load(earlier).get("mode") == "score"
    rescored = config.get("mode") == "score" and scored
    return Run(directory, config.resume or rescored or not main, config_files, resumable)


def record_network(run: Run, config: DictConfig, network: dict[str, Any]) -> None:
    """Let .hydra/config.yaml say which network is used: a checkpoint's is not the composed one."""
    run.config_files["config.yaml"] = OmegaConf.to_yaml({**config, **network})


def _say_what_is_meant(config_name: str) -> None:
    """Add to the command line what follows from it.

    Where a checkpoint is the default, a network that is asked for (tracker=, backbone=, head=, or
    a key in one) is meant without it. Beside a checkpoint, keys under tracking. are those of the
    tracker that it holds.
    """
    arguments = given()
    groups = {key.split(".")[0] for key in arguments}
    default = OmegaConf.load(Path(CONFIG_PATH, "command", f"{config_name}.yaml")).get("checkpoint")
    network = groups & {"tracker", "backbone", "head"}
    if default is not None and "checkpoint" not in arguments and network:
        add_argument("checkpoint=null")
        return
    checkpoint = asked_checkpoint(default)
    if checkpoint and "tracker" not in arguments and "tracking" in groups:
        from engine.checkpoints import load_checkpoint  # torch: scoring starts without it

        parts = load_checkpoint(checkpoint)["config"]["parts"]
        add_argument(f"tracker={parts['tracker']}")


def _check_search() -> None:
    """Raise InputError if a search is to vary something else than settings of tracking."""
    if SEARCH not in sys.argv[1:]:
        return
    others = sorted(key for key in swept_keys() if not key.startswith("tracking."))
    if others:
        raise InputError(f"{SEARCH} varies tracking.KEY=A,B,... alone, not {others[0]}")


def _check_row(overrides: list[str]) -> None:
    """Raise InputError if something else is asked of a table's row than it is."""
    keys = [override.lstrip("+~").split("=")[0] for override in overrides]
    table = next((key for key in keys if key.startswith("experiment/")), None)
    chosen = [key for key in keys if key in ("tracker", "backbone", "head")]
    if table and chosen:
        raise InputError(f"{chosen[0]}= beside a row of {table}: the row says which it is")


def _leave(error: Exception) -> None:
    note(f"error: {_one_line(error)}")
    show_held_back_warnings()
    rank = os.environ.get("RANK", "0")  # of torchrun's processes, which may say the same
    who = "" if rank == "0" else f"rank {rank}: "
    print(f"{who}error: {_one_line(error)}", file=sys.stderr)
    sys.exit(1)


def _one_line(error: Exception) -> str:
    """The message on one line, with its causes, without what Hydra adds for its own developers."""
    messages: list[str] = []
    while isinstance(error, (InputError, HydraException, OmegaConfBaseException, OSError)):
        # A loader's worker hands its error on with a traceback around it.
        text = str(error).strip()
        in_worker = text.startswith("Caught InputError in DataLoader worker")
        messages += [text.splitlines()[-1].split(": ", 1)[1]] if in_worker else text.splitlines()
        error = error.__cause__
    kept = []
    for line in map(str.strip, messages):
        if line.startswith("Config search path"):
            break
        if line and not line.startswith(("full_key:", "object_type=", "To append to your config")):
            kept.append(line)
    text = " ".join(dict.fromkeys(kept))
    several = re.match(r"Ambiguous value for argument '([\w.+~/@]+)=(.*?)'", text)
    if several is not None:
        key, values = several.groups()
        return f"{key}={values}: expected '{key}=[{values}]' for a list, -m beside it for a sweep"
    if text.startswith("LexerNoViableAlt"):
        return f"{text.split(': ', 1)[-1]}: expected quotes around it, or $HOME in place of ~"
    unknown = re.search(r"Could not override '([\w.]+)'\.? Key '\w+' is not in struct", text)
    if unknown is None:
        return text
    return _unknown_key(unknown[1])


def _unknown_key(key: str) -> str:
    """What to do about a key that there is not."""
    group, _, _ = key.rpartition(".")
    if group == "tracking" and (checkpoint := asked_checkpoint()):
        from engine.checkpoints import load_checkpoint

        try:
            held = load_checkpoint(checkpoint)["config"]["tracking"]
        except InputError as error:
            return str(error)
        return f"{key}: no such key, the tracker of checkpoint={checkpoint} has {', '.join(held)}"
    hint = f"; ++{key}=VALUE is for keys that only a sweep's rows have"
    sweep = {"-m", "--multirun"} & set(sys.argv)
    return f"{key}: no such key here, --help prints all there are{hint if sweep else ''}"


def _show_warning(message, category, filename, lineno, file=None, line=None) -> None:
    print(f"warning: {message}", file=sys.stderr)
