"""SiamFC's AlexNet: layers, sizes, where its cells lie, widths."""

import pytest
import torch
from receptive_fields import fields
from torch.nn import functional as F

from backbones import SiamFCAlexNet
from ops.errors import InputError

STAGES = ["conv1", "conv2", "conv3", "conv4", "conv5"]


def pictures(size, batch=1):
    return 255 * torch.rand(batch, 3, size, size, generator=torch.Generator().manual_seed(0))


def test_it_is_siamfcs():
    """Table 1 of SiamFC, spelt out; the groups are AlexNet's two columns."""
    torch.manual_seed(0)
    backbone = SiamFCAlexNet(outputs=STAGES)
    with torch.no_grad():
        for value in backbone.state_dict().values():
            if value.ndim == 1:
                value.copy_(torch.rand(value.shape) + 0.5)
    backbone.eval()
    images = pictures(127)
    x = (images - backbone.mean) / backbone.std
    kernels = [(96, 3, 11), (256, 48, 5), (384, 256, 3), (384, 192, 3), (256, 192, 3)]
    with torch.no_grad():
        maps = backbone(images)
        for i, (name, shape) in enumerate(zip(STAGES, kernels, strict=True)):
            layer = getattr(backbone, name)
            assert layer[0].weight.shape == (*shape, shape[2])
            if name in ("conv2", "conv3"):
                x = F.max_pool2d(x, 3, 2)
            bias = layer[0].bias if name == "conv5" else None
            columns = x.shape[1] // shape[1]
            halves = zip(x.chunk(columns, 1), layer[0].weight.chunk(columns), strict=True)
            stride = 2 if name == "conv1" else 1
            x = torch.cat([F.conv2d(half, weight, stride=stride) for half, weight in halves], 1)
            if bias is not None:
                x = x + bias.reshape(1, -1, 1, 1)
            else:
                norm = layer[1]
                statistics = (norm.running_mean, norm.running_var, norm.weight, norm.bias)
                x = F.batch_norm(x, *statistics).relu()
            torch.testing.assert_close(maps[i], x, rtol=1e-4, atol=1e-3)
    assert maps[4].min() < 0 < maps[4].max()  # no ReLU
    assert backbone.strides == (2, 4, 8, 8, 8)


@pytest.mark.parametrize("size, side", [(87, 1), (127, 6), (255, 22)])
def test_sizes(size, side):
    with torch.no_grad():
        (feature,) = SiamFCAlexNet()(pictures(size))
    assert feature.shape == (1, 256, side, side)


@pytest.mark.parametrize("size", [127, 255])
def test_the_middle_of_the_map_is_the_middle_of_the_picture(size):
    backbone = SiamFCAlexNet()
    cells = {127: 6, 255: 22}[size]
    ((here, _), _) = next(fields(backbone, apart=8, width=size, height=size))
    assert here - 4 == pytest.approx((size - 1) / 2, abs=0.01)  # cells / 2 - 1 and cells / 2
    assert here == pytest.approx(8 * (cells // 2) + 43, abs=0.01)


@pytest.mark.parametrize(
    "width, channels",
    [
        (1.0, [96, 256, 384, 384, 256]),
        (0.5, [48, 128, 192, 192, 128]),
        (0.25, [24, 64, 96, 96, 64]),
        (0.125, [12, 32, 48, 48, 32]),
        (0.3, [28, 76, 116, 116, 76]),
    ],
)
def test_width_multiplies_the_channels(width, channels):
    backbone = SiamFCAlexNet(width, outputs=STAGES)
    with torch.no_grad():
        maps = backbone(pictures(95))
    assert list(backbone.channels) == [m.shape[1] for m in maps] == channels


@pytest.mark.parametrize("width", [0, -1, float("nan"), "wide", True])
def test_widths_that_are_none_are_refused(width):
    with pytest.raises(InputError, match=r"backbone.width=.*: expected a number of at least"):
        SiamFCAlexNet(width)


@pytest.mark.parametrize("width", [1.0, 0.125])
def test_initial_correlations_are_of_order_one_tenth(width):
    """Of unrelated pictures, at the 1e-3 by which SiamFC's head multiplies; 9216 products each."""
    torch.manual_seed(0)
    backbone = SiamFCAlexNet(width)
    with torch.no_grad():
        (feature,) = backbone(torch.randn(8, 3, 127, 127) * 60 + 120)
    assert 0.5 < feature.std() < 2
    products = feature[:4].flatten(1) @ feature[4:].flatten(1).T
    assert (1e-3 * products).abs().max() < 3
