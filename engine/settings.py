"""What a training is told, and the schedule that follows from it."""

import os
import warnings
from dataclasses import dataclass

import torch

from ops.errors import InputError, check_flag, check_number, check_part

MOST_READERS = 12  # a GPU's share; more wait for each other


def computes_bf16() -> bool:
    """Whether convolutions in bf16 run on this CPU's own instructions, as oneDNN sees it."""
    available = torch.backends.mkldnn.is_available()
    return available and torch.ops.mkldnn._is_mkldnn_bf16_supported()


@dataclass(frozen=True)
class Settings:
    """The config's `trainer` and `optimizer`, as plain values (configs/command/trainer.yaml
    explains)."""

    epochs: int
    frozen_epochs: int
    clips_per_epoch: int
    batch_size: int
    max_steps: int | None
    workers: int | str
    amp: bool | str
    compile: bool
    clip_norm: float
    log_every: int
    picture_every: int
    checkpoint_every: int
    keep_every: int | None
    keep_most: int
    unreadable: float
    validate: bool
    validate_every: int
    learning_rate: float
    final_learning_rate: float
    backbone_factor: float
    momentum: float
    weight_decay: float

    def __post_init__(self):
        counts = ("epochs", "clips_per_epoch", "batch_size", "log_every", "picture_every")
        for name in (*counts, "checkpoint_every", "keep_most", "validate_every"):
            check_number(f"trainer.{name}", getattr(self, name), 1)
        if self.amp not in (True, False, "auto"):
            raise InputError(f"trainer.amp={self.amp}: expected true, false or auto")
        if self.workers != "auto":
            check_number("trainer.workers", self.workers, 0)
        check_number("trainer.frozen_epochs", self.frozen_epochs, 0)
        if self.frozen_epochs >= self.epochs:
            raise InputError(
                f"trainer.frozen_epochs={self.frozen_epochs}: expected less than "
                f"trainer.epochs={self.epochs}"
            )
        for name in ("compile", "validate"):
            check_flag(f"trainer.{name}", getattr(self, name))
        check_number("trainer.clip_norm", self.clip_norm, 0, whole=False)
        if not self.clip_norm:
            raise InputError("trainer.clip_norm=0: expected a number above 0, inf for none")
        check_part("trainer.unreadable", self.unreadable)
        for name in ("max_steps", "keep_every"):
            if getattr(self, name) is not None:
                check_number(f"trainer.{name}", getattr(self, name), 1)
        rates = ("learning_rate", "final_learning_rate")
        for name in (*rates, "backbone_factor", "momentum", "weight_decay"):
            check_number(f"optimizer.{name}", getattr(self, name), 0, whole=False)
            if name in rates and not getattr(self, name):
                raise InputError(f"optimizer.{name}=0: expected a number above 0")

    @property
    def steps_per_epoch(self) -> int:
        return max(self.clips_per_epoch // self.batch_size, 1)

    @property
    def total_steps(self) -> int:
        return self.epochs * self.steps_per_epoch

    @property
    def last_step(self) -> int:
        return min(self.total_steps, self.total_steps if self.max_steps is None else self.max_steps)

    @property
    def frozen_steps(self) -> int:
        return self.frozen_epochs * self.steps_per_epoch

    def rate(self, step: int) -> float:
        """The learning rate: constant in the frozen epochs, then exponential to the last step."""
        progress = (step - self.frozen_steps) / max(self.total_steps - 1 - self.frozen_steps, 1)
        ratio = self.final_learning_rate / self.learning_rate
        return self.learning_rate * ratio ** max(progress, 0.0)

    def check_ranks(self, ranks: int) -> None:
        """Raise InputError unless the ranks can share a batch equally."""
        if self.batch_size % ranks:
            raise InputError(
                f"trainer.batch_size={self.batch_size}: expected a multiple of the {ranks} "
                "processes, which share it"
            )

    def mixed(self, device: torch.device) -> bool:
        """Whether steps compute in bf16 where that serves. `auto`: on a GPU alone. On a CPU without
        instructions for it they do not, as bf16 would take several times as long as float32."""
        if self.amp == "auto":
            return device.type == "cuda"
        if self.amp and device.type == "cpu" and not computes_bf16():
            warnings.warn(
                "trainer.amp=true: this CPU has no instructions for bf16 (AVX-512); steps are "
                "computed in float32",
                stacklevel=2,
            )
            return False
        return bool(self.amp)

    def readers(self, device: torch.device, ranks_here: int) -> int:
        """Processes that read clips for one rank. `auto`: on a GPU the machine's cores shared among
        its ranks, but for one each; without a GPU none, as they would take the network's cores."""
        if self.workers != "auto":
            return self.workers
        if device.type != "cuda":
            return 0
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        return min(max((cores or 1) // ranks_here - 1, 1), MOST_READERS)
