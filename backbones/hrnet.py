"""HRNet: branches of several resolutions side by side, as published and as HROM modifies it."""

from collections.abc import Iterable
from functools import reduce

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models import ResNet18_Weights, Weights, WeightsEnum
from torchvision.models.resnet import BasicBlock, Bottleneck

from backbones.base import Backbone, Level, Stage, check_names, initialise_convolutions
from ops.grids import upsample

MODULES = {"stage2": 1, "stage3": 4, "stage4": 3}  # each of 4 blocks a branch and a fusion
BLOCKS = 4
RELEASE = "https://github.com/rwightman/pytorch-image-models/releases/download/v0.1-hrnet"


def _published(name: str) -> Weights:
    transforms = ResNet18_Weights.IMAGENET1K_V1.transforms  # the same: 256, crop 224, bilinear
    return Weights(f"{RELEASE}/{name}.pth", transforms, {})


class HRNetWeights(WeightsEnum):
    """The authors' ImageNet weights under timm's names; a file's name ends with its hash."""

    W18 = _published("hrnetv2_w18-8cb57bb9")
    W32 = _published("hrnetv2_w32-90d8c5fb")
    W48 = _published("hrnetv2_w48-abd2e6ab")


class HRNet(Backbone):
    """HRNet-W (Wang et al., TPAMI 2020) under timm's key names.

    The stem is two 3x3 convolutions of stride 2, stage 1 four bottlenecks at stride 4. Stages 2, 3
    and 4 have 2, 3 and 4 branches of C, 2C, 4C and 8C channels and 1, 4 and 3 modules: four basic
    blocks a branch, then a fusion in which every branch gets the sum of all. Outputs are R1, R2,
    ..., the fused branches of the last stage, finest first.

    The plain form is the published one: R1..R4 at strides 4, 8, 16, 32; what comes from a coarser
    branch goes through 1x1, BatchNorm and nearest upsampling, as in the weights' own network.

    The modified form is HROM's (Zhang et al., Sensors 2020, section 3.2, Table 1): it ends after
    stage 3 with R1, R2, R3 at strides 4, 8, 8. Our decisions:
    - The 1/16 branch runs at 1/8: the convolutions that lead to it from 1/8 (the transition, the
      last 3x3 of a fusion) have stride 1 and, as in a dilated ResNet, dilation 1; both
      convolutions of its blocks have dilation 2, so that they see what they saw.
    - R3 goes to R2 by 1x1 and BatchNorm alone: the sizes are equal.
    - Upsampling is bilinear, after 1x1 and BatchNorm (the paper writes it before; all three being
      linear, only BatchNorm's statistics in training tell the orders apart).
    - It keeps the grid: cells lie at multiples of the stride from pixel 0, so cell k of R1 reads
      R2 and R3 at k / 2. Even cells get what nearest upsampling gave them, odd ones the average
      of two; the last one, if it has no right neighbour, the last cell.
    R4 belongs to HROM's head.

    At input 127, R1 and R2 have 32 and 16 cells a side; at 255, 64 and 32.

    Stages to freeze are stem (both convolutions), stage1, ..., stage4, each with its transition.
    The classification head of a published file is dropped, as are, by their prefixes, stage 4 in
    the modified form and the parts of the last fusion that lead to no output.

    Args:
        width: C: 18, 32 or 48.
        modified: HROM's form, or the published one.
        outputs: among R1, R2, R3 and, in the plain form, R4; None for all of them.
        weights: None, "imagenet" (`HRNetWeights`) or a file with timm's keys.
        frozen: stages to freeze, or "all"; see `Backbone.freeze`.

    Raises:
        InputError: an unknown value of an option, or weights that do not fit.
    """

    dropped = ("incre_modules.", "downsamp_modules.", "final_layer.", "classifier.")

    def __init__(
        self,
        width: int = 18,
        modified: bool = True,
        outputs: Iterable[str] | None = None,
        weights: str | None = None,
        frozen: Iterable[str] | str = (),
    ):
        check_names([str(width)], ("18", "32", "48"), "backbone.width")
        strides = (4, 8, 8) if modified else (4, 8, 16, 32)
        channels = tuple(width * 2**i for i in range(4))
        levels = {f"R{i + 1}": Level(channels[i], stride) for i, stride in enumerate(strides)}
        plan = {
            "stem": Stage(("conv1", "bn1", "relu", "conv2", "bn2", "relu"), {}),
            "stage1": Stage(("layer1",), {}),
            "stage2": Stage(("transition1", "stage2"), {}),
            "stage3": Stage(("transition2", "stage3"), levels if modified else {}),
            "stage4": Stage(("transition3", "stage4"), {} if modified else levels),
        }
        super().__init__(plan, levels if outputs is None else outputs)

        self.conv1 = nn.Conv2d(3, 64, 3, 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.conv2 = nn.Conv2d(64, 64, 3, 2, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        first = Bottleneck(64, 64, downsample=_convolution(64, 256, 1, relu=False))
        self.layer1 = nn.Sequential(first, *(Bottleneck(256, 64) for _ in range(BLOCKS - 1)))
        self._add_stages(channels, strides, "bilinear" if modified else "nearest")
        last = list(self.plan)[-1]
        fusion = f"{last}.{MODULES[last] - 1}.fuse_layers"
        for i, level in enumerate(levels):
            if level not in self.stages:
                del self.get_submodule(fusion)[str(i)]
                self.dropped = (*self.dropped, f"{fusion}.{i}.")
        initialise_convolutions(self)
        self.load_weights(weights, HRNetWeights[f"W{width}"], frozen)

    def _add_stages(
        self, channels: tuple[int, ...], strides: tuple[int, ...], upsampling: str
    ) -> None:
        before = (256,)
        for i, (stage, count) in enumerate(MODULES.items(), start=1):
            if stage in self.plan:
                after, grids = channels[: i + 1], strides[: i + 1]
                modules = [ParallelModule(after, grids, upsampling) for _ in range(count)]
                self.add_module(f"transition{i}", Transition(before, after, grids))
                self.add_module(stage, nn.Sequential(*modules))
                before = after


class Transition(nn.ModuleList):
    """Opens one more branch: the branches so far as they are, and the last one a step coarser.

    Args:
        before: channels of the branches so far; one that changes them goes through a 3x3.
        channels, strides: of the branches from here on.
    """

    def __init__(
        self, before: tuple[int, ...], channels: tuple[int, ...], strides: tuple[int, ...]
    ):
        kept = [
            nn.Identity() if old == new else _convolution(old, new, 3)
            for old, new in zip(before, channels, strict=False)
        ]
        step = strides[-1] // strides[-2]
        super().__init__([*kept, nn.Sequential(_convolution(before[-1], channels[-1], 3, step))])

    def forward(self, maps: Tensor | list[Tensor]) -> list[Tensor]:
        maps = maps if isinstance(maps, list) else [maps]
        return [layer(x) for layer, x in zip(self, [*maps, maps[-1]], strict=True)]


class ParallelModule(nn.Module):
    """Four basic blocks on every branch, then the fusion (HROM, Eq. 2): each gets the sum of all.

    Branch i is published at stride 4 * 2^i; where `strides` says less, its blocks are dilated by
    the ratio.

    Args:
        channels, strides: of the branches, finest first.
        upsampling: "nearest" or "bilinear", of what comes from a coarser branch.
    """

    def __init__(self, channels: tuple[int, ...], strides: tuple[int, ...], upsampling: str):
        super().__init__()
        self.strides, self.upsampling = strides, upsampling
        self.branches = nn.ModuleList(
            nn.Sequential(*(_block(c, 4 * 2**i // stride) for _ in range(BLOCKS)))
            for i, (c, stride) in enumerate(zip(channels, strides, strict=True))
        )
        count = range(len(channels))
        # By name, so that the fusion into a branch can be left out under the others' same keys.
        self.fuse_layers = nn.ModuleDict(
            {
                str(i): nn.ModuleList(_transform(j, i, channels, strides) for j in count)
                for i in count
            }
        )

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        maps = [branch(x) for branch, x in zip(self.branches, maps, strict=True)]
        return [self._fuse(maps, int(i), layers) for i, layers in self.fuse_layers.items()]

    def _fuse(self, maps: list[Tensor], i: int, layers: nn.ModuleList) -> Tensor:
        parts = []
        for x, stride, layer in zip(maps, self.strides, layers, strict=True):
            part = layer(x)
            factor = stride // self.strides[i]
            if factor > 1:
                part = _upsample(part, factor, maps[i].shape[-2:], self.upsampling)
            parts.append(part)
        return F.relu(reduce(torch.add, parts))  # (B, channels[i], h_i, w_i)


def _convolution(
    before: int, after: int, kernel: int, stride: int = 1, relu: bool = True
) -> nn.Sequential:
    convolution = nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=False)
    layers = [convolution, nn.BatchNorm2d(after)]
    return nn.Sequential(*layers, nn.ReLU(inplace=True)) if relu else nn.Sequential(*layers)


def _block(channels: int, dilation: int) -> BasicBlock:
    block = BasicBlock(channels, channels)
    for convolution in (block.conv1, block.conv2):
        convolution.dilation = convolution.padding = (dilation, dilation)
    return block


def _transform(
    source: int, target: int, channels: tuple[int, ...], strides: tuple[int, ...]
) -> nn.Module:
    """From branch `source` to branch `target` of a fusion, upsampling left out."""
    if source == target:
        return nn.Identity()
    if source > target:
        return _convolution(channels[source], channels[target], 1, relu=False)
    steps = []
    for i in range(source + 1, target + 1):
        last = i == target
        after, step = channels[target if last else source], strides[i] // strides[i - 1]
        steps.append(_convolution(channels[source], after, 3, step, relu=not last))
    return nn.Sequential(*steps)


def _upsample(x: Tensor, factor: int, size: tuple[int, int], mode: str) -> Tensor:
    """(B, C, h, w) to `size` cells: cell k reads x at k / factor, or at its floor if "nearest"."""
    if mode == "bilinear":
        return upsample(x, factor, size)
    return F.interpolate(x, scale_factor=factor)[..., : size[0], : size[1]]
