"""Several processes that train as one: `torchrun --nproc_per_node=2 train.py ...`.

Each process has a rank and a share of every batch. Without torchrun there is a world of one, for
which everything here is trivial, so the training loop reads the same.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, distributed, nn

from engine.batch_norm import share_batch_norm
from ops.clip import Clip
from ops.errors import InputError
from trackers.base import Tracker

PATIENCE = timedelta(minutes=60)  # the first scan of a large dataset is waited for


@dataclass(frozen=True)
class World:
    """Who trains together. Methods are collective: every rank calls them, in the same order.

    Attributes:
        rank, size: of this process among all of them.
        local_rank, local_size: the same among those on this machine.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1

    @property
    def main(self) -> bool:
        """Whether this is the one that writes files."""
        return self.rank == 0

    def broadcast(self, value: Any) -> Any:
        """Rank 0's value. Goes over the CPU, pickled: not for tensors on a GPU."""
        if self.size == 1:
            return value
        held = [value]
        distributed.broadcast_object_list(held, src=0)
        return held[0]

    def gather(self, value: Any) -> list[Any]:
        """The values of all ranks, in their order, on every rank. As `broadcast`."""
        if self.size == 1:
            return [value]
        values = [None] * self.size
        distributed.all_gather_object(values, value)
        return values

    def stack(self, vector: Tensor) -> Tensor:
        """The vectors (n,) of all ranks, on every rank: (size, n), on the device that they are on.

        On a GPU the host does not wait.
        """
        if self.size == 1:
            return vector[None]
        rows = [torch.empty_like(vector) for _ in range(self.size)]
        distributed.all_gather(rows, vector)
        return torch.stack(rows)

    @contextmanager
    def main_first(self) -> Iterator[None]:
        """Rank 0 does what is in here, then the others do; where rank 0 fails, they leave too."""
        if not self.main:
            if not self.broadcast(None):
                sys.exit(1)  # rank 0 says why
            yield
            return
        done = False
        try:
            yield
            done = True
        finally:
            self.broadcast(done)


ALONE = World()


def find_world() -> World:
    """The world that torchrun's environment tells of; a world of one without it."""
    if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
        return ALONE
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    return World(*(int(os.environ[name]) for name in names))


def build_device(name: str, world: World = ALONE) -> torch.device:
    """The device that `device=` names; auto is the GPU where there is one.

    Under torchrun each process takes the GPU of its local rank.

    Raises:
        InputError: no such device, one GPU named for several processes, or fewer GPUs than
            processes on this machine.
    """
    many = world.size > 1
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise InputError(f"device={name}: expected auto, cpu, cuda or cuda:N") from None
    if device.type not in ("cpu", "cuda"):
        raise InputError(f"device={name}: expected auto, cpu, cuda or cuda:N")
    if device.type == "cpu":
        return device
    found = torch.cuda.device_count()
    if many and device.index is not None:
        raise InputError(f"device={name}: under torchrun expected auto, cpu or cuda")
    if many and world.local_size > found:
        raise InputError(
            f"device={name}: {world.local_size} processes on this machine, {found} GPUs found: "
            f"expected torchrun --nproc_per_node={max(found, 1)} or device=cpu"
        )
    if (device.index or 0) >= found:
        raise InputError(f"device={name}: no such GPU, {found} found")
    return torch.device("cuda", world.local_rank) if many else device


def join_world(device: str) -> tuple[World, torch.device]:
    """Meet the other processes that torchrun started: (world, this process's device).

    Tensors on a GPU go over NCCL, everything else over gloo. Raises InputError as `build_device`
    does, before anyone is waited for.
    """
    world = find_world()
    chosen = build_device(device, world)
    if world.size > 1:
        if chosen.type == "cuda":
            torch.cuda.set_device(chosen)
        backend = "cpu:gloo,cuda:nccl" if chosen.type == "cuda" else "gloo"
        # torchrun keeps its store when it starts the processes again: to each attempt its own keys.
        store, rank, size = next(distributed.rendezvous("env://", timeout=PATIENCE))
        attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
        store = distributed.PrefixStore(f"attempt {attempt}", store)
        distributed.init_process_group(
            backend, store=store, rank=rank, world_size=size, timeout=PATIENCE
        )
    return world, chosen


def leave_world() -> None:
    """End what `join_world` began. A second call, or one without it, does nothing."""
    if distributed.is_initialized():
        distributed.destroy_process_group()


class Ballot:
    """Agreement on when to stop, without waiting: every rank votes at every step.

    `cast` is called once a step by every rank. The vote travels while the step is computed, over a
    gloo group of its own, and is read one step later, so that all ranks act at the same step
    whichever of them was asked. A world of one has nobody to wait for: it acts at once.
    """

    def __init__(self, world: World):
        self.group = distributed.new_group(backend="gloo") if world.size > 1 else None
        self.pending: distributed.Work | None = None
        self.votes = torch.zeros(1, dtype=torch.int32)

    def cast(self, code: int) -> int:
        """Cast this rank's code; the highest that any rank cast at the step before, 0 at first."""
        if self.group is None:
            return code
        agreed = self.close()
        self.votes.fill_(code)
        self.pending = distributed.all_reduce(
            self.votes, distributed.ReduceOp.MAX, group=self.group, async_op=True
        )
        return agreed

    def close(self) -> int:
        """Read the last vote, which every rank has cast: the highest code. 0 if there is none."""
        if self.pending is None:
            return 0
        self.pending.wait()
        self.pending = None
        return int(self.votes)


class LossModule(nn.Module):
    """A tracker's loss as a module's `forward`, which is where DDP and torch.compile step in."""

    def __init__(self, tracker: Tracker):
        super().__init__()
        self.tracker = tracker

    def forward(self, clip: Clip) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """As Tracker.loss."""
        return self.tracker.loss(clip)


def distribute(tracker: Tracker, world: World, device: torch.device) -> nn.Module:
    """What the loop calls for the losses of a clip; their gradients are means over ranks.

    Which parameters train is read here: after a change of `requires_grad`, `distribute` again and
    use the new module alone. Which of them get a gradient must not change from step to step; some
    may never get one. Batch norm takes its statistics over all ranks from here on, so that buffers
    are equal without being sent.
    """
    module = LossModule(tracker)
    if world.size == 1:
        return module
    share_batch_norm(tracker, device)
    shared = nn.parallel.DistributedDataParallel(
        module,
        device_ids=[device] if device.type == "cuda" else None,
        gradient_as_bucket_view=True,
        static_graph=True,
    )
    shared.broadcast_buffers = False  # the argument has another name since torch 2.15
    return shared
