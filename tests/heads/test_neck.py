import pytest
import torch

from heads.neck import Align, Neck
from ops.errors import InputError


def test_levels_come_to_one_stride():
    """A finer, an equal and a coarser level; grids of 127 pixels, padded."""
    neck = Neck((4, 6, 8), (4, 8, 16), stride=8, out_channels=10)
    levels = [torch.randn(2, 4, 32, 32), torch.randn(2, 6, 16, 16), torch.randn(2, 8, 8, 8)]
    assert [tuple(level.shape) for level in neck.align(levels)] == [
        (2, 4, 16, 16),
        (2, 6, 16, 16),
        (2, 8, 16, 16),
    ]
    assert neck(levels).shape == (2, 10, 16, 16)
    assert torch.equal(neck.align(levels)[1], levels[1])  # as it is
    neck(levels).sum().backward()
    assert all(parameter.grad.any() for parameter in neck.parameters())


@pytest.mark.parametrize(("fine", "coarse", "first"), [(63, 31, 1), (31, 15, 1), (64, 32, 0)])
def test_a_finer_level_lies_cell_upon_cell(fine, coarse, first):
    """RAR's grid has 63 cells at stride 4 and 31 at 8, whose cell m lies on 2 m + 1."""
    align = Align((1, 1), (4, 8), stride=8)
    with torch.no_grad():
        align.reduce[0].weight.zero_()[..., 1, 1] = 1  # passes the cell that it stands on
        align.reduce[0].bias.zero_()
    ramp = torch.arange(float(fine)).expand(1, 1, fine, fine)
    found = align([ramp, torch.zeros(1, 1, coarse, coarse)])[0]
    torch.testing.assert_close(found[0, 0, 0], 2 * torch.arange(float(coarse)) + first)


@pytest.mark.parametrize(("stride", "cells"), [(4, 32), (8, 16), (16, 16), (32, 16)])
def test_a_single_level_of_any_stride(stride, cells):
    side = {4: 32, 8: 16, 16: 8, 32: 4}[stride]
    assert Neck((3,), (stride,), 8, 5)([torch.randn(1, 3, side, side)]).shape == (1, 5, 16, 16)


def test_strides_that_do_not_fit_are_named():
    with pytest.raises(InputError, match="head.stride=8"):
        Neck((3, 3), (8, 12))
