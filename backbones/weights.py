"""Reading pretrained weights and a strict report of what does not fit."""

import pickle
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor
from torchvision.models import WeightsEnum

from ops.errors import InputError

# What torch.load raises on a file that is not a checkpoint, or on a damaged one.
UNREADABLE = (
    pickle.UnpicklingError,
    struct.error,
    RuntimeError,
    OSError,
    EOFError,
    ValueError,
    LookupError,
    AttributeError,
    AssertionError,
)


def read_weights(
    weights: str | Path, imagenet: WeightsEnum | None, owner: str
) -> dict[str, Tensor]:
    """A state dict from a file or, for "imagenet", from torchvision.

    Args:
        weights: "imagenet" or a file's path.
        imagenet: torchvision's weights, None where none are published.
        owner: the network's name for the messages.

    Raises:
        InputError: nothing published, no network, no such file, or not a file of named tensors.
    """
    if weights == "imagenet":
        return _read_published(imagenet, owner)
    path = Path(weights).expanduser()
    if not path.is_file():
        raise InputError(f"backbone.weights: no file {path}: expected null, imagenet or a file")
    foreign = f"backbone.weights: {path}: expected a state dict saved by torch.save"
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except UNREADABLE as error:
        raise InputError(f"{foreign} ({type(error).__name__})") from error
    if not isinstance(state, Mapping) or not state:
        raise InputError(f"{foreign}, found {type(state).__name__}")
    for key, value in state.items():
        if not isinstance(key, str) or not isinstance(value, Tensor):
            raise InputError(f"{foreign}, found {type(value).__name__} under {key!r}")
    return dict(state)


def _read_published(imagenet: WeightsEnum | None, owner: str) -> dict[str, Tensor]:
    if imagenet is None:
        raise InputError(
            f"backbone.weights: torchvision publishes no ImageNet weights of {owner}: "
            "expected null or a file"
        )
    try:
        return dict(imagenet.get_state_dict(progress=False, check_hash=True))
    except (OSError, RuntimeError) as error:  # URLError is an OSError; a wrong hash, RuntimeError
        reason = " ".join(str(error).split())
        raise InputError(
            f"backbone.weights: cannot fetch {imagenet.url} ({reason}): "
            "give a file that holds it, or null"
        ) from error


def match_weights(
    state: Mapping[str, Tensor],
    expected: Mapping[str, Tensor],
    dropped: tuple[str, ...],
    optional: tuple[str, ...],
    source: str,
) -> dict[str, Tensor]:
    """The part of `state` that `expected` wants, refused unless it fits key by key.

    Args:
        state: what was read.
        expected: the network's own state dict.
        dropped: prefixes of keys that may stand in `state` without being wanted.
        optional: suffixes of keys that may be absent, beside BatchNorm's `num_batches_tracked`.
        source: the file, for the message.

    Raises:
        InputError: keys are missing, unexpected or of another shape.
    """
    optional = (*optional, ".num_batches_tracked")
    kept = {k: v for k, v in state.items() if k in expected or not k.startswith(dropped)}
    missing = [k for k in expected if k not in kept and not k.endswith(optional)]
    unexpected = [k for k in kept if k not in expected]
    shapes = [
        f"{k} {tuple(kept[k].shape)} for {tuple(v.shape)}"
        for k, v in expected.items()
        if k in kept and kept[k].shape != v.shape
    ]
    faults = (("missing", missing), ("unexpected", unexpected), ("of another shape", shapes))
    report = "; ".join(f"{len(keys)} {what}: {_first(keys)}" for what, keys in faults if keys)
    if report:
        raise InputError(f"backbone.weights: {source} does not fit the network: {report}")
    return kept


def _first(keys: Iterable[str], count: int = 3) -> str:
    keys = list(keys)
    return ", ".join(keys[:count]) + (", ..." if len(keys) > count else "")
