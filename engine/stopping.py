"""A run that is asked to stop: by a scheduler that wants the machine back, or by Ctrl-C."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stopped(Exception):
    """The run was asked to stop, by signal `number`."""

    def __init__(self, number: int):
        super().__init__(number)
        self.number = number


class StopRequest:
    """While it is open, SIGTERM and Ctrl-C raise Stopped; where they are put off, they only set
    `asked`, but for a second Ctrl-C. So does SIGUSR2 where somebody listens to it: submitit puts a
    job back into its queue then.

    Attributes:
        asked: the signal that asked first, 0 while none did.
    """

    def __init__(self):
        self.asked = 0
        self._waits = False
        self._before: dict[int, object] = {}

    def __enter__(self) -> "StopRequest":
        numbers = [signal.SIGTERM, signal.SIGINT]
        if callable(signal.getsignal(signal.SIGUSR2)):
            numbers.append(signal.SIGUSR2)
        for number in numbers:
            if signal.getsignal(number) != signal.SIG_IGN:  # as a shell has it in the background
                self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *raised) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def pass_on(self, number: int) -> None:
        """Let submitit have its turn, if it was what it listens to."""
        if number == signal.SIGUSR2:
            self._before[number](number, None)

    @contextmanager
    def put_off(self) -> Iterator[None]:
        """What is in here looks at `asked` itself."""
        self._waits = True
        try:
            yield
        finally:
            self._waits = False

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Within `put_off`, what is in here can be left at any moment."""
        if self.asked:
            raise Stopped(self.asked)
        self._waits = False
        try:
            yield
        finally:
            self._waits = True

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked = self.asked or number
        if number == signal.SIGINT:
            signal.signal(number, self._before[number])
        if not self._waits:
            raise Stopped(number)
