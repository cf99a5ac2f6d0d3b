"""From a config to objects: the one place beside the commands that knows Hydra.

Config nodes name what they build as `_target_`, one of this project's own classes; what they are
given is plain values.
"""

from inspect import signature
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from hydra.utils import get_object, instantiate
from omegaconf import DictConfig, OmegaConf

from datasets.clips import ClipDataset, ClipSampling
from datasets.sequence import Dataset
from engine.checkpoints import load_checkpoint
from engine.results import Contestant
from ops.errors import InputError, check_number
from trackers.base import Tracker

PACKAGES = ("backbones.", "heads.", "trackers.", "datasets.")
NETWORK = ("tracker", "backbone", "head")  # what a checkpoint fixes
LOADING = ("weights", "frozen")  # of a backbone: how it was started, not what it is


def build_device(name: str) -> torch.device:
    """The device that `device=` names; auto is the GPU where there is one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise InputError(f"device={name}: expected auto, cpu, cuda or cuda:N") from None
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise InputError(f"device={name}: no such GPU, {torch.cuda.device_count()} found")
    return device


def build_dataset(config: DictConfig) -> Dataset:
    """A dataset from its config group."""
    return _instantiate(config)


def build_clips(config: DictConfig, dataset: Dataset, tracker: Tracker) -> ClipDataset:
    """The training clips that a tracker wants of a dataset."""
    if dataset.split == "test":
        raise InputError(f"dataset {dataset.name}: split=test is refused in training")
    if "clip" not in config:
        raise InputError(f"tracker={config.tracker._target_} has nothing to train")
    sampling = ClipSampling(**OmegaConf.to_container(config.clip, resolve=True))
    return ClipDataset(dataset.sequences, tracker.geometry(), sampling, config.seed)


def build_tracker(config: DictConfig) -> Tracker:
    """Backbone, head and tracker, put together, from random or pretrained weights."""
    check_number("seed", config.seed, 0)
    torch.manual_seed(config.seed)
    parts: dict[str, Any] = {}
    if config.get("backbone") is not None:
        backbone = parts["backbone"] = _instantiate(config.backbone)
        parts["head"] = _instantiate(
            config.head, channels=backbone.channels, strides=backbone.strides
        )
    tracking = OmegaConf.to_container(config.tracking, resolve=True)
    return _instantiate(config.tracker, **parts, **tracking)


def load_tracker(
    path: str, config: DictConfig, overrides: list[str]
) -> tuple[Tracker, dict, DictConfig]:
    """The tracker of a checkpoint: (tracker, checkpoint, its config).

    The checkpoint's own config rebuilds it. Of what was said beside it (`overrides`, as on the
    command line), keys under `tracking.` are taken over; a key that would make another network is
    refused.
    """
    checkpoint = load_checkpoint(path)
    stored = OmegaConf.create(checkpoint["config"])
    for override in overrides:
        key = override.lstrip("+~").split("=")[0]
        if key.startswith("tracking.") or key == "label":
            OmegaConf.update(stored, key, OmegaConf.select(config, key))
        elif key.split(".")[0] in (*NETWORK, "tracking"):
            _check_same_network(path, config, stored, key)
    plain = OmegaConf.merge(stored, {"seed": config.seed})
    if plain.get("backbone") is not None:
        for key in LOADING:
            plain.backbone.pop(key, None)
    tracker = build_tracker(plain)
    tracker.load_state_dict(checkpoint["model"])
    return tracker, checkpoint, stored


def build_contestant(config: DictConfig) -> Contestant:
    """The tracker that is asked for, with what it was made from."""
    if config.checkpoint is None:
        tracker = build_tracker(config)
        weights = describe_weights(config, tracker)
        return Contestant(config.label, tracker, weights, network_config(config))
    tracker, checkpoint, stored = load_tracker(
        config.checkpoint, config, list(HydraConfig.get().overrides.task)
    )
    weights = f"{config.checkpoint}, step {checkpoint['step']}"
    return Contestant(stored.label, tracker, weights, network_config(stored))


def network_config(config: DictConfig) -> dict[str, Any]:
    """What makes a tracker what it is, as plain values: network and settings of tracking."""
    parts = {key: config.get(key) for key in (*NETWORK, "tracking")}
    return OmegaConf.to_container(OmegaConf.create(parts), resolve=True)


def describe_weights(config: DictConfig, tracker: Tracker) -> str:
    """In words, where the weights of a tracker without a checkpoint come from."""
    learned = {name.split(".")[0] for name, _ in tracker.named_parameters()}
    if not learned:
        return "none"
    pretrained = config.backbone.get("weights")
    if learned == {"backbone"} and pretrained is not None:
        return str(pretrained)
    return "untrained" if pretrained is None else f"untrained but for its backbone, {pretrained}"


def _check_same_network(path: str, config: DictConfig, stored: DictConfig, key: str) -> None:
    """Raise InputError if `key`, said beside a checkpoint, asks for what it does not hold."""
    if key == "tracking" or key.split(".")[-1] in LOADING:
        expected = "tracking.KEY=VALUE" if key == "tracking" else "nothing, it holds the weights"
        raise InputError(f"{key} beside checkpoint={path}: expected {expected}")
    place = f"parts.{key}" if key in NETWORK else key  # a choice of a group, or a value in it
    asked, held = OmegaConf.select(config, place), OmegaConf.select(stored, place)
    if asked != held:
        raise InputError(
            f"checkpoint={path} holds another network than asked for: {key}={held}, not {asked}"
        )


def _check_flags(node: DictConfig, given: dict[str, Any]) -> None:
    """Raise InputError unless what a constructor declares as bool is true or false."""
    parameters = signature(get_object(node._target_)).parameters
    for key, value in {**node, **given}.items():
        declared = parameters[key].annotation if key in parameters else None
        if declared is bool and not isinstance(value, bool):
            raise InputError(f"{key}={value}: expected true or false")


def _instantiate(node: DictConfig, **given: Any) -> Any:
    """hydra.utils.instantiate for this project's own classes, with lists as plain lists."""
    target = node.get("_target_")
    if not str(target).startswith(PACKAGES):
        raise InputError(f"_target_={target}: expected something of {', '.join(PACKAGES)}")
    try:
        built = instantiate(node, _convert_="all", **given)
    except InstantiationException as error:  # Hydra wraps what a constructor raises
        cause = error.__cause__
        if isinstance(cause, InputError):
            raise InputError(f"{cause}") from None
        if isinstance(cause, (TypeError, ValueError)):  # a key or a value that does not fit
            raise InputError(f"{target}: {cause}") from cause
        if isinstance(cause, (ImportError, SyntaxError, NameError)):  # of the module that it names
            raise InputError(f"_target_={target}: {cause}") from cause
        raise
    _check_flags(node, given)
    return built
