"""The max-pool without its stride holds the strided one, and keeps the size of its map."""

import torch
import torch.nn.functional as F

from backbones.pooling import UnstridedMaxPool2d


def test_two_by_two():
    x = torch.randn(1, 2, 9, 12).relu()
    pooled = UnstridedMaxPool2d(2)(x)
    assert pooled.shape == x.shape
    torch.testing.assert_close(pooled[..., :8:2, ::2], F.max_pool2d(x, 2, 2), rtol=0, atol=0)
    assert pooled[0, 0, 8, 11] == x[0, 0, 8, 11]
    assert pooled[0, 0, 4, 11] == x[0, 0, 4:6, 11].max()


def test_three_by_three():
    x = torch.randn(1, 2, 13, 17).relu()
    pooled = UnstridedMaxPool2d(3)(x)
    assert pooled.shape == x.shape
    torch.testing.assert_close(pooled[..., 1:-1:2, 1:-1:2], F.max_pool2d(x, 3, 2), rtol=0, atol=0)
    assert pooled[0, 0, 0, 0] == x[0, 0, :2, :2].max()


def test_dilated_it_sees_every_second_cell():
    x = torch.randn(1, 2, 13, 17).relu()
    pooled = UnstridedMaxPool2d(3, dilation=2)(x)
    assert pooled.shape == x.shape
    for row, column in ((0, 0), (5, 6), (12, 16)):
        rows = [i for i in (row - 2, row, row + 2) if 0 <= i < 13]
        columns = [i for i in (column - 2, column, column + 2) if 0 <= i < 17]
        seen = x[0, 1][rows][:, columns]
        assert pooled[0, 1, row, column] == seen.max()
