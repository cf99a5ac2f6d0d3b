"""Batch normalisation over the batches of all ranks together, on a GPU and on the CPU."""

import torch
from torch import Tensor, distributed, nn
from torch.nn import functional as F


def share_batch_norm(module: nn.Module, device: torch.device) -> None:
    """Let every BatchNorm2d in `module` normalise over all ranks in training. In place.

    Parameters, buffers, their names, and who is in eval mode stay as they are. On a GPU it is
    torch's SyncBatchNorm, which knows no CPU.
    """
    if device.type == "cuda":
        nn.SyncBatchNorm.convert_sync_batchnorm(module)
        return
    for part in module.modules():
        if type(part) is nn.BatchNorm2d:
            part.__class__ = SharedBatchNorm2d


class SharedBatchNorm2d(nn.BatchNorm2d):
    """nn.BatchNorm2d whose statistics in training are those of all ranks' batches as one.

    In eval mode it is nn.BatchNorm2d. Ranks may hold batches of different sizes. `momentum` must
    be a number, and `affine` and `track_running_stats` be left at True.
    """

    def forward(self, input: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        if not self.training:
            return super().forward(input)
        mean, variance, count = shared_statistics(input.detach())
        with torch.no_grad():
            self.num_batches_tracked += 1
            unbiased = variance * (count / (count - 1).clamp(min=1))
            self.running_mean.lerp_(mean.to(self.running_mean), self.momentum)
            self.running_var.lerp_(unbiased.to(self.running_var), self.momentum)
        return _Normalise.apply(input, self.weight, self.bias, mean, variance + self.eps, count)


def shared_statistics(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean (C,), variance (C,) and count (), in float64, of (B, C, H, W) over all ranks.

    Each rank's own mean and variance are combined (Chan et al., 1979): sums of squares would
    cancel where the mean is large.
    """
    variance, mean = torch.var_mean(x, (0, 2, 3), correction=0)
    count = torch.full_like(mean, x.numel() / x.shape[1])
    mine = torch.stack([mean, variance, count]).double()  # (3, C)
    gathered = [torch.empty_like(mine) for _ in range(distributed.get_world_size())]
    distributed.all_gather(gathered, mine)
    means, variances, counts = torch.stack(gathered, 1)  # (R, C) each
    shares = counts / counts.sum(0)
    mean = (shares * means).sum(0)
    variance = (shares * (variances + (means - mean) ** 2)).sum(0)
    return mean, variance, counts.sum(0)[0]


class _Normalise(torch.autograd.Function):
    """weight (x - mean) / sqrt(square) + bias, differentiated through all ranks' statistics.

    Gradients of weight and bias are this rank's own: DDP reduces them as any other.
    """

    @staticmethod
    def forward(ctx, x, weight, bias, mean, square, count):
        mean, deviation = mean.to(x), square.sqrt().to(x)
        ctx.save_for_backward(x, weight, mean, deviation)
        ctx.count = count.to(x)
        no_variance = torch.ones_like(mean)  # F.batch_norm adds its eps, here 0, and is one pass
        return F.batch_norm(x, mean, no_variance, weight / deviation, bias, eps=0.0)

    @staticmethod
    def backward(ctx, gradient):
        x, weight, mean, deviation = ctx.saved_tensors
        normal = (x - mean[:, None, None]) / deviation[:, None, None]
        along, across = (gradient * normal).sum((0, 2, 3)), gradient.sum((0, 2, 3))
        sums = torch.stack([along, across])  # (2, C), of all ranks from the next line on
        distributed.all_reduce(sums)
        all_along, all_across = (sums / ctx.count)[:, :, None, None]
        scale = (weight / deviation)[:, None, None]
        inward = scale * (gradient - all_across - normal * all_along)
        return inward, along, across, None, None, None
