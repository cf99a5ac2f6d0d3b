"""The deformable convolution against its definition."""

import torch
from torch import nn
from torch.nn import functional as F

from ops.deformable import DeformableConv2d


def test_offsets_move_the_taps():
    """Each tap reads the bilinear value where its offset points; a plain loop says so."""
    torch.manual_seed(0)
    plain = nn.Conv2d(2, 3, 3, padding=1, bias=False).double()
    layer = DeformableConv2d(plain).double()
    x = torch.randn(1, 2, 7, 7).double()
    nn.init.normal_(layer.offset.bias, std=0.7)  # the same offsets in every cell
    out = layer(x)
    dy, dx = layer.offset.bias.reshape(9, 2).T.detach()

    def value(row, column):  # (2,), zero outside
        if 0 <= row < 7 and 0 <= column < 7:
            return x[0, :, row, column]
        return torch.zeros(2).double()

    for row, column in ((3, 3), (2, 4), (0, 0), (6, 5)):
        expected = torch.zeros(3).double()
        for tap in range(9):
            y, z = row + tap // 3 - 1 + dy[tap].item(), column + tap % 3 - 1 + dx[tap].item()
            top, left = int(y // 1), int(z // 1)
            for r, wy in ((top, top + 1 - y), (top + 1, y - top)):
                for c, wx in ((left, left + 1 - z), (left + 1, z - left)):
                    expected += plain.weight[:, :, tap // 3, tap % 3] @ value(r, c) * (wy * wx)
        torch.testing.assert_close(out[0, :, row, column], expected)


def test_geometry_of_the_plain_convolution_is_kept():
    torch.manual_seed(0)
    x = torch.randn(2, 4, 15, 17)
    for options in ({"stride": 2, "padding": 0}, {"padding": 2, "dilation": 2}, {"padding": 1}):
        plain = nn.Conv2d(4, 6, 3, bias=False, **options)
        torch.testing.assert_close(DeformableConv2d(plain)(x), plain(x), rtol=1e-4, atol=1e-5)


def test_offsets_are_placed_in_float32_under_autocast():
    """A whole-cell offset far from the origin stays exact, which bfloat16 coordinates are not."""
    torch.manual_seed(0)
    layer = DeformableConv2d(nn.Conv2d(1, 1, 3, padding=1, bias=False))
    nn.init.constant_(layer.offset.bias, 0.25)
    x = torch.arange(400.0).reshape(1, 1, 1, 400).expand(1, 1, 400, 400) / 400
    nn.init.constant_(layer.weight, 1 / 9)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        out = layer(x)
    assert out.dtype == torch.bfloat16
    expected = F.pad(x[0, 0, 200, 300:301] + 0.25 / 400, (0, 0))
    torch.testing.assert_close(out[0, 0, 200, 300:301].float(), expected, rtol=4e-3, atol=0)
