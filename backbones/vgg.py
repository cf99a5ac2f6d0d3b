"""VGG-16 with the strides that trackers want."""

from collections.abc import Iterable

from torch import nn
from torchvision import models
from torchvision.models.vgg import cfgs, make_layers

from backbones.base import Backbone, Level, Stage, check_stride, initialise_convolutions
from backbones.pooling import UnstridedMaxPool2d


class VGG16(Backbone):
    """torchvision's VGG-16 (Simonyan and Zisserman, ICLR 2015, Table 1, D; no BatchNorm).

    Stages are conv1..conv5, the published groups of two or three convolutions; each begins with
    the max-pool before it and ends after its last ReLU. Strides as published: 1, 2, 4, 8, 16. The
    max-pool that would exceed `stride` gets stride 1 and the convolutions behind it dilation 2, so
    that every second cell of their maps is a cell of the published ones. Starts from He's
    initialisation, as torchvision's.

    Args:
        outputs: among conv1..conv5; what is deeper is not built.
        stride: the largest stride of an output: 8 or 16 (as published).
        weights: None, "imagenet" (IMAGENET1K_V1) or a file with torchvision's keys.
        frozen: stages to freeze, or "all"; see `Backbone.freeze`.

    Raises:
        InputError: an unknown value of an option, or weights that do not fit.
    """

    dropped = ("classifier.",)

    def __init__(
        self,
        outputs: Iterable[str] = ("conv3", "conv4", "conv5"),
        stride: int = 8,
        weights: str | None = None,
        frozen: Iterable[str] | str = (),
    ):
        check_stride(stride, (8, 16))
        features = make_layers(cfgs["D"])[:-1]  # without the last max-pool
        pools = [i for i, m in enumerate(features) if isinstance(m, nn.MaxPool2d)]
        if stride == 8:
            features[pools[-1]] = UnstridedMaxPool2d(2)
            for module in features[pools[-1] :]:
                if isinstance(module, nn.Conv2d):
                    module.dilation = module.padding = (2, 2)
        plan = {}
        for i, (first, end) in enumerate(zip([0, *pools], [*pools, len(features)], strict=True)):
            modules = tuple(f"features.{j}" for j in range(first, end))
            level = Level(features[end - 2].out_channels, min(2**i, stride))
            plan[f"conv{i + 1}"] = Stage(modules, {f"conv{i + 1}": level})
        super().__init__(plan, outputs)
        self.features = features[: sum(len(stage.modules) for stage in self.plan.values())]
        initialise_convolutions(self)
        self.load_weights(weights, models.VGG16_Weights.IMAGENET1K_V1, frozen)
