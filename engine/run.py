"""The run directory: everything that a command leaves behind lies in it."""

import logging
import sys
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from benchmarks.files import write_atomically
from ops.errors import InputError

USED = ("metrics.jsonl", "checkpoints", "results", "report.json", "tracked.mp4")


class Run:
    """A directory of its own for one training or evaluation.

    Attributes:
        directory: its path.
        checkpoints, results: folders in it.
        resumed: whether there was something to go on from.
    """

    def __init__(self, directory: Path, resume: bool):
        self.directory = directory
        self.checkpoints, self.results = directory / "checkpoints", directory / "results"
        self.resumed = any((directory / name).exists() for name in USED)
        if self.resumed and not resume:
            raise InputError(
                f"{directory} holds an earlier run: resume=true goes on with it, "
                "name=NAME starts another beside it"
            )

    def open(self, config: DictConfig, log_name: str) -> logging.Logger:
        """Write .hydra/ and start the log. Called once everything given is known to be right."""
        self.directory.mkdir(parents=True, exist_ok=True)
        hydra = HydraConfig.get()
        texts = {
            "config.yaml": OmegaConf.to_yaml(config),
            "hydra.yaml": OmegaConf.to_yaml(OmegaConf.create({"hydra": hydra})),
            "overrides.yaml": OmegaConf.to_yaml(hydra.overrides.task),
        }
        for name, text in texts.items():
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

    @classmethod
    def of_hydra(cls, resume: bool) -> "Run":
        """The directory that Hydra chose. An empty one that it made is taken away again when
        nothing comes of the run (see `discard_if_empty`)."""
        return cls(Path(HydraConfig.get().runtime.output_dir), resume)


def discard_if_empty(directory: Path) -> None:
    """Remove a run directory that nothing came of, and folders above it within the working one."""
    while directory.is_dir() and not any(directory.iterdir()):
        directory.rmdir()
        directory = directory.parent
        if Path.cwd() not in directory.parents:
            return
