"""RAR's equations 3 to 7, computed once more cell by cell from the module's weights."""

import numpy as np
import pytest
import torch

from heads.rar import RARHead
from heads.rar.attention import HierarchicalAttention, LSTMState
from heads.rar.refinement import Refinement, Unrefined
from ops.errors import InputError


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def convolve(x, weight, bias=None):
    """Same-size convolution (C, H, W) by loops over cells; kernels are odd."""
    outputs, _, k, _ = weight.shape
    pad = k // 2
    x = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
    result = np.zeros((outputs, x.shape[1] - 2 * pad, x.shape[2] - 2 * pad))
    for o in range(outputs):
        for r in range(result.shape[1]):
            for c in range(result.shape[2]):
                result[o, r, c] = (x[:, r : r + k, c : c + k] * weight[o]).sum()
        if bias is not None:
            result[o] += bias[o]
    return result


def by_hand(module, phi, cell, hidden):
    """(phi^a, c_t, h_t) of one patch, from Eq. 3-7 as they are written."""
    w = {name: value.detach().numpy() for name, value in module.named_parameters()}
    gates = convolve(phi, w["lstm.input.weight"], w["lstm.input.bias"])
    gates += convolve(hidden, w["lstm.hidden.weight"])
    f, i, o, content = np.split(gates, 4)
    new_cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(content)
    new_hidden = sigmoid(o) * np.tanh(new_cell)
    # Eq. 4: h^c of the previous frame, h^s of this one
    pooled = hidden.mean((1, 2))
    h_c = sigmoid(w["channel.inter_frame.weight"] @ pooled + w["channel.inter_frame.bias"])
    h_s = sigmoid(
        convolve(new_hidden, w["spatial.inter_frame.weight"], w["spatial.inter_frame.bias"])
    )
    # Eq. 5
    phi_c = phi.mean((1, 2)) + phi.max((1, 2))
    theta = np.tanh(
        w["channel.feature.weight"] @ phi_c
        + w["channel.feature.bias"]
        + w["channel.hidden.weight"] @ h_c
    )
    psi_c = sigmoid(w["channel.output.weight"] @ theta + w["channel.output.bias"])
    # Eq. 6
    phi_s = (phi.mean(0) + phi.max(0))[None]
    theta = np.tanh(
        convolve(phi_s, w["spatial.feature.weight"], w["spatial.feature.bias"])
        + convolve(h_s, w["spatial.hidden.weight"])
    )
    psi_s = sigmoid(convolve(theta, w["spatial.output.weight"], w["spatial.output.bias"]))
    return phi * psi_s * psi_c[:, None, None] + phi, new_cell, new_hidden


def test_the_equations_cell_by_cell():
    torch.manual_seed(0)
    module = HierarchicalAttention(32, hidden_channels=3).double()
    features = torch.randn(4, 32, 5, 6).double()  # 2 targets, 2 patches of each
    state = LSTMState(torch.randn(2, 3, 5, 6).double(), torch.randn(2, 3, 5, 6).double())
    attended, after = module(features, state)
    for patch in range(4):
        cell, hidden = (memory[patch // 2].numpy() for memory in (state.cell, state.hidden))
        expected = by_hand(module, features[patch].numpy(), cell, hidden)
        found = (attended[patch], after.cell[patch], after.hidden[patch])
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_allclose(ours.detach().numpy(), theirs, atol=1e-10)


@pytest.mark.parametrize("missing", ["inter_frame", "channel", "spatial"])
def test_an_ablation_leaves_its_weights_out(missing):
    full = HierarchicalAttention(32, 4)
    module = HierarchicalAttention(32, 4, **{missing: False})
    left_out = {
        "inter_frame": ("lstm.", "channel.inter_frame", "channel.hidden", "spatial.inter_frame",
                        "spatial.hidden"),
        "channel": ("channel.",),
        "spatial": ("spatial.",),
    }[missing]  # fmt: skip
    expected = {name for name in full.state_dict() if not name.startswith(left_out)}
    assert set(module.state_dict()) == expected
    features = torch.randn(6, 32, 5, 5)
    attended, after = module(features, module.initial_state(2, 5, 5))
    assert attended.shape == features.shape and not torch.equal(attended, features)
    assert len(after.cell) == 6


def test_without_any_attention_features_pass():
    module = HierarchicalAttention(32, 4, inter_frame=False, channel=False, spatial=False)
    features = torch.randn(4, 32, 5, 5)
    attended, after = module(features, module.initial_state(2, 5, 5))
    assert torch.equal(attended, features)
    assert len(after.hidden) == 4 and not list(module.parameters())


def test_refinement_brings_levels_to_its_stride():
    refinement = Refinement((4, 6, 8), (4, 8, 16), stride=8, width=10, out_channels=3)
    levels = [torch.randn(2, 4, 32, 32), torch.randn(2, 6, 16, 16), torch.randn(2, 8, 8, 8)]
    assert refinement(levels).shape == (2, 3, 16, 16)
    # ResNet's conv2 and conv3 at 255: the grid is conv3's own, not that of conv2 halved
    refinement = Refinement((4, 6), (4, 8), stride=8, width=10, out_channels=3)
    assert refinement([torch.randn(1, 4, 63, 63), torch.randn(1, 6, 31, 31)]).shape[-1] == 31


def test_refinement_starts_as_a_projection_of_the_features():
    """What the filter correlates, inner products of cells, is at first that of the level itself."""
    features = torch.randn(2, 6, 5, 5)
    products = torch.einsum("bchw,bcij->bhwij", features, features)
    flat = Unrefined((6,), (8,), 8, out_channels=8)([features])
    torch.testing.assert_close(torch.einsum("bchw,bcij->bhwij", flat, flat), products)
    # Through the refinement it is that of the rectified laterals, which are projections.
    refinement = Refinement((6,), (8,), stride=8, width=8, out_channels=8)
    lateral = refinement.laterals[0](features)
    torch.testing.assert_close(lateral.norm(dim=1), features.norm(dim=1))
    turn = refinement.merges[0].weight[:, :, 1, 1]
    rectified = torch.einsum("oc,bchw->bohw", turn, lateral).relu()
    torch.testing.assert_close(refinement([features]).norm(dim=1), rectified.norm(dim=1))


@pytest.mark.parametrize(
    ("strides", "stride", "expected"),
    [((8,) * 3, None, 8), ((4, 8), None, 8), ((16, 32), None, 16), ((4,), None, 4), ((4, 8), 4, 4)],
)
def test_stride_of_the_representation(strides, stride, expected):
    assert RARHead((8,) * len(strides), strides, stride, 4, 8, 8).stride == expected


@pytest.mark.parametrize(
    ("strides", "stride"), [((8, 8, 8), 4), ((4, 8), 6), ((4, 8), 2), ((4, 8), 0)]
)
def test_a_stride_that_the_levels_do_not_have_is_refused(strides, stride):
    with pytest.raises(InputError, match=f"head.stride={stride}"):
        RARHead((8,) * len(strides), strides, stride, 4, 8, 8)


def test_paper_sizes():
    """ResNet-50's levels at 255: what the head has of weights, counted by hand."""
    head = RARHead((512, 1024, 2048), (8, 8, 8))
    lstm = sum(4 * 128 * (c + 1) + 4 * 128 * 128 * 9 for c in (512, 1024, 2048))
    assert sum(p.numel() for a in head.attentions for p in a.lstm.parameters()) == lstm
    refinement = sum(256 * (c + 1) for c in (512, 1024, 2048))
    refinement += 3 * (256 * 256 * 9 + 256) + 64 * 256 * 9  # the last has no bias
    assert sum(p.numel() for p in head.refinement.parameters()) == refinement


def test_without_refinement_one_level_goes_straight_into_the_filter():
    head = RARHead((12,), (8,), out_channels=5, hidden_channels=4, refined=False)
    refined = RARHead((12,), (8,), out_channels=5, hidden_channels=4)
    assert head.stride == 8
    extra = set(refined.state_dict()) - set(head.state_dict())
    assert extra and all(name.startswith("refinement.") for name in extra)
    level = torch.randn(2, 12, 6, 7)
    features, _ = head([level], head.initial_state([level], 2))
    attended, _ = head.attentions[0](level, head.attentions[0].initial_state(2, 6, 7))
    weights, zeros = head.refinement.output.weight, torch.zeros(5)
    for patch in range(2):
        by_loops = convolve(*(x.detach().numpy() for x in (attended[patch], weights, zeros)))
        np.testing.assert_allclose(features[patch].detach().numpy(), by_loops, atol=1e-5)


@pytest.mark.parametrize(
    ("strides", "stride", "words"),
    [((8, 8), None, "head.refined=false"), ((8,), 16, "head.stride=16")],
)
def test_without_refinement_there_is_one_level_and_its_stride(strides, stride, words):
    with pytest.raises(InputError, match=words):
        RARHead((12,) * len(strides), strides, stride, refined=False)
