"""MobileNetV2's strides and the key layouts that it reads."""

import re
from pathlib import Path

import pytest
import torch
from torchvision import models

from backbones import MobileNetV2
from ops.errors import InputError

PORT = (
    Path(__file__).resolve().parents[2].parent / "shared" / "weights" / "mobilenet_v2_imagenet.pt"
)
BLOCKS = [f"block{i}" for i in range(1, 18)]


def pictures(size):
    return 255 * torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    "stride, expected",
    [
        (32, [2] + 2 * [4] + 3 * [8] + 7 * [16] + 4 * [32]),
        (16, [2] + 2 * [4] + 3 * [8] + 11 * [16]),
        (8, [2] + 2 * [4] + 14 * [8]),
        (4, [2] + 16 * [4]),
    ],
)
def test_strides(stride, expected):
    backbone = MobileNetV2(BLOCKS, stride).eval()
    assert list(backbone.strides) == expected
    with torch.no_grad():
        maps = backbone(pictures(128))
    assert [128 // m.shape[-1] for m in maps] == expected
    assert [m.shape[1] for m in maps] == list(backbone.channels)


@pytest.mark.parametrize("stride", [16, 8, 4])
def test_dilated_maps_hold_the_published_ones(stride):
    torch.manual_seed(0)
    published = MobileNetV2(BLOCKS, 32)
    for module in published.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0  # the statistics of these pictures, so that signals stay alive
    published(pictures(256))
    published.eval()
    dense, plain = (MobileNetV2(BLOCKS, stride, dilated=d).eval() for d in (True, False))
    images = pictures(256)
    for backbone in (dense, plain):
        backbone.load_state_dict(published.state_dict())
    with torch.no_grad():
        for name, step, expected, found, other in zip(
            BLOCKS, published.strides, published(images), dense(images), plain(images), strict=True
        ):
            every = max(step // stride, 1)
            torch.testing.assert_close(found[..., ::every, ::every], expected, rtol=0, atol=1e-3)
            if name == "block17":  # which is what dilation is for
                assert not torch.allclose(other[..., ::every, ::every], expected, atol=1e-2)


def test_it_is_torchvisions(tmp_path):
    torch.manual_seed(0)
    published = models.mobilenet_v2().eval()
    torch.save(published.state_dict(), tmp_path / "mobilenet.pt")
    backbone = MobileNetV2(BLOCKS, 32, weights=tmp_path / "mobilenet.pt").eval()
    assert set(backbone.state_dict()) == {
        k for k in published.state_dict() if not k.startswith(("classifier.", "features.18."))
    }
    with torch.no_grad():
        maps = backbone(pictures(96))
        x = (pictures(96) - backbone.mean) / backbone.std
        for i, module in enumerate(published.features[:18]):
            x = module(x)
            if i:
                torch.testing.assert_close(maps[i - 1], x, rtol=0, atol=1e-3)


def port_of(state):
    """torchvision's state under the original port's names, found by position in each block."""
    flat = {}
    for key, value in state.items():
        match = re.fullmatch(r"features\.(\d+)\.conv\.(?:(\d)\.(\d)|(\d))\.(\w+)", key)
        if match:
            block, outer, inner, alone, name = match.groups()
            if outer is not None:  # convolution, BatchNorm, ReLU6 are 3 places in the flat list
                place = 3 * int(outer) + int(inner)
            else:
                place = int(alone) + (2 if block == "1" else 4)
            key = f"features.{block}.conv.{place}.{name}"
        flat[key] = value
    return flat


def test_the_original_ports_keys_are_renamed(tmp_path):
    torch.manual_seed(0)
    state = models.mobilenet_v2().state_dict()
    path = tmp_path / "port.pt"
    torch.save(port_of(state), path)
    backbone = MobileNetV2(BLOCKS, weights=path)
    assert all(torch.equal(v, state[k]) for k, v in backbone.state_dict().items())

    broken = port_of(state)
    broken["features.5.conv.9.weight"] = broken.pop("features.5.conv.3.weight")
    torch.save(broken, path)
    with pytest.raises(InputError, match=r"1 missing: features.5.conv.1.0.weight; 1 unexpected"):
        MobileNetV2(BLOCKS, weights=path)


def test_the_published_port_loads():
    if not PORT.exists():
        pytest.skip("no shared/weights: the original port's file is not here")
    state = torch.load(PORT, weights_only=True)
    backbone = MobileNetV2(BLOCKS, weights=PORT, frozen="all")
    own = port_of(backbone.state_dict())
    assert set(own) == {k for k in state if not k.startswith(("classifier.", "features.18."))}
    assert all(torch.equal(v, state[k]) for k, v in own.items())
    assert not any(p.requires_grad for p in backbone.parameters())
