"""AlexNet and VGG-M: five convolutions in a chain, with max-pools between them."""

from collections.abc import Iterable
from typing import NamedTuple

from torch import nn
from torchvision import models
from torchvision.models import WeightsEnum

from backbones.base import Backbone, Level, Stage, check_stride, initialise_convolutions
from backbones.pooling import UnstridedMaxPool2d


class Convolution(NamedTuple):
    """One of the five: `pooled` says that a 3x3 max-pool of stride 2 stands before it."""

    channels: int
    kernel: int
    stride: int
    padding: int
    pooled: bool = False
    normalised: bool = False


class PlainNet(Backbone):
    """conv1..conv5 in one `features` chain, numbered as in the published networks.

    A stage is [max-pool,] convolution, ReLU[, local response normalisation]. The max-pools beyond
    `stride` get stride 1, and their maps the size of the one before. As neither network has
    BatchNorm to set its scale, convolutions start from He's initialisation (a decision: the
    published Gaussian of 0.01 needs ImageNet's schedule).

    Args:
        layers: the five convolutions.
        ceil_mode: whether max-pools keep a last, partial window, as Caffe's do.
        outputs: stages to return; what is deeper is not built.
        stride: the largest stride of an output.
        dilated: dilate by what `stride` took away, as `ResNet` does; pretrained weights want it.
        weights: None, "imagenet" or a file.
        imagenet: torchvision's weights, or None.
        frozen: stages to freeze, or "all"; see `Backbone.freeze`.
    """

    def __init__(
        self,
        layers: tuple[Convolution, ...],
        ceil_mode: bool,
        outputs: Iterable[str],
        stride: int,
        dilated: bool,
        weights: str | None,
        imagenet: WeightsEnum | None,
        frozen: Iterable[str] | str,
    ):
        features, plan = [], {}
        channels, current, dilation = 3, 1, 1
        for i, layer in enumerate(layers, start=1):
            first = len(features)
            if layer.pooled:
                if 2 * current * layer.stride <= stride:
                    features.append(nn.MaxPool2d(3, stride=2, ceil_mode=ceil_mode))
                    current *= 2
                else:
                    features.append(UnstridedMaxPool2d(3, dilation))
                    dilation *= 2 if dilated else 1
            current *= layer.stride
            spread = {"padding": dilation * layer.padding, "dilation": dilation}
            features.append(nn.Conv2d(channels, *layer[:3], **spread))
            features.append(nn.ReLU(inplace=True))
            if layer.normalised:
                features.append(nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0))
            channels = layer.channels
            names = tuple(f"features.{j}" for j in range(first, len(features)))
            plan[f"conv{i}"] = Stage(names, {f"conv{i}": Level(channels, current)})
        super().__init__(plan, outputs)

        built = sum(len(stage.modules) for stage in self.plan.values())
        self.features = nn.Sequential(*features[:built])
        initialise_convolutions(self)
        self.load_weights(weights, imagenet, frozen)


class AlexNet(PlainNet):
    """AlexNet in torchvision's form (Krizhevsky 2014, one column, no normalisation).

    Strides as published: conv1 4, conv2 8, conv3..conv5 16. Cells lie at 4 m + 3, 8 m + 7 and
    16 m + 15: at input 255 and stride 8, cell 15 of 31 is the centre pixel.

    Args:
        outputs: among conv1..conv5, each after its ReLU.
        stride: the largest stride of an output: 4, 8 or 16 (as published).
        dilated: see `PlainNet`.
        weights: None, "imagenet" (IMAGENET1K_V1) or a file with torchvision's keys.
        frozen: stages to freeze, or "all"; see `Backbone.freeze`.

    Raises:
        InputError: an unknown value of an option, or weights that do not fit.
    """

    dropped = ("classifier.",)

    def __init__(
        self,
        outputs: Iterable[str] = ("conv2", "conv3", "conv5"),
        stride: int = 8,
        dilated: bool = False,
        weights: str | None = None,
        frozen: Iterable[str] | str = (),
    ):
        layers = (
            Convolution(64, 11, 4, 2),
            Convolution(192, 5, 1, 2, pooled=True),
            Convolution(384, 3, 1, 1, pooled=True),
            Convolution(256, 3, 1, 1),
            Convolution(256, 3, 1, 1),
        )
        imagenet = models.AlexNet_Weights.IMAGENET1K_V1
        stride = check_stride(stride, (4, 8, 16))
        super().__init__(layers, False, outputs, stride, dilated, weights, imagenet, frozen)


class VGGM(PlainNet):
    """VGG-M (Chatfield et al., BMVC 2014, Table 1, CNN-M; the same in CNN-M-2048 and -1024).

    Strides as published: conv1 2, conv2 8, conv3..conv5 16. conv1 and conv2 are taken after their
    local response normalisation (size 5, alpha 5e-4 over the window, beta 0.75, k 2).

    torchvision has no weights of it. A converted file has the keys `features.0`, `.4`, `.8`, `.10`
    and `.12` (weight and bias) of the usual conversions of the Caffe model; that model saw BGR in
    [0, 255] with its own mean subtracted, which the converted first convolution must allow for.

    Args:
        outputs: among conv1..conv5.
        stride: the largest stride of an output: 8 or 16 (as published).
        dilated: see `PlainNet`.
        weights: None or a file.
        frozen: stages to freeze, or "all"; see `Backbone.freeze`.

    Raises:
        InputError: an unknown value of an option, or weights that do not fit.
    """

    dropped = ("classifier.", "classif.")

    def __init__(
        self,
        outputs: Iterable[str] = ("conv2", "conv3", "conv5"),
        stride: int = 8,
        dilated: bool = False,
        weights: str | None = None,
        frozen: Iterable[str] | str = (),
    ):
        layers = (
            Convolution(96, 7, 2, 0, normalised=True),
            Convolution(256, 5, 2, 1, pooled=True, normalised=True),
            Convolution(512, 3, 1, 1, pooled=True),
            Convolution(512, 3, 1, 1),
            Convolution(512, 3, 1, 1),
        )
        stride = check_stride(stride, (8, 16))
        super().__init__(layers, True, outputs, stride, dilated, weights, None, frozen)
