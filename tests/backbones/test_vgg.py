"""VGG-16 in its published form and at a finer stride."""

import pytest
import torch
from torchvision import models

from backbones import VGG16

STAGES = ["conv1", "conv2", "conv3", "conv4", "conv5"]
LAST = (3, 8, 15, 22, 29)  # the last ReLU of each stage in torchvision's `features`


def pictures(size):
    return 255 * torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def features():
    torch.manual_seed(0)
    return models.vgg.make_layers(models.vgg.cfgs["D"])


def test_it_is_torchvisions(features, tmp_path):
    state = {f"features.{key}": value for key, value in features.state_dict().items()}
    torch.save({**state, "classifier.0.weight": torch.zeros(2)}, tmp_path / "vgg16.pt")
    backbone = VGG16(STAGES, stride=16, weights=tmp_path / "vgg16.pt")
    assert backbone.strides == (1, 2, 4, 8, 16)
    assert backbone.channels == (64, 128, 256, 512, 512)
    assert set(backbone.state_dict()) == set(state)
    with torch.no_grad():
        maps = backbone(pictures(70))
        x = (pictures(70) - backbone.mean) / backbone.std
        for i, module in enumerate(features):
            x = module(x)
            if i in LAST:
                torch.testing.assert_close(maps[LAST.index(i)], x)


@pytest.mark.parametrize(
    "stride, sizes, strides",
    [(16, [63, 31, 15], (4, 8, 16)), (8, [63, 31, 31], (4, 8, 8))],
)
def test_grids_at_255(stride, sizes, strides):
    backbone = VGG16(stride=stride)
    with torch.no_grad():
        maps = backbone(pictures(255))
    assert [m.shape[-1] for m in maps] == sizes
    assert backbone.strides == strides


def test_at_stride_8_every_second_cell_is_the_published_one():
    """Away from the border, where the padding of a dilated convolution is another."""
    torch.manual_seed(0)
    dense, strided = VGG16(["conv5"], stride=8).eval(), VGG16(["conv5"], stride=16).eval()
    dense.load_state_dict(strided.state_dict())
    image = 255 * torch.rand(1, 3, 256, 256)
    with torch.no_grad():
        found, expected = dense(image)[0][..., ::2, ::2], strided(image)[0]
    inner = slice(4, -4)
    torch.testing.assert_close(found[..., inner, inner], expected[..., inner, inner])
