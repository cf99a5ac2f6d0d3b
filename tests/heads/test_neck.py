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


def test_an_unpadded_grid_keeps_its_size():
    """RAR's grid at 255: 63 cells at stride 4, 31 at 8; a strided 3x3 would make 32 of the 63."""
    align = Align((4, 6), (4, 8), stride=8)
    aligned = align([torch.randn(1, 4, 63, 63), torch.randn(1, 6, 31, 31)])
    assert [tuple(level.shape[-2:]) for level in aligned] == [(31, 31)] * 2


@pytest.mark.parametrize(("stride", "cells"), [(4, 32), (8, 16), (16, 16), (32, 16)])
def test_a_single_level_of_any_stride(stride, cells):
    side = {4: 32, 8: 16, 16: 8, 32: 4}[stride]
    assert Neck((3,), (stride,), 8, 5)([torch.randn(1, 3, side, side)]).shape == (1, 5, 16, 16)


def test_strides_that_do_not_fit_are_named():
    with pytest.raises(InputError, match="head.stride=8"):
        Neck((3, 3), (8, 12))
