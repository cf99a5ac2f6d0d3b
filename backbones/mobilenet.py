"""MobileNetV2 with the strides that trackers want."""

from collections.abc import Iterable

from torch import Tensor, nn
from torchvision import models

from backbones.base import Backbone, Level, Stage, check_stride

BLOCKS = 17
# Member of a block's `conv` in the original PyTorch port -> in torchvision. The port lists
# convolution, BatchNorm and ReLU6 flat; torchvision nests the three. Block 1 does not expand.
PORT_FIRST = {"0": "0.0", "1": "0.1", "3": "1", "4": "2"}
PORT_OTHERS = {"0": "0.0", "1": "0.1", "3": "1.0", "4": "1.1", "6": "2", "7": "3"}


class MobileNetV2(Backbone):
    """torchvision's MobileNetV2 (Sandler et al., CVPR 2018, Table 2).

    Stages are named by their index in `features`: block1..block17 are the inverted residuals,
    taken after their linear 1x1 (no ReLU); the stem and the last 1x1 are no outputs. Strides as
    published: block1 2, block2 and 3 4, block4..6 8, block7..13 16, block14..17 32; cells lie at
    multiples of the stride, from pixel 0.

    Args:
        outputs: among block1..block17; what is deeper is not built.
        stride: the largest stride of an output: 4, 8, 16 or 32 (as published); the depth-wise
            convolutions that would exceed it get stride 1.
        dilated: dilate the depth-wise convolutions by what `stride` took away, so that each sees
            what it saw in the published network, whose maps are then a subsampling of these (see
            `ResNet`); pretrained weights want it.
        weights: None, "imagenet" (IMAGENET1K_V1), or a file with torchvision's keys or those of
            the original PyTorch port (see `rename_keys`).
        frozen: stages to freeze, or "all"; see `Backbone.freeze`. block1 includes the stem.

    Raises:
        InputError: an unknown value of an option, or weights that do not fit.
    """

    dropped = ("classifier.", f"features.{BLOCKS + 1}.")

    def __init__(
        self,
        outputs: Iterable[str] = ("block3", "block6", "block13"),
        stride: int = 8,
        dilated: bool = False,
        weights: str | None = None,
        frozen: Iterable[str] | str = (),
    ):
        check_stride(stride, (4, 8, 16, 32))
        features = models.mobilenet_v2().features
        plan, current, dilation = {}, 2, 1  # the stem's stride
        for i in range(1, BLOCKS + 1):
            depthwise = _depthwise(features[i])
            depthwise.dilation = depthwise.padding = (dilation, dilation)
            if current * depthwise.stride[0] > stride:
                dilation *= depthwise.stride[0] if dilated else 1
                depthwise.stride = (1, 1)
            current *= depthwise.stride[0]
            names = ("features.0", "features.1") if i == 1 else (f"features.{i}",)
            level = Level(features[i].out_channels, current)
            plan[f"block{i}"] = Stage(names, {f"block{i}": level})
        super().__init__(plan, outputs)
        self.features = features[: len(self.plan) + 1]
        self.load_weights(weights, models.MobileNet_V2_Weights.IMAGENET1K_V1, frozen)

    def rename_keys(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """`state` under torchvision's names, from the original PyTorch port's if it has those.

        The port's `features.I.conv.J.NAME` becomes torchvision's by PORT_FIRST (I = 1) and
        PORT_OTHERS; `features.0`, `features.18` and `classifier` agree. What the rule does not
        know keeps its name, and the strict report finds it.
        """
        if "features.1.conv.3.weight" not in state:  # torchvision's block 1 ends with conv.2
            return state
        renamed = {}
        for key, value in state.items():
            parts = key.split(".")
            if parts[0] == "features" and len(parts) == 5 and parts[2] == "conv":
                members = PORT_FIRST if parts[1] == "1" else PORT_OTHERS
                parts[3] = members.get(parts[3], parts[3])
            renamed[".".join(parts)] = value
        return renamed


def _depthwise(block: nn.Module) -> nn.Conv2d:
    convolutions = (m for m in block.modules() if isinstance(m, nn.Conv2d))
    return next(m for m in convolutions if m.groups > 1)
