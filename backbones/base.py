"""What every backbone shares: normalisation, outputs, loading and freezing."""

import warnings
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torchvision.models import WeightsEnum

from backbones.weights import match_weights, read_weights
from ops.errors import InputError

# Of ImageNet's RGB pictures in [0, 1]; torchvision's weights are trained with them.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Level(NamedTuple):
    """A feature map that may be an output."""

    channels: int
    stride: int


class Stage(NamedTuple):
    """A stretch of the network: what is frozen as one.

    `modules` are the names of the submodules that run in it, in order. `levels` are the maps that
    it ends in and that may be outputs, by name: one in a chain, several where branches run side by
    side, none where they are nobody's to take.
    """

    modules: tuple[str, ...]
    levels: Mapping[str, Level]


def check_names(names: Iterable[str] | str, valid: Iterable[str], key: str) -> tuple[str, ...]:
    """`names` as a tuple, a single one given as a string included.

    Raises InputError if one of them is not in `valid`; `key` is the option's name in the message.
    """
    names = (names,) if isinstance(names, str) else tuple(names)
    unknown = [name for name in names if name not in valid]
    if unknown:
        raise InputError(
            f"{key}: {', '.join(map(str, unknown))}: expected among {', '.join(valid)}"
        )
    return names


def check_stride(stride: int, valid: tuple[int, ...]) -> int:
    """`stride` itself. Raises InputError if it is not in `valid`."""
    if stride not in valid:
        raise InputError(f"backbone.stride: {stride}: expected one of {', '.join(map(str, valid))}")
    return stride


def initialise_convolutions(network: nn.Module) -> None:
    """He's initialisation (He et al., ICCV 2015, Eq. 10) of every convolution, biases at zero."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)


class Backbone(nn.Module):
    """Base class: a chain of stages, some of whose maps are returned.

    A subclass calls `super().__init__(plan, outputs)`, registers the submodules that `self.plan`
    (the stages up to the deepest output) names, and ends with `load_weights`. What runs between
    two submodules is a map or, in a network of parallel branches, a list of maps; a stage with
    several levels ends in the list of those that are outputs.

    Args:
        plan: all stages of the architecture in the order in which they run.
        outputs: names of the levels that are returned, in any order.

    Attributes:
        stages: names of the outputs, first (finest) to last (deepest), as are the next two.
        channels: channels of the outputs.
        strides: input pixels from one cell of an output to the next.

    Raises:
        InputError: no output, or an unknown one.
    """

    dropped: tuple[str, ...] = ()
    """Prefixes of keys that a file may hold beyond the feature extractor: its classifier."""

    optional: tuple[str, ...] = ()
    """Suffixes of keys that a file need not have: the published network has no such part."""

    def __init__(self, plan: Mapping[str, Stage], outputs: Iterable[str]):
        super().__init__()
        owners = {level: name for name, stage in plan.items() for level in stage.levels}
        outputs = check_names(outputs, owners, "backbone.outputs")
        if not outputs:
            raise InputError(f"backbone.outputs: empty: expected some of {', '.join(owners)}")
        names = list(plan)
        depth = max(names.index(owners[level]) for level in outputs) + 1
        self.plan = {name: plan[name] for name in names[:depth]}
        self.unbuilt = {name: plan[name] for name in names[depth:]}
        self.stages = tuple(level for level in owners if level in outputs)
        levels = [plan[owners[level]].levels[level] for level in self.stages]
        self.channels = tuple(level.channels for level in levels)
        self.strides = tuple(level.stride for level in levels)
        self.frozen: tuple[str, ...] = ()
        self.loaded: frozenset[str] = frozenset()
        # Not persistent: the state dict keeps exactly the published keys.
        for name, values in (("mean", IMAGENET_MEAN), ("std", IMAGENET_STD)):
            buffer = 255 * torch.tensor(values).reshape(1, 3, 1, 1)
            self.register_buffer(name, buffer, persistent=False)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Feature maps of pictures.

        Args:
            images: (B, 3, H, W) float RGB in [0, 255]; normalised here.

        Returns:
            One (B, channels[i], h_i, w_i) map per output, finest to deepest.
        """
        x = (images - self.mean) / self.std
        maps = []
        for stage in self.plan.values():
            for module in stage.modules:
                x = self.get_submodule(module)(x)
            if any(level in self.stages for level in stage.levels):
                maps += x if isinstance(x, list) else [x]
        return maps

    def rename_keys(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """`state` under this network's key names; a subclass maps other known layouts here."""
        return state

    def load_weights(
        self, weights: str | None, imagenet: WeightsEnum | None, frozen: Iterable[str] | str
    ) -> None:
        """Load pretrained weights and freeze stages.

        Args:
            weights: None (keep the random initialisation), "imagenet" or a file's path.
            imagenet: torchvision's weights, None where none are published.
            frozen: stages for `freeze`.

        Raises:
            InputError: no such file, no network, keys or shapes that do not fit (all listed by
                count, the first few by name), or an unknown stage.
        """
        if weights is not None:
            state = self.rename_keys(read_weights(weights, imagenet, type(self).__name__))
            beyond = [f"{name}." for stage in self.unbuilt.values() for name in stage.modules]
            expected = self.state_dict()
            state = match_weights(
                state, expected, (*self.dropped, *beyond), self.optional, f"{weights}"
            )
            self.load_state_dict(state, strict=False)
            self.loaded = frozenset(state)
        self.freeze(frozen)

    def freeze(self, stages: Iterable[str] | str = ()) -> None:
        """Freeze exactly these stages, every other one trains.

        Only what was loaded is frozen: where no weights were, the stages train and one warning
        says so, and a part that the file had not (the offsets of a deformable convolution) trains
        too. Frozen BatchNorm stays in eval mode whatever `train` says.

        Args:
            stages: names of stages, "all", or nothing to let everything train. A stage beyond the
                deepest output, which is not built, may be named.

        Raises:
            InputError: an unknown stage.
        """
        known = (*self.plan, *self.unbuilt)
        names = known if stages == "all" else check_names(stages, known, "backbone.frozen")
        self.frozen = tuple(name for name in self.plan if name in names)
        if self.frozen and not self.loaded:
            warnings.warn(
                f"{type(self).__name__} has no pretrained weights: "
                f"{', '.join(self.frozen)} will train, not freeze",
                stacklevel=2,
            )
            self.frozen = ()
        for name, stage in self.plan.items():
            for module in stage.modules:
                for key, parameter in self.get_submodule(module).named_parameters(prefix=module):
                    parameter.requires_grad_(not (name in self.frozen and key in self.loaded))
        self.train(self.training)

    def train(self, mode: bool = True) -> "Backbone":
        """As nn.Module.train, but frozen stages stay in eval mode."""
        super().train(mode)
        for name in self.frozen:
            for module in self.plan[name].modules:
                self.get_submodule(module).eval()
        return self
