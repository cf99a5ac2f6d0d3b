"""A loss that is not finite stops the run, and a network that is dead; finding out must not make
the loop wait for the GPU."""

from collections import deque
from pathlib import Path

import torch
from torch import Tensor

from engine.checkpoints import save_checkpoint
from ops.clip import Clip
from ops.errors import InputError

BATCH = "lodestar-batch-1"  # no checkpoint of a training
LAG = 2  # steps after which a GPU's numbers are looked at: they have arrived by then
DEAD = 20  # steps one after another whose gradient is exactly 0


class FiniteCheck:
    """Looks at each step's loss and gradient norm: at once on the CPU, two steps later on a GPU.

    Args:
        directory: where the batch of a step that is not finite is put, as not_finite.pt.
        rank: of several processes, whose files are told apart by it.
    """

    def __init__(self, directory: Path, device: torch.device, rank: int = 0):
        name = f"not_finite_rank{rank}.pt" if rank else "not_finite.pt"
        self.path, self.device = directory / name, device
        self.pending: deque[tuple[int, Clip, Tensor, torch.cuda.Event | None]] = deque()
        self.dead = 0  # steps until now

    def add(self, step: int, clip: Clip, loss: Tensor, norm: Tensor) -> None:
        """Before the weights change. Raises InputError as `check` does."""
        values, event = torch.stack([loss.detach().float(), norm.detach().float()]), None
        if self.device.type == "cuda":
            there = torch.empty(2, pin_memory=True)
            values = there.copy_(values, non_blocking=True)
            event = torch.cuda.Event()
            event.record()
        self.pending.append((step, clip, values, event))
        self.check(LAG if event is not None else 0)

    def check(self, lag: int = 0) -> None:
        """Look at all steps but the last `lag`; with 0 before a checkpoint is written.

        Raises InputError, with the batch saved, for the first that is not finite; and where no
        weight got a gradient for DEAD steps, since none will get one again.
        """
        while len(self.pending) > lag:
            step, clip, values, event = self.pending.popleft()
            if event is not None:
                event.synchronize()
            loss, norm = values.tolist()
            if not torch.isfinite(values).all():
                found = f"step {step}: the loss is {loss:g}, its gradient {norm:g}"
                try:
                    content = {"format": BATCH, "step": step, "clip": vars(clip)}
                    save_checkpoint(self.path, content)
                except InputError as error:
                    raise InputError(f"{found}; its batch is lost, {error}") from None
                raise InputError(f"{found}; its batch is in {self.path}")
            self.dead = self.dead + 1 if norm == 0 else 0
            if self.dead == DEAD:
                raise InputError(
                    f"step {step}: the gradient was exactly 0 for {DEAD} steps, so that nothing "
                    "trains any more; a lower optimizer.learning_rate may keep the network alive"
                )
