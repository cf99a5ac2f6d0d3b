import pytest
import torch
from torchvision.ops import roi_align

from heads.cract.pooling import PRoIAlign
from ops.errors import InputError

BOXES = torch.tensor(
    [[[40.0, 60, 48, 24], [100, 90, 70.5, 33]], [[31, 31, 127, 127], [90.25, 20, 16, 64]]]
)


def coordinates(cells, stride, crop_size):
    """A map (1, 2, cells, cells) that says where in the crop its cells' centres are, x and y."""
    axis = (crop_size - stride * (cells - 1)) / 2 + stride * torch.arange(cells)
    return torch.stack(torch.meshgrid(axis, axis, indexing="xy"))[None]


def cell_centers(box, sizes):
    """Where the pooled cells of a box should lie: (2, cells)."""
    x, y, w, h = box.tolist()
    places = [
        (x + w * (column + 0.5) / size, y + h * (row + 0.5) / size)
        for size in sizes
        for row in range(size)
        for column in range(size)
    ]
    return torch.tensor(places).T


@pytest.mark.parametrize(("cells", "crop_size"), [(31, 255), (32, 255), (15, 127), (29, 255)])
def test_a_map_of_coordinates_is_pooled_to_the_boxes_cells(cells, crop_size):
    features = coordinates(cells, 8, crop_size).expand(2, -1, -1, -1)
    boxes = BOXES * crop_size / 255
    pooled = PRoIAlign((6, 3, 1), 8)(features, boxes, crop_size)
    assert pooled.shape == (2, 2, 2, 46)
    for b in range(2):
        for n in range(2):
            expected = cell_centers(boxes[b, n], (6, 3, 1))
            assert torch.allclose(pooled[b, n], expected, atol=1e-3)


def test_it_is_several_roialigns_of_the_same_samples():
    features = torch.randn(2, 5, 31, 31, generator=torch.Generator().manual_seed(0))
    pooled = PRoIAlign((6, 3, 1), 8)(features, BOXES, 255)
    parts = pooled.split([36, 9, 1], -1)
    for part, size in zip(parts, (6, 3, 1), strict=True):
        for b in range(2):
            x, y, w, h = BOXES[b].unbind(-1)
            corners = torch.stack([x, y, x + w, y + h], -1)
            rois = (corners - 7.5) / 8 + 0.5  # cell 0 has its centre at pixel 7.5, at 0.5 of a map
            alone = roi_align(features[b : b + 1], [rois], (size, size), 1.0, 12 // size, True)
            assert torch.allclose(part[b], alone.flatten(2), atol=1e-5)
    plain = PRoIAlign((6,), 8)(features, BOXES, 255)
    assert torch.equal(plain, parts[0])


def test_outside_of_the_map_is_zero_and_what_is_not_finite_does_no_harm():
    features = torch.ones(1, 1, 15, 15)
    boxes = torch.tensor([[-100.0, 40, 40, 40], [float("nan")] * 4, [30, 30, float("inf"), 20]])
    pooled = PRoIAlign((6, 3, 1), 8)(features, boxes[None], 127)
    assert not pooled[0, 0].any()
    assert torch.isfinite(pooled).all()


def test_sizes_divide_the_finest():
    with pytest.raises(InputError, match=r"head.pool_sizes=\[6, 4\]"):
        PRoIAlign((6, 4))
