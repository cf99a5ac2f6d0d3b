"""The samples that CRACT's discriminator keeps while it tracks: MDNet's short and long memory."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class SampleMemory:
    """Projected samples (see heads.cract.discriminator) of B targets, in half precision; what is
    larger than that can say counts as its largest number.

    Slot 0 is the first frame's and stays (decision, after ATOM, which keeps its first sample); the
    others hold what was collected since, the newest first.

    Attributes:
        positives: (B, 1 + L, n+, F), of as many collections as the long memory holds.
        negatives: (B, 1 + S, n-, F), of as many as the short memory holds.
        collected: (B,) how often samples were collected after the first frame.
    """

    positives: Tensor
    negatives: Tensor
    collected: Tensor

    @classmethod
    def start(cls, positives: Tensor, negatives: Tensor, long: int, short: int) -> "SampleMemory":
        """From the first frame's positives (B, n+, F) and negatives (B, n-, F)."""
        kept = [
            torch.cat([_half(s)[:, None], s.new_zeros(len(s), n, *s.shape[1:]).half()], 1)
            for s, n in ((positives, long), (negatives, short))
        ]
        return cls(*kept, torch.zeros(len(positives), dtype=torch.long, device=positives.device))

    def collect(self, rows: Tensor, positives: Tensor, negatives: Tensor) -> "SampleMemory":
        """With new samples (R, n, F) of the targets `rows` (R,); the oldest are forgotten."""

        def push(slots: Tensor, new: Tensor) -> Tensor:
            held = slots[rows]
            return slots.index_copy(
                0, rows, torch.cat([held[:, :1], _half(new)[:, None], held[:, 1:-1]], 1)
            )

        return SampleMemory(
            push(self.positives, positives),
            push(self.negatives, negatives),
            self.collected.index_add(0, rows, torch.ones_like(rows)),
        )

    def training_set(
        self, rows: list[int], long: list[bool], collected: list[int]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """What R targets learn from: positives of the long memory where `long` says so, of as many
        collections as negatives otherwise; negatives of the short memory.

        Args:
            rows: of the targets; these and the rest are on the host, so that nothing waits.
            long: of each of them.
            collected: by each of them, as `self.collected` says.

        Returns:
            samples (R, M, F) float32, labels (R, M), weights (R, M): equal, sum 1 for a target; 0
            for slots that are empty or too old for it.
        """
        short, device = self.negatives.shape[1] - 1, self.positives.device
        places = on_device(rows, device)
        samples, labels, weights = [], [], []
        for slots, label in ((self.positives, 1.0), (self.negatives, 0.0)):
            kept = slots.shape[1] - 1
            held = [
                1 + min(count, kept if far else short)
                for count, far in zip(collected, long, strict=True)
            ]
            samples.append(slots[places, : max(held)].flatten(1, 2).float())  # no more than is used
            ages = torch.arange(max(held), device=device)
            used = (ages < on_device(held, device)[:, None]).float()  # (R, slots)
            weights.append(used.repeat_interleave(slots.shape[2], 1))
            labels.append(torch.full_like(weights[-1], label))
        weights = torch.cat(weights, 1)
        return torch.cat(samples, 1), torch.cat(labels, 1), weights / weights.sum(1, keepdim=True)


def on_device(numbers: list[int], device: torch.device) -> Tensor:
    """Numbers of the host as a tensor (n,), without waiting for the device."""
    return torch.tensor(numbers).to(device, non_blocking=True)


def _half(samples: Tensor) -> Tensor:
    """In half precision, without infinities; samples are not negative, after a ReLU."""
    return samples.clamp(max=torch.finfo(torch.half).max).half()
