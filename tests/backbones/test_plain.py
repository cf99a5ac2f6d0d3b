"""AlexNet and VGG-M in their published form."""

import pytest
import torch
from torch import nn
from torchvision import models

from backbones import VGGM, AlexNet

STAGES = ["conv1", "conv2", "conv3", "conv4", "conv5"]


def pictures(size):
    return 255 * torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0))


def test_alexnet_is_torchvisions(tmp_path):
    torch.manual_seed(0)
    published = models.alexnet().eval()
    torch.save(published.state_dict(), tmp_path / "alexnet.pt")
    backbone = AlexNet(STAGES, stride=16, weights=tmp_path / "alexnet.pt").eval()
    assert backbone.strides == (4, 8, 16, 16, 16)
    assert {k: v.shape for k, v in backbone.state_dict().items()} == {
        k: v.shape for k, v in published.state_dict().items() if k.startswith("features.")
    }
    with torch.no_grad():
        maps = backbone(pictures(255))
        x = (pictures(255) / 255 - backbone.mean / 255) / (backbone.std / 255)
        for i, module in enumerate(published.features):
            x = module(x)
            if i in (1, 4, 7, 9, 11):
                torch.testing.assert_close(maps[(1, 4, 7, 9, 11).index(i)], x, rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    "backbone, stride, sizes, strides",
    [
        (AlexNet, 16, [63, 31, 15, 15, 15], (4, 8, 16, 16, 16)),
        (AlexNet, 8, [63, 31, 31, 31, 31], (4, 8, 8, 8, 8)),
        (AlexNet, 4, [63, 63, 63, 63, 63], (4, 4, 4, 4, 4)),
        (VGGM, 16, [125, 30, 15, 15, 15], (2, 8, 16, 16, 16)),
        (VGGM, 8, [125, 30, 30, 30, 30], (2, 8, 8, 8, 8)),
    ],
)
def test_grids_at_255(backbone, stride, sizes, strides):
    backbone = backbone(STAGES, stride)
    with torch.no_grad():
        maps = backbone(pictures(255))
    assert [m.shape[-1] for m in maps] == sizes
    assert backbone.strides == strides


@pytest.mark.parametrize(("backbone", "stride"), [(AlexNet, 8), (AlexNet, 4), (VGGM, 8)])
def test_dilated_maps_hold_the_published_ones(backbone, stride):
    """Away from the border, where a pool with padding sees more than one without."""
    torch.manual_seed(0)
    coarse = backbone(STAGES, 16).eval()
    dense, plain = (backbone(STAGES, stride, dilated=d).eval() for d in (True, False))
    images = pictures(511)
    for fine in (dense, plain):
        fine.load_state_dict(coarse.state_dict())
    with torch.no_grad():
        maps = zip(coarse.strides, coarse(images), dense(images), plain(images), strict=True)
        for step, expected, found, other in maps:
            every = max(step // stride, 1)
            cells = slice(every - 1, None, every)  # cell m of the published lies at every m + this
            found, other = (x[..., cells, cells][..., 6:-6, 6:-6] for x in (found, other))
            expected = expected[..., 6:-6, 6:-6][..., : found.shape[-2], : found.shape[-1]]
            torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)
    assert not torch.allclose(other, expected, atol=1e-2)  # which is what dilation is for


def test_vgg_m_is_chatfields():
    """The five convolutions and two normalisations of CNN-M's column, spelt out."""
    torch.manual_seed(0)
    backbone = VGGM(STAGES, stride=16).eval()
    shapes = [tuple(p.shape) for k, p in backbone.named_parameters() if k.endswith("weight")]
    assert shapes == [
        (96, 3, 7, 7),
        (256, 96, 5, 5),
        (512, 256, 3, 3),
        (512, 512, 3, 3),
        (512, 512, 3, 3),
    ]
    assert [k for k in backbone.state_dict() if k.endswith("weight")] == [
        f"features.{i}.weight" for i in (0, 4, 8, 10, 12)
    ]

    def normalised(x):
        total = torch.zeros_like(x)
        for c in range(x.shape[1]):
            total[:, c] = x[:, max(0, c - 2) : c + 3].pow(2).sum(1)
        return x / (2 + 1e-4 * total) ** 0.75  # alpha 5e-4 over a window of 5

    features = backbone.features
    with torch.no_grad():
        maps = backbone(pictures(126))
        x = (pictures(126) - backbone.mean) / backbone.std
        x = normalised(features[0](x).relu())
        torch.testing.assert_close(maps[0], x)
        x = nn.functional.max_pool2d(x, 3, 2, ceil_mode=True)
        x = normalised(
            nn.functional.conv2d(
                x, features[4].weight, features[4].bias, stride=2, padding=1
            ).relu()
        )
        torch.testing.assert_close(maps[1], x)
        x = nn.functional.max_pool2d(x, 3, 2, ceil_mode=True)
        for i, key in enumerate((8, 10, 12), start=2):
            x = nn.functional.conv2d(x, features[key].weight, features[key].bias, padding=1).relu()
            torch.testing.assert_close(maps[i], x)
