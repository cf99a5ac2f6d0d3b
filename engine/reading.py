"""Clips for the loop, whatever happens to the pictures and to the processes that read them."""

import logging
import signal
from collections.abc import Iterator

from datasets.clips import ClipDataset
from datasets.loader import clip_loader
from ops.clip import RawClips
from ops.errors import InputError

log = logging.getLogger("lodestar")
MOST_DEATHS = 3  # of readers, one after another, without a batch in between
FIRST_CLIPS = 1000  # the share of unreadable pictures is taken of these at least


class ClipReader:
    """The batches of the steps [step, last) of a run, each once.

    A reader process that dies is replaced, and the batches follow as they would have. A picture
    that cannot be read is named in the log, and another clip was drawn for it.

    Args:
        clips, batch_size, clips_per_epoch, step, last, workers, pin_memory, rank, ranks: see
            `clip_loader`.
        share: of the clips drawn so far, for which a picture may have been unreadable.
        unreadable: how many were in an earlier sitting of the run.
    """

    def __init__(
        self,
        clips: ClipDataset,
        batch_size: int,
        clips_per_epoch: int,
        step: int,
        last: int,
        workers: int,
        pin_memory: bool,
        rank: int,
        ranks: int,
        share: float,
        unreadable: int,
    ):
        self.clips, self.batch_size, self.clips_per_epoch = clips, batch_size, clips_per_epoch
        self.step, self.last, self.workers = step, last, workers
        self.pin_memory, self.rank, self.ranks = pin_memory, rank, ranks
        self.share, self.unreadable = share, unreadable
        self.named: set[str] = set()
        self.batches = self._start()

    def _start(self) -> Iterator[RawClips]:
        batches = iter(
            clip_loader(
                *(self.clips, self.batch_size, self.clips_per_epoch, self.step, self.last),
                *(self.workers, self.pin_memory, self.rank, self.ranks),
            )
        )
        # torch raises wherever the loop is, in the middle of a step too, as soon as a reader dies;
        # without its handler the next batch does, and the weights are those of a whole step.
        if self.workers:
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
        drawn = self.step * self.batch_size // self.ranks
        if skipped and self.unreadable > self.share * max(drawn, FIRST_CLIPS):
            raise InputError(
                f"{self.unreadable} of {drawn} clips met a picture that cannot be read, more than "
                f"trainer.unreadable={self.share:g} of them; the last: {skipped[-1]}"
            )

    def close(self) -> None:
        """End the processes that read."""
        self.batches = iter(())
