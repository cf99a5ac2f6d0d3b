"""Clips for the loop, whatever happens to the pictures and to the processes that read them."""

import logging
import signal
from collections.abc import Callable, Iterator

from torch.utils.data import DataLoader

from ops.clip import RawClips
from ops.errors import InputError

log = logging.getLogger("lodestar")
MOST_DEATHS = 3  # of readers, one after another, without a batch in between
FIRST_CLIPS = 1000  # the share of unreadable pictures is taken of these at least


class ClipReader:
    """The batches of a run from a step on, each once.

    A reader process that dies is replaced, and the batches follow as they would have. A picture
    that cannot be read, or does not show its target, is named in the log, and another clip was
    drawn for it.

    Args:
        load: a step -> the loader of the batches from there on (datasets/loader.py).
        step: the first.
        clips: of a batch.
        share: of the clips drawn so far, for which a picture may have been so.
        unreadable: how many were in an earlier sitting of the run.
    """

    def __init__(
        self,
        load: Callable[[int], DataLoader],
        step: int,
        clips: int,
        share: float,
        unreadable: int,
    ):
        self.load, self.step, self.clips = load, step, clips
        self.share, self.unreadable = share, unreadable
        self.named: set[str] = set()
        self.batches = self._start()

    def _start(self) -> Iterator[RawClips]:
        loader = self.load(self.step)
        batches = iter(loader)
        # torch raises wherever the loop is, in the middle of a step too, as soon as a reader dies;
        # without its handler the next batch does, and the weights are those of a whole step.
        if loader.num_workers:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        return batches

    def __next__(self) -> RawClips:
        """Raises InputError where readers keep dying, or too many pictures are unreadable."""
        for _ in range(MOST_DEATHS):
            try:
                raw = next(self.batches)
                break
            except RuntimeError as error:
                if "worker" not in str(error) or "exited unexpectedly" not in str(error):
                    raise
                log.warning("step %d: %s; others go on in its place", self.step, error)
                self.batches = self._start()
        else:
            raise InputError(
                f"step {self.step}: processes that read clips died {MOST_DEATHS} times in a row "
                "(out of memory?): trainer.workers=N takes fewer"
            )
        self.step += 1
        self._count(raw.skipped)
        return raw

    def _count(self, skipped: list[str]) -> None:
        self.unreadable += len(skipped)
        for message in skipped:
            if message not in self.named:
                self.named.add(message)
                log.warning("%s; another clip is drawn in its place", message)
        drawn = self.step * self.clips
        if skipped and self.unreadable > self.share * max(drawn, FIRST_CLIPS):
            raise InputError(
                f"{self.unreadable} of {drawn} clips met a picture that cannot be used, more than "
                f"trainer.unreadable={self.share:g} of them; the last: {skipped[-1]}"
            )

    def close(self) -> None:
        """End the processes that read."""
        self.batches = iter(())
