"""The run directory: everything that a command leaves behind lies in it."""

import logging
import sys
from pathlib import Path

from benchmarks.files import write_atomically
from ops.errors import InputError

USED = ("metrics.jsonl", "checkpoints", "results", "report.json", "tracked.mp4")


class Run:
    """A directory of its own for one training or evaluation.

    Attributes:
        directory: its path.
        checkpoints, results: folders in it.
        config_files: what .hydra/ will hold, texts by name.
        resumed: whether there was something to go on from.
    """

    def __init__(self, directory: Path, resume: bool, config_files: dict[str, str]):
        self.directory, self.config_files = directory, config_files
        self.checkpoints, self.results = directory / "checkpoints", directory / "results"
        self.resumed = any((directory / name).exists() for name in USED)
        if self.resumed and not resume:
            raise InputError(
                f"{directory} holds an earlier run: name=NAME starts another beside it, "
                "resume=true goes on with it"
            )

    def open(self, log_name: str) -> logging.Logger:
        """Write .hydra/ and start the log. Called once everything given is known to be right."""
        self.directory.mkdir(parents=True, exist_ok=True)
        for name, text in self.config_files.items():
            write_atomically(self.directory / ".hydra" / name, text)
        logger = logging.getLogger("lodestar")
        logger.setLevel(logging.INFO)
        for handler in list(logger.handlers):  # of the job before, in a sweep
            logger.removeHandler(handler)
            handler.close()
        to_file = logging.FileHandler(self.directory / f"{log_name}.log")
        to_file.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        for handler in (to_file, logging.StreamHandler(sys.stdout)):
            logger.addHandler(handler)
        to_file.handle(logger.makeRecord("", logging.INFO, "", 0, " ".join(sys.argv), (), None))
        return logger


def discard_if_empty(directory: Path) -> None:
    """Remove a run directory that nothing came of, and folders above it within the working one."""
    while directory.is_dir() and not any(directory.iterdir()):
        directory.rmdir()
        directory = directory.parent
        if Path.cwd() not in directory.parents:
            return
