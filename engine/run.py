"""The run directory: everything that a command leaves behind lies in it."""

import logging
import os
import sys
from logging.handlers import MemoryHandler
from pathlib import Path

from ops.errors import InputError
from ops.files import write_atomically

USED = ("metrics.jsonl", "checkpoints", "results", "report.json", "tracked.mp4")
LOG = logging.getLogger("lodestar")
STOPPED = "stopped"  # a file that a run leaves behind which was asked to stop


def is_used(directory: Path) -> bool:
    """Whether a run left something there that another would go on from, or spoil."""
    return any((directory / name).exists() for name in USED)


class Run:
    """A directory of its own for one training or evaluation.

    Attributes:
        directory: its path.
        checkpoints, results: folders in it.
        config_files: what .hydra/ will hold, texts by name.
        resumed: whether there was something to go on from.

    Raises InputError for a used directory, unless it is to go on there: `resume`, or by itself, a
    run that had been asked to stop or that its scheduler started again. It says that resume=true
    goes on only where that is so: `resumable`.
    """

    def __init__(
        self, directory: Path, resume: bool, config_files: dict[str, str], resumable: bool = True
    ):
        self.directory, self.config_files = directory, config_files
        self.checkpoints, self.results = directory / "checkpoints", directory / "results"
        self.resumed = is_used(directory)
        goes_on = resume or (directory / STOPPED).exists() or was_restarted()
        _hold_back()
        if self.resumed and not goes_on:
            raise InputError(
                f"{directory} holds an earlier run: name=NAME starts another beside it"
                + ", resume=true goes on with it" * resumable
            )

    def open(self, log_name: str, rank: int = 0) -> logging.Logger:
        """Write .hydra/ and start the log. Called once everything given is known to be right.

        Of several processes those of other ranks write nothing, and only warn.
        """
        held_back = close_log()
        if rank:
            handler = logging.StreamHandler(sys.stderr)
            handler.setLevel(logging.WARNING)
            handler.setFormatter(logging.Formatter(f"rank {rank}: %(message)s"))
            LOG.addHandler(handler)
            return LOG
        self.directory.mkdir(parents=True, exist_ok=True)
        for name, text in self.config_files.items():
            write_atomically(self.directory / ".hydra" / name, text)
        (self.directory / STOPPED).unlink(missing_ok=True)
        to_file = logging.FileHandler(self.directory / f"{log_name}.log")
        to_file.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        for handler in (to_file, logging.StreamHandler(sys.stdout)):
            LOG.addHandler(handler)
        to_file.handle(LOG.makeRecord("", logging.INFO, "", 0, " ".join(sys.argv), (), None))
        for record in held_back:
            LOG.handle(record)
        return LOG

    def stop(self, step: int) -> None:
        """Leave word that the run was asked to stop: the same command goes on."""
        write_atomically(self.directory / STOPPED, f"asked to stop, saved at step {step}\n")


def note(text: str) -> None:
    """Put into the run's log, if there is one, what else only the screen would say."""
    for handler in LOG.handlers:
        if isinstance(handler, logging.FileHandler):
            handler.handle(LOG.makeRecord("", logging.ERROR, "", 0, text, (), None))


def show_held_back_warnings() -> None:
    """Of a command that ends before there is a log: what was worth a warning, on stderr."""
    for record in close_log():
        if record.levelno >= logging.WARNING:
            print(f"warning: {record.getMessage()}", file=sys.stderr)


def close_log() -> list[logging.LogRecord]:
    """The run is over, what is logged from now on is of another: (what was held back until now)."""
    held_back = []
    for handler in list(LOG.handlers):
        if isinstance(handler, MemoryHandler):
            held_back += handler.buffer
        LOG.removeHandler(handler)
        handler.close()
    return held_back


def _hold_back() -> None:
    """Keep what is logged until there is a log to write it into."""
    close_log()  # of the job before, in a sweep
    LOG.setLevel(logging.INFO)
    LOG.addHandler(MemoryHandler(10_000, flushLevel=logging.CRITICAL + 1))


def was_restarted() -> bool:
    """Whether Slurm says that it started this job anew."""
    return os.environ.get("SLURM_RESTART_COUNT", "0") not in ("", "0")


def discard_if_empty(directory: Path) -> None:
    """Remove a run directory that nothing came of, and folders above it within the working one."""
    while directory.is_dir() and not any(directory.iterdir()):
        directory.rmdir()
        directory = directory.parent
        if Path.cwd() not in directory.parents:
            return
