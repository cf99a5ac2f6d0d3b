"""ResNet-18, -34 and -50 with the output grid, strides and deformation that trackers want."""

from collections.abc import Iterable

from torch import Tensor, nn
from torchvision import models

from backbones.base import Backbone, Level, Stage, check_names, check_stride
from ops.deformable import DeformableConv2d

# depth -> constructor, ImageNet weights of the original recipe, channels of conv1..conv5
DEPTHS = {
    18: (models.resnet18, models.ResNet18_Weights.IMAGENET1K_V1, (64, 64, 128, 256, 512)),
    34: (models.resnet34, models.ResNet34_Weights.IMAGENET1K_V1, (64, 64, 128, 256, 512)),
    50: (models.resnet50, models.ResNet50_Weights.IMAGENET1K_V1, (64, 256, 512, 1024, 2048)),
}
# name of the stage in the papers -> attribute in torchvision, stride as published
LAYERS = {
    "conv2": ("layer1", 4),
    "conv3": ("layer2", 8),
    "conv4": ("layer3", 16),
    "conv5": ("layer4", 32),
}


class CroppedConv2d(nn.Conv2d):
    """A convolution that leaves out one cell on each side, as if its padding were -1."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x[:, :, 1:-1, 1:-1])  # (B, C, H - 2, W - 2)


class ResNet(Backbone):
    """torchvision's ResNet, modified in place: its key names and weights stay valid.

    Outputs are the stages conv1..conv5 (conv2 is layer1, conv5 is layer4), each after its last
    ReLU: conv3_4, conv4_6 and conv5_3 of ResNet-50 by default (RAR, section 4.1).

    The grid is that of RAR's Table 1, 127, 63, 31, 31, 31 at input 255 and stride 8: conv1 has
    padding 2, the max-pool none, and conv3_1's 3x3, where it has stride 2, none either, with its
    shortcut cropped by one cell on each side. The cells of conv3 then lie at pixels 8 m + 7, and
    cell 15 is the centre pixel 127. The table gives the sizes; the paddings are our decision.
    Where conv4_1 and conv5_1 keep their stride, they keep their padding too: cells at 16 m + 7 and
    32 m + 7.

    Args:
        depth: 18, 34 or 50.
        outputs: stages to return; what is deeper is not built.
        stride: the largest stride of an output, 4, 8, 16 or 32: the 3x3 convolutions of conv3_1,
            conv4_1 and conv5_1 (and their shortcuts) that would exceed it get stride 1.
        deformable: blocks ("conv4_1") or whole stages ("conv4") whose 3x3 convolutions are
            deformable; of conv2..conv5, those that are built. They start as the plain ones.
        dilated: dilate by what `stride` took away, so that every convolution sees what it saw in
            the strided network, whose maps are then a subsampling of these; at stride 8, dilation
            2 in conv4 and 4 in conv5 (as torchvision's `replace_stride_with_dilation`, in which
            a stage's first 3x3 has the dilation of the stage before).
        weights: None, "imagenet" (IMAGENET1K_V1) or a file with torchvision's keys.
        frozen: stages to freeze, or "all"; see `Backbone.freeze`.

    Raises:
        InputError: an unknown value of an option, or weights that do not fit.
    """

    dropped = ("fc.",)
    optional = (".offset.weight", ".offset.bias")

    def __init__(
        self,
        depth: int = 50,
        outputs: Iterable[str] = ("conv3", "conv4", "conv5"),
        stride: int = 8,
        deformable: Iterable[str] = (),
        dilated: bool = False,
        weights: str | None = None,
        frozen: Iterable[str] | str = (),
    ):
        check_names([str(depth)], [str(d) for d in DEPTHS], "backbone.depth")
        check_stride(stride, (4, 8, 16, 32))
        constructor, imagenet, channels = DEPTHS[depth]
        plan = {"conv1": Stage(("conv1", "bn1", "relu"), {"conv1": Level(channels[0], 2)})}
        for (name, (layer, full)), width in zip(LAYERS.items(), channels[1:], strict=True):
            modules = ("maxpool", layer) if name == "conv2" else (layer,)
            plan[name] = Stage(modules, {name: Level(width, min(full, stride))})
        super().__init__(plan, outputs)

        published = constructor()
        for stage in self.plan.values():
            for module in stage.modules:
                self.add_module(module, published.get_submodule(module))
        self.conv1.padding = (2, 2)
        if "conv2" in self.plan:
            self.maxpool.padding = 0
        self._set_strides(stride, dilated)
        self._deform(deformable, published)
        self.load_weights(weights, imagenet, frozen)

    def _set_strides(self, stride: int, dilated: bool) -> None:
        dilation = 1
        for name in list(self.plan)[2:]:
            layer, full = LAYERS[name]
            blocks = getattr(self, layer)
            convolutions = [conv for block in blocks for conv in _convolutions(block)]
            if full > stride:
                blocks[0].downsample[0].stride = (1, 1)
                convolutions[0].stride = (1, 1)
            elif name == "conv3":
                convolutions[0].padding = (0, 0)
                blocks[0].downsample[0] = _cropped(blocks[0].downsample[0])
            for i, conv in enumerate(convolutions):
                if dilated and dilation > 1:
                    conv.dilation = conv.padding = (dilation, dilation)
                if i == 0 and full > stride:
                    dilation *= 2

    def _deform(self, names: Iterable[str], published: nn.Module) -> None:
        blocks = {
            f"{stage}_{i}": block
            for stage, (layer, _) in LAYERS.items()
            for i, block in enumerate(getattr(published, layer), start=1)
        }
        names = check_names(names, (*LAYERS, *blocks), "backbone.deformable")
        for name, block in blocks.items():
            if name in names or name.split("_")[0] in names:
                for key, module in list(block.named_children()):
                    if module in _convolutions(block):
                        setattr(block, key, DeformableConv2d(module))


def _convolutions(block: nn.Module) -> list[nn.Conv2d]:
    """The 3x3 convolutions of a residual block, in order; the first carries its stride."""
    children = block.children()
    return [m for m in children if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)]


def _cropped(plain: nn.Conv2d) -> CroppedConv2d:
    size = (plain.in_channels, plain.out_channels, plain.kernel_size, plain.stride)
    cropped = CroppedConv2d(*size, bias=False)
    cropped.weight = plain.weight
    return cropped
