"""HROM's head against Eq. 3 to 6, written out once more."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from heads.hrom import ChannelMask, HROMHead, Representation, SpatialMask
from ops.errors import InputError
from trackers.base import join, select

HRNET = {"channels": (18, 36, 72), "strides": (4, 8, 8)}
OFF = {"channel_mask": False, "spatial_mask": False, "deformable": False}


def levels(batch, pixels, channels=(18, 36, 72), strides=(4, 8, 8), seed=0):
    """What a padded backbone would give of crops of `pixels`."""
    generator = torch.Generator().manual_seed(seed)
    sides = [-(-pixels // stride) for stride in strides]
    return [
        torch.randn(batch, c, side, side, generator=generator)
        for c, side in zip(channels, sides, strict=True)
    ]


def small_head(**settings):
    torch.manual_seed(0)
    settings = {"out_channels": 32, "hidden": 8, **settings}
    return HROMHead(**{**HRNET, **settings}).eval()


# ---------------------------------------------------------------------- representation


@torch.no_grad()
def test_representation_of_an_hrnet():
    """Section 3.2 and Eq. 3; R4 as the decision has it."""
    torch.manual_seed(0)
    module = Representation(**HRNET).eval()
    w = dict(module.named_parameters())
    r1, r2, r3 = levels(2, 127)
    assert [tuple(r.shape[-2:]) for r in (r1, r2, r3)] == [(32, 32), (16, 16), (16, 16)]
    r4 = F.conv2d(r1, w["context.transforms.0.weight"], stride=2, padding=1)
    for r, index in ((r2, 1), (r3, 2)):
        weight = w[f"context.transforms.{index}.weight"]
        assert weight.shape == (8 * 18, r.shape[1], 3, 3)
        r4 = r4 + F.conv2d(r, weight, padding=4, dilation=4)
    norm = module.context.norm
    nn.init.uniform_(norm.running_mean)
    nn.init.uniform_(norm.running_var, 0.5, 2)
    mean, variance = norm.running_mean.view(-1, 1, 1), norm.running_var.view(-1, 1, 1)
    r4 = ((r4 - mean) / (variance + 1e-5).sqrt()).clamp(min=0)
    fine = module.neck.align.reduce[0]
    assert (fine.stride, fine.kernel_size, fine.out_channels) == ((2, 2), (3, 3), 18)
    whole = torch.cat([fine(r1), r2, r3, r4], 1)
    expected = torch.einsum("oc,bchw->bohw", w["neck.mix.weight"][:, :, 0, 0], whole)
    expected += w["neck.mix.bias"].view(-1, 1, 1)
    found = module([r1, r2, r3])
    assert found.shape == (2, 256, 16, 16)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("names", ["R2", ["R2", "R3"], ["R3", "R1"], ["R4"], ["R2", "R4"]])
def test_only_the_named_levels_are_computed(names):
    module, names = Representation(**HRNET, names=names), [names] if names == "R2" else names
    maps = [level.requires_grad_() for level in levels(2, 127)]
    module(maps).sum().backward()
    used = [level.grad is not None and bool(level.grad.any()) for level in maps]
    assert used == ["R4" in names or f"R{number}" in names for number in (1, 2, 3)]
    parts = {name.split(".")[0] for name, _ in module.named_parameters()}
    assert parts == ({"neck", "context"} if "R4" in names else {"neck"})
    strided = any(name.startswith("neck.align") for name, _ in module.named_parameters())
    assert strided == ("R1" in names)
    width = dict(zip(("R1", "R2", "R3", "R4"), (18, 36, 72, 144), strict=True))
    assert module.neck.mix.in_channels == sum(width[name] for name in names)
    assert all(p.grad is not None and p.grad.any() for p in module.parameters())


def test_all_levels_by_name_are_the_default():
    torch.manual_seed(0)
    default = Representation(**HRNET)
    torch.manual_seed(0)
    named = Representation(**HRNET, names=["R1", "R2", "R3", "R4"])
    maps = levels(1, 95)
    assert torch.equal(default(maps), named(maps))


@pytest.mark.parametrize("names", [["R5"], ["R1", "r2"], [], "R23"])
def test_unknown_levels(names):
    with pytest.raises(InputError, match=r"head.representation.* R1, R2, R3, R4"):
        Representation(**HRNET, names=names)


@pytest.mark.parametrize(
    ("channels", "context"), [((3,), 24), ((18, 36, 72), 144), ((48, 96), 384), ((512, 8), 512)]
)
def test_context_channels(channels, context):
    module = Representation(channels, (8,) * len(channels))
    assert module.context.norm.num_features == context
    module = Representation(channels, (8,) * len(channels), context_channels=7)
    assert module.context.norm.num_features == 7


@pytest.mark.parametrize(
    ("channels", "strides", "sides", "expected"),
    [
        ((3,), (4,), (31,), 16),
        ((8, 8), (4, 8), (31, 15), 15),  # grids that differ by a cell
        ((8, 8, 8, 8), (4, 8, 16, 32), (32, 16, 8, 4), 16),  # an HRNet as published
        ((8,), (16,), (8,), 16),  # nothing as fine
    ],
)
def test_any_backbone_comes_to_the_stride(channels, strides, sides, expected):
    module = Representation(channels, strides, 8, 5)
    maps = [torch.randn(2, c, s, s) for c, s in zip(channels, sides, strict=True)]
    assert module(maps).shape == (2, 5, expected, expected)


# ---------------------------------------------------------------------- masks


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@torch.no_grad()
def test_channel_mask_by_hand():
    torch.manual_seed(0)
    mask, features = ChannelMask(256), torch.randn(2, 256, 3, 4)
    w = {name: value.numpy() for name, value in mask.named_parameters()}
    assert w["mlp.0.weight"].shape == (16, 256)  # reduction 16

    def mlp(x):
        hidden = np.maximum(w["mlp.0.weight"] @ x + w["mlp.0.bias"], 0)
        return w["mlp.2.weight"] @ hidden + w["mlp.2.bias"]

    for found, x in zip(mask(features).numpy(), features.numpy(), strict=True):
        cells = x.reshape(256, -1)
        expected = sigmoid(mlp(cells.mean(1)) + mlp(cells.max(1)))
        np.testing.assert_allclose(found, expected, rtol=1e-4)


@torch.no_grad()
def test_spatial_mask_by_hand():
    torch.manual_seed(0)
    mask, features = SpatialMask(), torch.randn(1, 5, 4, 6)
    weight, bias = mask.convolution.weight[0].numpy(), mask.convolution.bias.item()
    x = features[0].numpy()
    pooled = np.pad(np.stack([x.mean(0), x.max(0)]), ((0, 0), (1, 1), (1, 1)))
    found = mask(features)[0, 0].numpy()
    assert found.shape == (4, 6)
    for row in range(4):
        for column in range(6):
            value = (pooled[:, row : row + 3, column : column + 3] * weight).sum() + bias
            np.testing.assert_allclose(found[row, column], sigmoid(value), rtol=1e-5)


# ---------------------------------------------------------------------- head


def into_branches(head, template, search):
    """What the region proposal network is given of template and search."""
    given = {}
    kernels, forward = head.rpn.kernels, head.rpn.forward

    def record(name, function, position):
        def recorded(*inputs):
            given[name] = inputs[position]
            return function(*inputs)

        return recorded

    head.rpn.kernels = record("template", kernels, 0)
    head.rpn.forward = record("search", forward, 1)
    head(head.template(template), search)
    return given["template"], given["search"]


@torch.no_grad()
def test_equation_6():
    """The template's channel mask on both branches, then a spatial mask of each one's own."""
    head = small_head()
    template, search = levels(2, 127), levels(2, 255, seed=1)
    z, x = head.representation(template)[..., 4:12, 4:12], head.representation(search)
    channel = head.channel_mask(z)[:, :, None, None]
    z, x = z * channel, x * channel
    z, x = z * head.template_mask(z), x * head.search_mask(x)
    found_z, found_x = into_branches(head, template, search)
    torch.testing.assert_close(found_z, z)
    torch.testing.assert_close(found_x, head.deformation(x))
    assert not torch.equal(head.template_mask(z), head.search_mask(z))


@torch.no_grad()
def test_without_modules_the_representation_goes_through():
    head = small_head(**OFF)
    template, search = levels(2, 127), levels(2, 255, seed=1)
    z, x = into_branches(head, template, search)
    assert torch.equal(z, head.representation(template)[..., 4:12, 4:12])
    assert torch.equal(x, head.representation(search))
    names = {name.split(".")[0] for name, _ in head.named_parameters()}
    assert names == {"representation", "rpn"}
    assert (head.template(template).channel_mask == 1).all()


@torch.no_grad()
@pytest.mark.parametrize("module", ["channel_mask", "spatial_mask", "deformable"])
def test_each_module_alone_changes_the_answer(module):
    head = small_head(**{**OFF, module: True})
    plain = small_head(**OFF)
    plain.load_state_dict(head.state_dict(), strict=False)
    if module == "deformable":  # starts as a plain convolution, not as nothing
        assert any("offset" in name for name, _ in head.named_parameters())
    template, search = levels(1, 127), levels(1, 255, seed=1)
    with_it = head(head.template(template), search)
    without = plain(plain.template(template), search)
    assert not torch.allclose(with_it.logits, without.logits, atol=1e-4)


@torch.no_grad()
def test_the_channel_mask_comes_from_the_template_alone():
    head = small_head()
    one, other = levels(1, 127), levels(1, 127, seed=5)
    search = levels(1, 255, seed=1)
    kept = head.template(one)
    mask = kept.channel_mask.clone()
    head(kept, search)
    head(kept, levels(1, 255, seed=2))
    assert torch.equal(kept.channel_mask, mask)
    assert not torch.allclose(head.template(other).channel_mask, mask)
    # It reaches the search: the same kernels under another mask answer otherwise.
    changed = type(kept)(kept.kernels, head.template(other).channel_mask)
    assert not torch.allclose(head(kept, search).logits, head(changed, search).logits, atol=1e-6)


class First(nn.Module):
    def forward(self, maps):
        return maps[0]


@torch.no_grad()
def test_of_the_template_only_the_centre_counts():
    head = small_head()
    head.representation = First()
    features = torch.randn(1, 32, 16, 16)
    kept = head.template([features])
    assert kept.kernels.classification.shape == (1, 8, 8, 8)
    outer, inner = features.clone(), features.clone()
    outer[..., :4, :] += 1
    outer[..., 12:] += 1
    inner[..., 4, 11] += 1
    assert torch.equal(head.template([outer]).kernels.regression, kept.kernels.regression)
    assert torch.equal(head.template([outer]).channel_mask, kept.channel_mask)
    assert not torch.equal(head.template([inner]).kernels.regression, kept.kernels.regression)


@torch.no_grad()
@pytest.mark.parametrize(
    ("template", "search", "cells"), [(127, 255, 25), (63, 127, 9), (95, 159, 13), (47, 127, 11)]
)
def test_sizes(template, search, cells):
    """16 x 16 cells cut to 8 x 8, on 32 x 32: 25 x 25; smaller templates are kept whole."""
    head = small_head()
    proposals = head(head.template(levels(2, template)), levels(2, search))
    assert proposals.cells == cells
    assert proposals.logits.shape == (2, 5 * cells**2, 2)


@torch.no_grad()
def test_the_deformable_convolution_starts_plain_and_can_move_its_taps():
    head = small_head()
    x = torch.randn(1, 32, 9, 9)
    plain = F.conv2d(x, head.deformation.weight, padding=1)
    torch.testing.assert_close(head.deformation(x), plain, rtol=1e-4, atol=1e-5)
    head.deformation.offset.bias.copy_(torch.tensor([0.0, 1.0]).repeat(9))  # (dy, dx) of each tap
    moved = head.deformation(x)
    torch.testing.assert_close(moved[..., 1:-1, 1:-2], plain[..., 1:-1, 2:-1], rtol=1e-4, atol=1e-5)


def test_every_parameter_gets_a_gradient():
    head = small_head().train()
    proposals = head(head.template(levels(2, 127)), levels(2, 255, seed=1))
    (proposals.logits.square().sum() + proposals.offsets.square().sum()).backward()
    assert not [n for n, p in head.named_parameters() if p.grad is None or not p.grad.any()]


@torch.no_grad()
def test_templates_are_selected_joined_and_independent():
    head = small_head()
    template, search = levels(3, 127), levels(3, 255, seed=1)
    whole = head.template(template)
    kept = join([select(whole, torch.tensor([2])), select(whole, slice(0, 2))])
    order = torch.tensor([2, 0, 1])
    assert torch.equal(kept.kernels.classification, whole.kernels.classification[order])
    assert torch.equal(kept.channel_mask, whole.channel_mask[order])
    together = head(whole, search)
    for index in range(3):
        alone = head(head.template([z[index : index + 1] for z in template]),
                     [x[index : index + 1] for x in search])  # fmt: skip
        torch.testing.assert_close(together.logits[index], alone.logits[0], rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(together.offsets[index], alone.offsets[0], rtol=1e-3, atol=1e-4)
