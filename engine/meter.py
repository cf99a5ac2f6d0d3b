"""How fast a training runs, and what it waits for."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor


class Meter:
    """Means of the losses, and the speed, since it was last read."""

    def __init__(self, batch_size: int):
        self.batch_size = batch_size
        self.restart()

    def restart(self) -> None:
        """Forget what was counted; also after a pause that is not training, such as validation."""
        self._since, self._waited, self._steps = time.perf_counter(), 0.0, 0
        self._sums: dict[str, Tensor] = {}

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Time spent in here is time spent waiting for data."""
        start = time.perf_counter()
        yield
        self._waited += time.perf_counter() - start

    def count(self, losses: dict[str, Tensor]) -> None:
        """A step is done; its losses stay where they are until `read`."""
        self._steps += 1
        for name, value in losses.items():
            self._sums[name] = self._sums.get(name, 0) + value.detach()

    def read(self) -> dict[str, float]:
        """Mean losses by name, clips_per_second, and data_wait, the share of time waited."""
        line = {name: (total / max(self._steps, 1)).item() for name, total in self._sums.items()}
        elapsed = time.perf_counter() - self._since
        line["clips_per_second"] = self._steps * self.batch_size / elapsed
        line["data_wait"] = self._waited / elapsed
        self.restart()
        return line
