import cv2
import numpy as np
import pytest
import torch

from ops.augmentation import Looks, change_looks, mirror_boxes

SIZE = 23


def neutral(batch=4, count=3):
    return Looks(
        colours=torch.ones(batch, count, 3),
        greys=torch.zeros(batch, dtype=torch.bool),
        blurs=torch.zeros(batch, count),
        flips=torch.zeros(batch, dtype=torch.bool),
    )


def drawn(batch=4, count=3):
    """Clip 0 is mirrored, clip 1 grey, clip 2 both, clip 3 keeps its colours."""
    generator = torch.Generator().manual_seed(1)
    looks = neutral(batch, count)
    looks.colours = 0.6 + 0.8 * torch.rand(looks.colours.shape, generator=generator)
    looks.blurs = 2 * torch.rand(looks.blurs.shape, generator=generator)
    looks.greys[1] = looks.greys[2] = looks.flips[0] = looks.flips[2] = True
    looks.blurs[0, 0] = looks.blurs[3, 1] = 0
    looks.colours[3] = 1
    return looks


@pytest.fixture
def crops():
    """Noise over the whole range, flat in part, so that blurs and means show."""
    generator = torch.Generator().manual_seed(0)
    crops = 255 * torch.rand(4, 3, 3, SIZE, SIZE, generator=generator)
    crops[..., :8] = crops[..., :1, :1]
    return crops


def one_crop(picture, colours, grey, sigma, flip):
    """One (S, S, 3) float32 crop, step by step with OpenCV."""
    brightness, contrast, saturation = colours
    picture = picture * np.float32(brightness)
    mean = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(float).mean()
    picture = ((picture - mean) * contrast + mean).astype(np.float32)
    luma = np.repeat(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None], 3, 2)
    picture = luma if grey else luma + saturation * (picture - luma)
    picture = np.clip(picture, 0, 255).astype(np.float32)
    if sigma > 0:
        picture = cv2.GaussianBlur(picture, (13, 13), sigma, borderType=cv2.BORDER_REPLICATE)
    return picture[:, ::-1] if flip else picture


def test_each_crop_is_what_opencv_makes_of_it(crops):
    looks = drawn()
    found = change_looks(crops, looks)
    assert found.shape == crops.shape and found.dtype == torch.float32
    for b in range(4):
        for n in range(3):
            picture = crops[b, n].permute(1, 2, 0).numpy()
            settings = looks.colours[b, n].tolist(), looks.greys[b], looks.blurs[b, n].item()
            expected = one_crop(picture, *settings, looks.flips[b])
            np.testing.assert_allclose(found[b, n].permute(1, 2, 0), expected, atol=2e-3)
    assert (found == 255).any() and (found[1:3, :, 0] == found[1:3, :, 2]).all()


def test_colours_by_hand():
    crops = torch.tensor([100.0, 50.0, 200.0]).view(1, 1, 3, 1, 1).repeat(1, 1, 1, 1, 2)
    crops[..., 1] = 0  # luma 29.9 + 29.35 + 22.8 = 82.05 and 0, mean 41.025
    looks = neutral(1, 1)

    def changed(*factors):
        looks.colours = torch.tensor([[factors]])
        return change_looks(crops, looks)[0, 0, :, 0].T.flatten()

    def expect(found, *values):
        torch.testing.assert_close(found, torch.tensor(values).float(), atol=1e-4, rtol=0)

    expect(changed(2.0, 1.0, 1.0), 200, 100, 255, 0, 0, 0)
    expect(changed(1.0, 0.5, 1.0), 70.5125, 45.5125, 120.5125, 20.5125, 20.5125, 20.5125)
    expect(changed(1.0, 1.0, 0.5), 91.025, 66.025, 141.025, 0, 0, 0)
    looks.greys = ~looks.greys
    expect(changed(1.0, 1.0, 1.7), *[82.05] * 3, 0, 0, 0)


@pytest.mark.parametrize("sigma", [0.8, 2.0])
def test_blur_spreads_a_point_as_a_gaussian(sigma):
    crops, looks = torch.zeros(1, 1, 3, SIZE, SIZE), neutral(1, 1)
    crops[..., 11, 11], looks.blurs[:] = 255, sigma
    found = change_looks(crops, looks)[0, 0, 1]
    spread = (torch.arange(SIZE) - 11.0) ** 2
    assert found.sum().item() == pytest.approx(255, rel=1e-4)
    assert (found.sum(0) * spread).sum().item() / 255 == pytest.approx(sigma**2, rel=0.03)
    assert (found.sum(1) * spread).sum().item() / 255 == pytest.approx(sigma**2, rel=0.03)


def test_neutral_looks_change_no_bit(crops):
    crops[0, 0, 0, 0, :2] = torch.tensor([255.00002, -1e-6])  # as a crop's rounding leaves them
    assert torch.equal(change_looks(crops, neutral()), crops)


def test_what_one_crop_asks_for_changes_no_bit_of_the_others(crops):
    for change in ("colours", "blurs", "greys", "flips"):
        looks = neutral()
        if change in ("greys", "flips"):
            getattr(looks, change)[2] = True
            touched = torch.zeros(4, 3, dtype=torch.bool).index_fill(0, torch.tensor(2), True)
        else:
            getattr(looks, change)[2, 1] = 1.3
            touched = torch.zeros(4, 3, dtype=torch.bool)
            touched[2, 1] = True
        found = change_looks(crops, looks)
        assert torch.equal((found != crops).flatten(2).any(2), touched), change


def test_a_clip_looks_the_same_in_any_batch(crops):
    looks = drawn()
    together = change_looks(crops, looks)
    for b in range(4):
        parts = looks.colours, looks.greys, looks.blurs, looks.flips
        alone = change_looks(crops[b : b + 1], Looks(*(part[b : b + 1] for part in parts)))
        torch.testing.assert_close(alone[0], together[b], atol=1e-3, rtol=0)


def test_crops_given_stay_as_they_were(crops):
    before = crops.clone()
    change_looks(crops, drawn())
    assert torch.equal(crops, before)


def test_split_gives_templates_and_searches_their_own(crops):
    looks = drawn()
    together = change_looks(crops, looks)
    first, rest = looks.split(1)
    found = change_looks(crops[:, :1], first), change_looks(crops[:, 1:], rest)
    torch.testing.assert_close(torch.cat(found, 1), together, atol=1e-3, rtol=0)
    assert first.colours.shape == (4, 1, 3) and rest.blurs.shape == (4, 2)


def test_autocast_keeps_float32(crops):
    with torch.autocast("cpu", torch.bfloat16):
        found = change_looks(crops, drawn())
    assert torch.equal(found, change_looks(crops, drawn()))


def test_boxes_are_mirrored_with_their_clips():
    boxes = torch.tensor([[[10.0, 20, 30, 40], [-5, 0, 20, 8]], [[10, 20, 30, 40], [0, 0, 9, 9]]])
    found = mirror_boxes(boxes, torch.tensor([True, False]), 100)
    assert found[0].tolist() == [[60, 20, 30, 40], [85, 0, 20, 8]]
    assert torch.equal(found[1], boxes[1])


def test_a_mirrored_box_holds_the_same_pixels():
    crops, looks = torch.zeros(1, 1, 3, SIZE, SIZE), neutral(1, 1)
    crops[..., 3:9, 2:7], looks.flips[:] = 255, True
    boxes = mirror_boxes(torch.tensor([[[2.0, 3, 5, 6]]]), looks.flips, SIZE)
    x, y, width, height = boxes[0, 0].int().tolist()
    found = change_looks(crops, looks)
    assert (found[..., y : y + height, x : x + width] == 255).all()
    assert found.sum() == crops.sum()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_gives_the_same_without_waiting(crops):
    looks = drawn()
    parts = (looks.colours, looks.greys, looks.blurs, looks.flips)
    crops_there, looks_there = crops.cuda(), Looks(*(part.cuda() for part in parts))
    torch.cuda.set_sync_debug_mode("error")
    try:
        found = change_looks(crops_there, looks_there)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    torch.testing.assert_close(found.cpu(), change_looks(crops, looks), atol=1e-3, rtol=0)
