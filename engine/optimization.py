"""What changes the weights: the optimiser, its rates, and what is compiled before it starts."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from trackers import CorrelationFilterTracker
from trackers.base import Tracker


def build_optimizer(
    tracker: Tracker,
    learning_rate: float,
    momentum: float,
    weight_decay: float,
    backbone_factor: float,
    device: torch.device,
) -> torch.optim.SGD:
    """SGD over the weights that require a gradient now, in groups "backbone" and "rest".

    To be asked before weights are frozen for some epochs only: those are to be in it. They change
    as soon as they get gradients, with a momentum that starts from zero.

    Args:
        backbone_factor: the backbone's learning rate, relative to the others'.
        device: where the tracker is; on a GPU and on the CPU one fused kernel changes all weights.
    """
    parts = {"backbone": [], "rest": []}
    for name, parameter in tracker.named_parameters():
        if parameter.requires_grad:
            parts["backbone" if name.startswith("backbone.") else "rest"].append(parameter)
    factors = {"backbone": backbone_factor, "rest": 1.0}
    groups = [
        {"params": part, "name": name, "factor": factors[name]} for name, part in parts.items()
    ]
    optimizer = torch.optim.SGD(
        [group for group in groups if group["params"]],
        learning_rate,
        momentum,
        weight_decay=weight_decay,
        fused=device.type in ("cuda", "cpu"),
    )
    if momentum:  # the fused kernel wants all of a group's or none
        for part in parts.values():
            for parameter in part:
                optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
    set_rates(optimizer, learning_rate)
    return optimizer


def set_rates(optimizer: torch.optim.Optimizer, rate: float) -> dict[str, float]:
    """Each group's learning rate becomes `rate` times its factor.

    Returns:
        What metrics call them: `learning_rate` and, of each group, `learning_rate_NAME`.
    """
    rates = {"learning_rate": rate}
    for group in optimizer.param_groups:
        group["lr"] = rates[f"learning_rate_{group['name']}"] = rate * group["factor"]
    return rates


def clip_gradients(parameters: Iterable[Tensor], most: float) -> Tensor:
    """Shorten the gradients of all parameters to a length of `most` together, where it is more.

    Returns:
        () the length before; not finite where a gradient is not, and then all gradients are spoilt.
        The host does not wait for a GPU here.
    """
    return nn.utils.clip_grad_norm_(parameters, most, foreach=True)


def compile_network(tracker: Tracker) -> None:
    """torch.compile of what takes most of a step's time, in place; keys of weights stay.

    That is the backbone, and the head where a step calls nothing of it but itself. The Siamese
    heads are asked for their templates beside, by a method that is not compiled: their BatchNorm
    would run both ways in one step, and a compiled one changes what the other has kept for its
    gradient.
    """
    tracker.backbone.compile()
    if isinstance(tracker, CorrelationFilterTracker):
        tracker.head.compile()
