"""Features as they are: levels lie cell upon cell, whatever their grids, and weigh alike."""

import pytest
import torch

from backbones import MobileNetV2
from heads.plain import PlainHead


def spot(cells, column):
    """(1, 1, cells, cells): a spot at (column, column), half as bright around it."""
    profile = torch.zeros(cells)
    profile[[column - 1, column, column + 1]] = torch.tensor([0.5, 1.0, 0.5])
    return torch.outer(profile, profile)[None, None]


def column_of(level):
    """The centre of mass of what is brighter than the rest."""
    bright = (level - level.min()).sum(0)
    return (bright * torch.arange(len(bright))).sum() / bright.sum()


@pytest.mark.parametrize("stride", [4, 8])
@pytest.mark.parametrize(
    ("fine", "coarse", "start"), [(64, 32, 0), (63, 31, 1)], ids=["padded", "unpadded"]
)
def test_levels_lie_cell_upon_cell(stride, fine, coarse, start):
    """Coarse cell m lies on fine cell 2 m + start."""
    levels = [spot(fine, 2 * 13 + start), spot(coarse, 13)]
    features, _ = PlainHead((1, 1), (4, 8), stride)(levels, [])
    side, column = (fine, 2 * 13 + start) if stride == 4 else (coarse, 13)
    assert features.shape == (1, 2, side, side)
    for level in features[0]:
        assert column_of(level).item() == pytest.approx(column, abs=1e-3)


def test_levels_weigh_alike():
    torch.manual_seed(0)
    backbone = MobileNetV2(["block3", "block6"]).eval()
    with torch.no_grad():
        maps = backbone(255 * torch.rand(2, 3, 64, 64))
        maps = [level / level.std() for level in maps]
        features, _ = PlainHead(backbone.channels, backbone.strides)([maps[0], 9 * maps[1]], [])
    for level in features.split(backbone.channels, 1):
        torch.testing.assert_close(level.square().mean((1, 2, 3)), torch.ones(2))
        torch.testing.assert_close(level.mean((2, 3)), torch.zeros(level.shape[:2]))
