import cv2
import numpy as np
import pytest
import torch

from ops.crop import Frames, crop, from_crop, to_crop


def blob(center, width=160, height=120, sigma=4.0):
    """A bright spot whose centre is known in continuous pixels, on black."""
    x, y = np.arange(width) + 0.5, np.arange(height) + 0.5
    spot = np.exp(-((x - center[0]) ** 2) / 2 / sigma**2)
    spot = np.exp(-((y - center[1]) ** 2) / 2 / sigma**2)[:, None] * spot
    return np.repeat((255 * spot).round().astype(np.uint8)[..., None], 3, -1)


def centroid(patch):
    """Centre of brightness of (3, S, S), in continuous crop pixels."""
    weight = patch[0].double()
    place = torch.arange(patch.shape[-1], dtype=torch.float64) + 0.5
    return (
        torch.stack([(weight.sum(0) * place).sum(), (weight.sum(1) * place).sum()]) / weight.sum()
    )


def test_boxes_go_to_the_crop_and_back():
    generator = torch.Generator().manual_seed(0)
    boxes = torch.rand(100, 4, generator=generator) * 300 + 1
    windows = torch.rand(100, 4, generator=generator) * 500 - torch.tensor([200.0, 200, -20, -20])
    back = from_crop(to_crop(boxes, windows, 255), windows, 255)
    assert (back - boxes).abs().max() < 1e-3
    window = np.array([10.0, 20.0, 50.0, 100.0])
    np.testing.assert_allclose(to_crop(window, window, 255), [0, 0, 255, 255])


@pytest.mark.parametrize("move", [(0.0, 0.0), (3.0, 0.0), (0.0, -5.0), (0.25, 0.75), (-7.5, 2.5)])
def test_a_spot_moved_in_the_picture_moves_by_the_scale_in_the_crop(move):
    window = torch.tensor([40.0, 30.0, 75.0, 50.0])
    scale = 150 / window[2:].double()
    start = torch.tensor([77.3, 54.6])
    end = start + torch.tensor(move)
    pictures = [blob(start.tolist()), blob(end.tolist())]
    patches = crop(Frames.stack(pictures), window.expand(2, 1, 4), 150)[:, 0]
    patches = patches - patches[:, :, :1, :1]  # the spot alone
    expected = to_crop(torch.stack([start, end]).repeat(1, 2), window.expand(2, 4), 150)[:, :2]
    places = torch.stack([centroid(patch) for patch in patches])
    assert (places - expected).abs().max() < 0.05
    moved = places[1] - places[0]
    assert (moved - torch.tensor(move) * scale).abs().max() < 0.05


def test_a_window_of_whole_pixels_is_the_picture_itself():
    picture = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    patch = crop(Frames.stack([picture]), torch.tensor([[[5.0, 7.0, 20.0, 20.0]]]), 20)[0, 0]
    np.testing.assert_allclose(patch.permute(1, 2, 0).numpy(), picture[7:27, 5:25], atol=1e-3)
    corner = crop(Frames.stack([picture]), torch.tensor([[[30.0, 20.0, 20.0, 20.0]]]), 20)[0, 0]
    np.testing.assert_allclose(corner.permute(1, 2, 0).numpy(), picture[20:, 30:], atol=1e-3)


def test_a_large_window_is_averaged_not_sampled():
    picture = np.zeros((200, 200, 3), np.uint8)
    picture[:, ::2] = 200  # single columns, which sampling would turn into stripes
    patch = crop(Frames.stack([picture]), torch.tensor([[[20.0, 20.0, 160.0, 160.0]]]), 40)
    assert (patch - 100).abs().max() < 1


def test_outside_the_picture_is_its_mean_colour():
    picture = np.random.default_rng(1).integers(0, 256, (30, 40, 3), np.uint8)
    windows = torch.tensor([[[-100.0, -90.0, 50.0, 50.0], [-20.0, -20.0, 40.0, 40.0]]])
    missed, half = crop(Frames.stack([picture]), windows, 40)[0]
    mean = torch.tensor(picture.mean((0, 1)), dtype=torch.float32)
    assert torch.allclose(missed, mean[:, None, None].expand_as(missed), atol=1e-3)
    assert torch.allclose(half[:, :20], mean[:, None, None].expand(3, 20, 40), atol=1e-3)
    np.testing.assert_allclose(
        half[:, 20:, 20:].permute(1, 2, 0).numpy(), picture[:20, :20], atol=1e-3
    )


@pytest.mark.parametrize("stretch", [1, 10])  # 10: larger than the crop
def test_a_crop_does_not_depend_on_the_pictures_beside_it(stretch):
    random = np.random.default_rng(2)
    pictures = [
        random.integers(0, 256, (h, w, 3), np.uint8) for h, w in [(60, 80), (99, 41), (7, 9)]
    ]
    windows = torch.tensor(random.uniform(-30, 60, (3, 4, 4)), dtype=torch.float32)
    windows[..., 2:] = windows[..., 2:].abs() * stretch + 5
    together = crop(Frames.stack(pictures), windows, 33)
    for index, picture in enumerate(pictures):
        alone = crop(Frames.stack([picture]), windows[index : index + 1], 33)[0]
        assert (alone - together[index]).abs().max() < 0.02


def test_a_tall_window_above_the_picture_does_not_smear_its_edge():
    """Where the picture is averaged down before the crop, its border stays a border."""
    random = np.random.default_rng(3)
    pictures = [random.integers(0, 256, (h, 400, 3), np.uint8) for h in (224, 290)]
    pictures[0][:8] = 255
    windows = torch.tensor([[[134.0, -208.0, 105.0, 645.0]]]).expand(2, 1, 4)
    alone = crop(Frames.stack(pictures[:1]), windows[:1], 160)[0, 0]
    beside = crop(Frames.stack(pictures), windows, 160)[0, 0]
    assert (alone - beside).abs().max() < 0.02
    mean = torch.tensor(pictures[0].mean((0, 1)), dtype=torch.float32)
    above = alone[:, : int(206 / 645 * 160) - 1]
    assert torch.allclose(above, mean[:, None, None].expand_as(above), atol=0.02)


@pytest.mark.parametrize("side", [130.0, 200.0, 431.0])
def test_a_large_window_is_the_area_average(side):
    """Against cv2's exact area interpolation, on a picture with structure at all scales."""
    rows, columns = np.mgrid[:480, :640]
    waves = 120 + 60 * np.sin(columns / 17) + 50 * np.cos(rows / 13 + columns / 60)
    picture = np.repeat(waves.clip(0, 255).astype(np.uint8)[..., None], 3, -1)
    patch = crop(Frames.stack([picture]), torch.tensor([[[20.0, 10.0, side, side]]]), 32)[0, 0, 0]
    whole = picture[10 : 10 + int(side), 20 : 20 + int(side), 0].astype(np.float32)
    expected = cv2.resize(whole, (32, 32), interpolation=cv2.INTER_AREA)
    assert np.abs(patch.numpy() - expected).mean() < 1.5
    assert np.abs(patch.numpy() - expected).max() < 5
