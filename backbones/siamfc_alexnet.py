"""The AlexNet of SiamFC: BatchNorm, no padding, stride 8."""

from collections.abc import Iterable

from torch import nn

from backbones.base import Backbone, Level, Stage, initialise_convolutions
from ops.errors import check_number

# stage -> channels, kernel, stride, groups, whether a 3x3 max-pool of stride 2 stands before it
LAYERS = {
    "conv1": (96, 11, 2, 1, False),
    "conv2": (256, 5, 1, 2, True),
    "conv3": (384, 3, 1, 1, True),
    "conv4": (384, 3, 1, 2, False),
    "conv5": (256, 3, 1, 2, False),
}


class SiamFCAlexNet(Backbone):
    """SiamFC's AlexNet (Bertinetto et al., ECCV workshops 2016, Table 1), which RASNet takes.

    Each stage is [max-pool,] convolution, BatchNorm, ReLU; conv5 is the bare convolution. Nothing
    is padded: 127 gives 6x6 cells, 255 gives 22x22, and less than 87 pixels give none. Cells of
    conv3, conv4 and conv5 lie at pixels 8 m + 27, 35 and 43: the middle of a map is the middle of
    the picture at 127 and at 255.

    Decisions: the groups and key names are those of the common PyTorch port (`conv1.0` is the
    convolution, `conv1.1` its BatchNorm). Convolutions start from He's initialisation, which gives
    conv5 a variance of about 1 behind BatchNorm: a 6x6 correlation of it, times SiamFC's 1e-3,
    starts at scores of order 0.1. Where BatchNorm follows, a convolution has no bias (BatchNorm
    takes it out again), and pictures are normalised as everywhere here; the port's own file, which
    has such biases and was trained on pixels in [0, 255], is therefore refused.

    Args:
        width: multiplies all channels, rounded to even numbers (RASNet, Fig. 5a: 0.5, 0.25, 0.125).
        outputs: among conv1..conv5; what is deeper is not built.
        weights: None or a file.
        frozen: stages to freeze, or "all"; see `Backbone.freeze`.

    Raises:
        InputError: an unknown value of an option, or weights that do not fit.
    """

    def __init__(
        self,
        width: float = 1.0,
        outputs: Iterable[str] = ("conv5",),
        weights: str | None = None,
        frozen: Iterable[str] | str = (),
    ):
        check_number("backbone.width", width, 1 / 32, whole=False)
        widths = {name: 2 * round(width * layer[0] / 2) for name, layer in LAYERS.items()}
        plan, current = {}, 1
        for name, (_, _, stride, _, pooled) in LAYERS.items():
            current *= stride * (2 if pooled else 1)
            modules = ("pool", name) if pooled else (name,)
            plan[name] = Stage(modules, {name: Level(widths[name], current)})
        super().__init__(plan, outputs)

        self.pool = nn.MaxPool2d(3, 2)
        channels = 3
        for name in self.plan:
            _, kernel, stride, groups, _ = LAYERS[name]
            last = name == "conv5"
            layers = [
                nn.Conv2d(channels, widths[name], kernel, stride, groups=groups, bias=last),
            ]
            if not last:
                layers += [nn.BatchNorm2d(widths[name]), nn.ReLU(inplace=True)]
            self.add_module(name, nn.Sequential(*layers))
            channels = widths[name]
        initialise_convolutions(self)
        self.load_weights(weights, None, frozen)
