"""Sums over the ranks of a distributed training, and what they are in one process."""

import torch.distributed as dist
from torch import Tensor


def counts_per_rank(counts: Tensor) -> Tensor:
    """What a rank divides its own sum by, so that the mean over ranks is the whole batch's.

    Distributed training averages gradients over ranks. A mean over a number of things that changes
    from clip to clip must then not be divided by the rank's own number, but by the mean number a
    rank: mean_r(sum_r / (total / ranks)) = sum / total.

    Args:
        counts: any shape, of things on this rank; the same shape on every rank. All ranks must call
            this, in the same order. The host does not wait for a GPU here.

    Returns:
        float of the same shape: the ranks' total, at least 1, divided by their number. In one
        process the counts themselves, at least 1.
    """
    if not (dist.is_available() and dist.is_initialized()):
        return counts.clamp(min=1).float()
    totals = counts.clone()
    dist.all_reduce(totals)
    return totals.clamp(min=1).float() / dist.get_world_size()
