"""Two processes that meet over gloo, for tests of what they do together."""

import os
import socket
from multiprocessing import set_forkserver_preload
from pathlib import Path

import torch
from torch import multiprocessing

from engine.distributed import join_world, leave_world


def on_two_ranks(function, folder: Path, *arguments):
    """[function(world, *arguments) of each rank]; `function` is a module's own, not a closure.

    `folder` is an empty one, through which the results come back.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    set_forkserver_preload(["train"])
    multiprocessing.start_processes(
        _member, (function, folder, port, arguments), nprocs=2, start_method="forkserver"
    )
    return [torch.load(folder / f"{rank}.pt", weights_only=False) for rank in range(2)]


def _member(rank, function, folder, port, arguments):
    torch.set_num_threads(1)
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2"}
    os.environ |= {"LOCAL_RANK": str(rank), "LOCAL_WORLD_SIZE": "2"}
    world, _ = join_world("cpu")
    try:
        torch.save(function(world, *arguments), folder / f"{rank}.pt")
    finally:
        leave_world()
