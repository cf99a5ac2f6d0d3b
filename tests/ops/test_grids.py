"""Levels whose values are the pixels that their cells look at: in register they say the same."""

import pytest
import torch

from ops.grids import align, grid_size, upsample


def places(cells, stride, first):
    """(1, 2, cells, cells): row and column in pixels of cells at stride m + first."""
    axis = stride * torch.arange(cells, dtype=torch.float32) + first
    return torch.stack(torch.meshgrid(axis, axis, indexing="ij"))[None]


# fine cells, their stride and first pixel; coarse ones. Unpadded grids (RAR's) and padded ones.
GRIDS = [
    ((63, 4, 3), (31, 8, 7)),
    ((31, 4, 3), (15, 8, 7)),
    ((63, 4, 3), (15, 16, 15)),
    ((64, 4, 0), (32, 8, 0)),
    ((63, 4, 0), (32, 8, 0)),
    ((24, 4, 0), (6, 16, 0)),
    ((25, 4, 0), (7, 16, 0)),
]


@pytest.mark.parametrize(("fine", "coarse"), GRIDS)
def test_a_finer_level_is_thinned_onto_the_coarse_cells(fine, coarse):
    factor = coarse[1] // fine[1]
    size = (coarse[0], coarse[0])
    found = align(places(*fine), lambda x: x[..., ::factor, ::factor], fine[1], coarse[1], size)
    torch.testing.assert_close(found, places(*coarse))


@pytest.mark.parametrize(("fine", "coarse"), GRIDS)
def test_a_coarser_level_is_read_where_the_fine_cells_are(fine, coarse):
    """Between the outermost coarse cells; beyond them it goes on as it ends."""
    found = upsample(places(*coarse), coarse[1] // fine[1], (fine[0], fine[0]))
    last = coarse[1] * (coarse[0] - 1) + coarse[2]
    torch.testing.assert_close(found, places(*fine).clamp(coarse[2], last))


def test_an_operation_comes_before_upsampling_and_after_thinning():
    seen = []

    def spy(x):
        seen.append(tuple(x.shape[-2:]))
        return x

    align(places(15, 16, 15), spy, 16, 8, (31, 31))
    align(places(31, 8, 7), spy, 8, 8, (31, 31))
    align(places(63, 4, 3), spy, 4, 8, (31, 31))
    assert seen == [(15, 15), (31, 31), (62, 62)]


@pytest.mark.parametrize(
    ("sizes", "strides", "expected"),
    [
        ([(64, 64), (31, 32), (16, 16)], [4, 8, 16], (31, 32)),
        ([(31, 30)], [4], (16, 15)),
        ([(16, 8), (8, 4)], [16, 32], (32, 16)),
    ],
)
def test_the_grid_is_the_level_with_the_stride_or_the_finest(sizes, strides, expected):
    assert grid_size(sizes, strides, 8) == expected
