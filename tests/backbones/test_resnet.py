"""ResNet's grid, strides, dilation and deformation."""

import pytest
import torch
from torch import nn
from torchvision import models

from backbones import ResNet
from ops.errors import InputError

STAGES = ["conv1", "conv2", "conv3", "conv4", "conv5"]


def build(depth=18, **options):
    torch.manual_seed(0)
    return ResNet(depth, **{"outputs": STAGES, **options}).eval()


def pictures(size, seed=0):
    return 255 * torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(seed))


def with_weights_of(other, **options):
    backbone = build(**options)
    missing = backbone.load_state_dict(other.state_dict(), strict=False).missing_keys
    assert all(".offset." in key for key in missing)
    return backbone


@pytest.mark.parametrize("depth", [18, 50])
@pytest.mark.parametrize(
    "stride, sizes",
    [
        (8, [127, 63, 31, 31, 31]),  # RAR, Table 1
        (4, [127, 63, 63, 63, 63]),
        (16, [127, 63, 31, 16, 16]),
        (32, [127, 63, 31, 16, 8]),
    ],
)
def test_grid_at_255(depth, stride, sizes):
    backbone = build(depth, stride=stride)
    with torch.no_grad():
        maps = backbone(pictures(255))
    assert [tuple(m.shape[-2:]) for m in maps] == [(size, size) for size in sizes]
    assert [m.shape[1] for m in maps] == list(backbone.channels)
    assert backbone.strides == tuple(min(s, stride) for s in (2, 4, 8, 16, 32))


@pytest.mark.parametrize("depth", [18, 50])
def test_cell_15_of_31_looks_at_pixel_127(depth):
    """Averages for maxima and positive weights: the gradient is the receptive field itself."""
    backbone = build(depth, outputs=["conv3", "conv4", "conv5"]).double()
    backbone.maxpool = nn.AvgPool2d(3, 2, 0)
    for parameter in backbone.parameters():
        if parameter.ndim == 4:
            nn.init.constant_(parameter, 1 / parameter[0].numel())
    images = (backbone.mean + backbone.std).expand(1, 3, 255, 255).clone().requires_grad_()
    for feature in backbone(images):
        (gradient,) = torch.autograd.grad(feature[0, :, 15, 15].sum(), images, retain_graph=True)
        field = gradient[0].sum(0)  # (255, 255)
        touched = field.sum(0).nonzero().flatten()
        assert touched.min() + touched.max() == 2 * 127
        assert touched.max() < 254
        for mirrored in (field.flip(0), field.flip(1), field.T):
            torch.testing.assert_close(field, mirrored)


@pytest.mark.parametrize("stride", [4, 8, 16])
def test_mirrored_pictures_give_mirrored_maps(stride):
    """At input 255 the grid is symmetric about the centre pixel, the real max-pool included."""
    backbone = build(stride=stride).double()
    for parameter in backbone.parameters():
        if parameter.ndim == 4:
            parameter.data = (parameter + parameter.flip(3)) / 2
    images = pictures(255)[:, :, :63].double()
    with torch.no_grad():
        for plain, mirrored in zip(backbone(images), backbone(images.flip(3)), strict=True):
            torch.testing.assert_close(plain.flip(3), mirrored)


@pytest.mark.parametrize("depth", [18, 50])
def test_dilated_maps_hold_the_strided_ones(depth):
    strided = build(depth, stride=32)
    images = pictures(255)
    with torch.no_grad():
        conv3, conv4, conv5 = strided(images)[2:]
        dense = with_weights_of(strided, depth=depth, stride=8, dilated=True)
        maps = dense(images)[2:]
        torch.testing.assert_close(maps[0], conv3)
        torch.testing.assert_close(maps[1][..., ::2, ::2], conv4, rtol=0, atol=1e-3)
        torch.testing.assert_close(maps[2][..., ::4, ::4], conv5, rtol=0, atol=1e-3)
        finer = with_weights_of(strided, depth=depth, stride=4, dilated=True)(images)[2]
        torch.testing.assert_close(finer[..., 1::2, 1::2], conv3, rtol=0, atol=1e-3)
    dilations = {
        name: {
            m.dilation[0]
            for m in dense.get_submodule(name).modules()
            if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)
        }
        for name in ("layer2", "layer3", "layer4")
    }
    assert dilations == {"layer2": {1}, "layer3": {1, 2}, "layer4": {2, 4}}


def test_without_dilation_only_strides_change():
    backbone = build(50, stride=8)
    kernels = [m for m in backbone.modules() if isinstance(m, nn.Conv2d)]
    assert {m.dilation for m in kernels} == {(1, 1)}
    assert [m.stride for m in kernels].count((2, 2)) == 3  # conv1, conv3_1 and its shortcut


@pytest.mark.parametrize(
    "depth, names, count",
    [
        (18, ["conv4"], 4),
        (18, ["conv2_1"], 2),
        (50, ["conv4"], 6),
        (50, ["conv4_1"], 1),
        (50, ["conv3", "conv4", "conv5"], 13),
        (50, [], 0),
    ],
)
def test_deformable_convolutions_start_as_the_plain_ones(depth, names, count):
    plain = build(depth)
    backbone = with_weights_of(plain, depth=depth, deformable=names)
    new = set(backbone.state_dict()) - set(plain.state_dict())
    assert len(new) == 2 * count
    assert all(key.rsplit(".", 2)[1:] in (["offset", "weight"], ["offset", "bias"]) for key in new)
    if names:
        stage = names[0].split("_")[0]
        layer = {"conv2": "layer1.", "conv3": "layer2.", "conv4": "layer3."}[stage]
        assert any(key.startswith(layer) for key in new)
    images = pictures(96)
    with torch.no_grad():
        for a, b in zip(plain(images), backbone(images), strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=1e-3)


def test_plain_files_load_into_deformable_networks_and_offsets_train(tmp_path):
    path = tmp_path / "resnet18.pt"
    published = models.resnet18()
    torch.save(published.state_dict(), path)
    backbone = build(deformable=["conv4_1"], weights=path, frozen="all")
    trainable = {key for key, p in backbone.named_parameters() if p.requires_grad}
    assert trainable == {f"layer3.0.conv{i}.offset.{n}" for i in (1, 2) for n in ("weight", "bias")}
    torch.save(backbone.state_dict(), path)
    again = build(deformable=["conv4_1"], weights=path, frozen="all")
    assert not any(p.requires_grad for p in again.parameters())
    with pytest.raises(InputError, match=r"4 unexpected: layer3.0.conv1.offset"):
        build(weights=path)


@pytest.mark.parametrize(
    "depth, constructor", [(18, models.resnet18), (34, models.resnet34), (50, models.resnet50)]
)
def test_keys_are_torchvisions(depth, constructor):
    published = constructor().state_dict()
    own = build(depth).state_dict()
    assert {k: v.shape for k, v in own.items()} == {
        k: v.shape for k, v in published.items() if not k.startswith("fc.")
    }


def test_grid_change_leaves_the_network_torchvisions():
    """With the published paddings put back, stride 32 is torchvision's network."""
    published = models.resnet18().eval()
    backbone = build(stride=32)
    state = {k: v for k, v in published.state_dict().items() if not k.startswith("fc.")}
    backbone.load_state_dict(state)
    backbone.conv1.padding, backbone.maxpool.padding = (3, 3), 1
    first = backbone.layer2[0]
    first.conv1.padding = (1, 1)
    first.downsample[0].__class__ = nn.Conv2d
    images = pictures(128)
    x = (images / 255 - torch.tensor([0.485, 0.456, 0.406]).reshape(3, 1, 1)) / torch.tensor(
        [0.229, 0.224, 0.225]
    ).reshape(3, 1, 1)
    with torch.no_grad():
        x = published.maxpool(published.relu(published.bn1(published.conv1(x))))
        for i, feature in enumerate(backbone(images)[1:], start=1):
            x = getattr(published, f"layer{i}")(x)
            torch.testing.assert_close(feature, x, rtol=0, atol=1e-3)


def test_unknown_blocks_and_depths_are_refused():
    for names in (["conv6"], ["conv4_3"], ["conv1"], ["layer3"]):
        with pytest.raises(InputError, match=r"backbone.deformable: \w+: expected among conv2"):
            build(18, deformable=names)
    with pytest.raises(InputError, match=r"backbone.depth: 101: expected among 18, 34, 50"):
        build(101)


def test_stages_beyond_the_deepest_output_may_be_named():
    backbone = build(18, outputs=["conv3"], deformable=["conv4", "conv5_1"])
    assert backbone.state_dict().keys() == build(18, outputs=["conv3"]).state_dict().keys()
