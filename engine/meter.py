"""How a training goes: its losses, how fast it runs, what it waits for, the memory it takes."""

import glob
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean

import torch
from torch import Tensor


class Meter:
    """What happened since it was last read. Until then nothing waits for the device.

    Args:
        batch_size: clips of a step, of all ranks together.
        device: where the losses are.
        gather: a vector (n,) of each rank -> those of all, (ranks, n), on every rank; called once
            a `read`. By default there is one rank.
    """

    def __init__(
        self,
        batch_size: int,
        device: torch.device,
        gather: Callable[[Tensor], Tensor] = lambda vector: vector[None],
    ):
        self.batch_size, self.device, self.gather = batch_size, device, gather
        self.restart()

    def restart(self) -> None:
        """Forget what was counted."""
        self._since, self._waited = time.perf_counter(), 0.0
        self._steps, self._skipped = 0, 0
        self._sums: dict[str, Tensor] = {}

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Time spent in here is time spent waiting for data."""
        start = time.perf_counter()
        yield
        self._waited += time.perf_counter() - start

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Time spent in here, validating for example, is not counted."""
        if self.device.type == "cuda":  # what the steps before still compute is counted
            torch.cuda.synchronize(self.device)
        start = time.perf_counter()
        yield
        self._since += time.perf_counter() - start

    def count(self, losses: dict[str, Tensor], gradient_norm: Tensor, skipped: int = 0) -> None:
        """A step is done; its numbers stay on the device until `read`.

        Args:
            losses: by name, the same names at every step.
            gradient_norm: before it was shortened.
            skipped: pictures of its batch that could not be read.
        """
        self._steps += 1
        self._skipped += skipped
        for name, value in (losses | {"gradient_norm": gradient_norm}).items():
            self._sums[name] = self._sums.get(name, 0) + value.detach().float()

    def read(self) -> dict[str, float]:
        """What was counted, and start anew. All ranks must call this, and all get the same.

        Returns:
            The mean of each loss and of `gradient_norm` over steps and ranks; `clips_per_second`
            of all ranks; `data_wait`, the share of the time that was spent waiting for data, the
            ranks' mean; `skipped_pictures` of all ranks; and of the rank that takes most,
            `memory_gb` (`host_memory_gb`; left out where it is not known) and, on a GPU,
            `gpu_memory_gb`, the most that torch had allocated, both in 2^30 bytes.
        """
        memory = {}
        if (host := host_memory_gb()) is not None:
            memory["memory_gb"] = host
        if self.device.type == "cuda":
            memory["gpu_memory_gb"] = torch.cuda.max_memory_allocated(self.device) / 2**30
            torch.cuda.reset_peak_memory_stats(self.device)
        own = torch.tensor([self._waited, self._skipped, *memory.values()], device=self.device)
        means = [total / self._steps for total in self._sums.values()]
        rows = self.gather(torch.stack([*means, *own]))  # (ranks, n)
        columns = rows.T.tolist()  # the one wait for the device
        elapsed = time.perf_counter() - self._since
        line = {name: fmean(columns.pop(0)) for name in self._sums}
        waited, skipped, *memories = columns
        line["clips_per_second"] = self._steps * self.batch_size / elapsed
        line["data_wait"] = fmean(waited) / elapsed
        line["skipped_pictures"] = round(sum(skipped))
        line |= {name: max(column) for name, column in zip(memory, memories, strict=True)}
        self.restart()
        return line


def progress_text(line: dict[str, float]) -> str:
    """A line of metrics in a few words, to stand beside the progress bar."""
    text = f"loss {line['loss']:.3f}, lr {line['learning_rate']:.1e}, "
    text += f"{line['clips_per_second']:.2f} clips/s, wait {line['data_wait']:.0%}"
    for name, kind in (("memory_gb", "memory"), ("gpu_memory_gb", "GPU")):
        if name in line:
            text += f", {kind} {line[name]:.1f} GB"
    return text


def host_memory_gb() -> float | None:
    """Resident memory of this process and those that it started, in 2^30 bytes; pages that they
    share count for each. None where the system does not tell (it is Linux's /proc that does)."""
    return _resident_pages("self") * os.sysconf("SC_PAGE_SIZE") / 2**30 if PROC.exists() else None


PROC = Path("/proc/self/statm")


def _resident_pages(process: str) -> int:
    fields = _read(f"/proc/{process}/statm").split()
    files = glob.glob(f"/proc/{process}/task/*/children")
    children = [child for file in files for child in _read(file).split()]
    return int(fields[1] if fields else 0) + sum(map(_resident_pages, children))


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:  # the process has ended
        return ""
