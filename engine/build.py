"""From a config to objects, which are given plain values: no module below knows Hydra."""

import hashlib
from pathlib import Path
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from datasets.clips import ClipDataset, cache_shape
from datasets.crop_cache import CropCache
from datasets.regions import REGIONS
from datasets.sampling import ClipAugmentation, ClipSampling
from datasets.sequence import Dataset
from engine.checkpoints import load_checkpoint
from engine.instantiate import instantiate_part
from engine.results import Contestant
from ops.errors import InputError, check_number
from trackers.base import Tracker

NETWORK = ("tracker", "backbone", "head")  # what a checkpoint fixes
LOADING = ("weights", "frozen")  # of a backbone: how it was started, not what it is


def build_clips(config: DictConfig, dataset: Dataset, digest: str, tracker: Tracker) -> ClipDataset:
    """The training clips that a tracker wants of a dataset, which has this digest."""
    if dataset.split == "test":
        raise InputError(f"dataset {dataset.name}: split=test is refused in training")
    if "clip" not in config:
        raise InputError(f"tracker={config.tracker._target_} has nothing to train")
    sampling = ClipSampling(**OmegaConf.to_container(config.clip, resolve=True))
    augmentation = ClipAugmentation(**config.augmentation)
    geometry, cache = tracker.geometry(), None
    if config.cache.directory is not None:
        # A folder of its own for other footage, the same at another place, other regions of it.
        footage = _without(OmegaConf.to_container(config.dataset, resolve=True), "index", "cache")
        made_of = f"{REGIONS} {digest} {footage} {geometry} {sampling}"
        folder = Path(config.cache.directory) / hashlib.sha256(made_of.encode()).hexdigest()[:16]
        shape = cache_shape(dataset.parts, geometry, sampling)
        cache = CropCache(folder, *shape, config.cache.gigabytes)
    return ClipDataset(dataset.parts, geometry, sampling, augmentation, config.seed, cache)


def _without(values: dict[str, Any], *names: str) -> dict[str, Any]:
    """The values but for some keys, at any depth."""
    return {
        key: _without(value, *names) if isinstance(value, dict) else value
        for key, value in values.items()
        if key not in names
    }


def build_tracker(config: DictConfig) -> Tracker:
    """Backbone, head and tracker, put together, from random or pretrained weights."""
    check_number("seed", config.seed, 0)
    torch.manual_seed(config.seed)
    parts: dict[str, Any] = {}
    if config.get("head") is not None:  # the kept first box has neither
        backbone = parts["backbone"] = instantiate_part(config.backbone)
        parts["head"] = instantiate_part(
            config.head, channels=backbone.channels, strides=backbone.strides
        )
    tracking = OmegaConf.to_container(config.tracking, resolve=True)
    return instantiate_part(config.tracker, **parts, **tracking)


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


def build_contestant(config: DictConfig, overrides: list[str] | None = None) -> Contestant:
    """The tracker that is asked for, with what it was made from.

    Of a checkpoint, `overrides` is what was said beside it: by default the command line.
    """
    if config.checkpoint is None:
        tracker = build_tracker(config)
        weights = describe_weights(config, tracker)
        return Contestant(config.label, tracker, weights, network_config(config))
    if overrides is None:
        overrides = list(HydraConfig.get().overrides.task)
    tracker, checkpoint, stored = load_tracker(config.checkpoint, config, overrides)
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
