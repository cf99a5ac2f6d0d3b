"""RASNet's equations, computed once more cell by cell from the head's weights."""

import numpy as np
import pytest
import torch

from heads.rasnet import RASNetHead
from heads.rasnet.attention import Attention, ResidualAttention
from ops.errors import InputError

NONE = {"general": False, "residual": False, "channel": False}


def relu(x):
    return np.maximum(x, 0)


def convolve(x, weight, bias):
    """Same-size convolution of (C, h, w) by loops over cells."""
    pad = weight.shape[2] // 2
    padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
    result = np.zeros((len(weight), *x.shape[1:]))
    for o, r, c in np.ndindex(result.shape):
        window = padded[:, r : r + 2 * pad + 1, c : c + 2 * pad + 1]
        result[o, r, c] = (window * weight[o]).sum() + bias[o]
    return result


def hourglass(exemplar, weights):
    """6-3-1-3-6, Fig. 3, of one exemplar (C, 6, 6): (6, 6)."""

    def layer(name, x):
        return convolve(x, weights[f"residual.{name}.weight"], weights[f"residual.{name}.bias"])

    whole = relu(layer("reduce", exemplar))
    half = np.zeros((len(whole), 3, 3))
    for c, i, j in np.ndindex(half.shape):
        half[c, i, j] = whole[c, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].max()
    half = relu(layer("encode", half))
    point = relu(layer("bottom", half.max((1, 2), keepdims=True)))
    half = relu(layer("decode", half + point))
    enlarged = half.repeat(2, 1).repeat(2, 2)
    return layer("output", relu(layer("refine", whole + enlarged)))[0]


def channel_weights(exemplar, weights):
    """Section 3.4 of one exemplar (C, 6, 6): (C,)."""
    pooled = exemplar.mean((1, 2))
    hidden = relu(weights["channel.reduce.weight"] @ pooled + weights["channel.reduce.bias"])
    x = weights["channel.increase.weight"] @ hidden + weights["channel.increase.bias"]
    return 1 / (1 + np.exp(-x))


def test_equations_8_and_9_cell_by_cell():
    torch.manual_seed(0)
    head = RASNetHead((8,), (8,), reduction=2, scale=0.5).double()
    with torch.no_grad():
        head.attention.general.weights.normal_()
        head.attention.residual.output.weight.mul_(10)
        head.bias.fill_(0.25)
    exemplars, searches = torch.randn(2, 8, 6, 6).double(), torch.randn(4, 8, 8, 8).double()
    with torch.no_grad():
        found = head(head.template([exemplars]), [searches]).numpy()  # (2, 2, 3, 3)
    weights = {k: v.detach().numpy() for k, v in head.attention.named_parameters()}
    for b in range(2):
        z = exemplars[b].numpy()
        rho = weights["general.weights"] + hourglass(z, weights)
        beta = channel_weights(z, weights)
        for n, p, q in np.ndindex(2, 3, 3):
            x = searches[2 * b + n].numpy()
            total = sum(
                rho[i, j] * beta[c] * z[c, i, j] * x[c, p + i, q + j]
                for c, i, j in np.ndindex(8, 6, 6)
            )
            assert np.isclose(found[b, n, p, q], 0.5 * total + 0.25, atol=1e-10)


def test_paper_sizes():
    head = RASNetHead((256,), (8,))
    assert head.attention.general.weights.numel() == 36
    assert (head.attention.general.weights == 1).all()
    assert head.attention.channel.reduce.weight.shape == (64, 256)
    sides = []
    for name in ("reduce", "encode", "bottom", "decode", "refine", "output"):
        layer = getattr(head.attention.residual, name)
        layer.register_forward_hook(lambda _, __, out: sides.append(tuple(out.shape[2:])))
    with torch.no_grad():
        kernels = head.template([torch.randn(2, 256, 6, 6)])
        responses = head(kernels, [torch.randn(6, 256, 22, 22)])
    assert sides == [(s, s) for s in (6, 3, 1, 3, 6, 6)]
    assert kernels.shape == (2, 256, 6, 6) and responses.shape == (2, 3, 17, 17)


def test_siamfc_is_the_plain_correlation_and_a_bias():
    head = RASNetHead((4,), (8,), **NONE)
    assert [name for name, _ in head.named_parameters()] == ["bias"]
    exemplar = torch.randn(3, 4, 6, 6)
    assert torch.equal(head.template([exemplar]), exemplar)
    responses = head(exemplar, [exemplar])
    assert torch.allclose(responses.flatten(), 1e-3 * exemplar.square().sum((1, 2, 3)))


@pytest.mark.parametrize("left_out", ["general", "residual", "channel"])
def test_an_ablation_leaves_its_weights_out(left_out):
    full, without = Attention(8), Attention(8, **{left_out: False})
    expected = {n for n in full.state_dict() if not n.startswith(f"{left_out}.")}
    assert set(without.state_dict()) == expected


def test_general_attention_starts_as_siamfc():
    exemplar = torch.randn(2, 8, 6, 6)
    assert torch.equal(Attention(8, residual=False, channel=False)(exemplar), exemplar)
    full = Attention(8, **NONE, full=True)
    assert full.full.weights.shape == (8, 6, 6)
    assert torch.equal(full(exemplar), exemplar)
    with torch.no_grad():
        full.full.weights.normal_()
    assert torch.equal(full(exemplar), exemplar * full.full.weights)


@pytest.mark.parametrize("general", [True, False])
def test_residual_attention_starts_near_zero(general):
    """rho = 1 + a little, also without general attention."""
    torch.manual_seed(0)
    attention = Attention(64, general=general, channel=False)
    exemplar = torch.randn(4, 64, 6, 6)
    rho = attention(exemplar) / exemplar
    assert 0 < (rho - 1).abs().max() < 0.1
    assert torch.allclose(rho, rho[:, :1].expand_as(rho), atol=1e-4)


@pytest.mark.parametrize("beside", ["general", "residual", "channel"])
def test_full_attention_beside_another_is_refused(beside):
    with pytest.raises(InputError, match="head.full=true: expected general, residual and channel"):
        RASNetHead((8,), (8,), **{**NONE, beside: True}, full=True)


@pytest.mark.parametrize("side", [2, 3, 4, 5, 7])
def test_the_hourglass_takes_any_size(side):
    assert ResidualAttention(8)(torch.randn(2, 8, side, side)).shape == (2, side, side)


@pytest.mark.parametrize("full", [False, True])
def test_a_smaller_exemplar_takes_the_centre_of_the_general_attention(full):
    attention = Attention(4, **{**NONE, "general": not full}, full=full)
    general = attention.full if full else attention.general
    with torch.no_grad():
        general.weights.normal_()
    exemplar = torch.randn(1, 4, 4, 4)
    assert torch.equal(attention(exemplar), exemplar * general.weights[..., 1:5, 1:5])


def test_the_exemplar_is_cut_to_its_centre():
    head = RASNetHead((4,), (8,), **NONE)
    levels = torch.randn(2, 4, 16, 16)
    assert torch.equal(head.template([levels]), levels[..., 5:11, 5:11])
    assert head(head.template([levels]), [torch.randn(2, 4, 32, 32)]).shape == (2, 1, 27, 27)


@pytest.mark.parametrize("kind", ["rasnet", "full"])
@pytest.mark.parametrize("strides", [(8,), (4, 8), (4,)])
def test_every_weight_gets_a_gradient(strides, kind):
    torch.manual_seed(0)
    options = {**NONE, "full": True} if kind == "full" else {}
    head = RASNetHead((6,) * len(strides), strides, **options)

    def levels(batch, cells):
        return [torch.randn(batch, 6, cells * 8 // s, cells * 8 // s) for s in strides]

    responses = head(head.template(levels(2, 8)), levels(4, 16))
    assert responses.shape == (2, 2, 11, 11)
    (responses * torch.randn_like(responses)).sum().backward()
    without = [n for n, p in head.named_parameters() if p.grad is None or not p.grad.any()]
    assert not without


@pytest.mark.parametrize("size", [0.1, 1.0, 100.0])
def test_a_neck_makes_features_of_unit_variance(size):
    """So that 1e-3 suits every backbone: a match of 6 x 6 x 256 cells is worth about 9."""
    torch.manual_seed(0)
    head = RASNetHead((16, 32), (4, 8), **NONE)
    levels = [size * torch.rand(8, 16, 32, 32), size * torch.rand(8, 32, 16, 16)]
    kernels = head.template(levels)
    match = head(kernels, levels)[:, 0, 5, 5]
    assert torch.allclose(match, torch.full((8,), 9.2), rtol=0.2)
