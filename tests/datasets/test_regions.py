"""Crops cut from pieces of regions, against crops cut from whole pictures."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from conftest import Recorded

from datasets.clips import ClipDataset, cache_shape
from datasets.crop_cache import CropCache
from datasets.folder import FolderSequence
from datasets.regions import Region
from datasets.sampling import ClipAugmentation, ClipSampling
from datasets.sequence import Part
from ops.boxes import centers, from_centers
from ops.clip import ClipGeometry
from ops.crop import Frames, crop

SIAMESE = ClipGeometry(127, 1.0, 255, 255 / 127, square=True)
FILTER = ClipGeometry(105, 5, 63, 3, in_order=True)  # RAR's, small
PAIR = ClipSampling(2, 1, 1, 100, 0.0315, 0.05, 0.251, 0.18, 0.0)
IN_ORDER = ClipSampling(3, 2, 2, 10, 0.0, 0.0, 0.1667, 0.05, 0.0)
UNEQUAL = replace(SIAMESE, template_size=81)  # searches are denser
CASES = [(SIAMESE, PAIR), (FILTER, IN_ORDER), (UNEQUAL, PAIR)]
AS_IT_IS = ClipAugmentation()


def smooth(width, height, seed, cells=9):
    coarse = np.random.default_rng(seed).integers(0, 256, (cells, cells, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def still(box, width=400, height=300, seed=0):
    """A target that does not move: a box and a picture for all of five frames."""
    return Recorded("still", [smooth(width, height, seed)] * 5, [box] * 5)


def dataset(sequence, geometry, sampling, **more):
    return ClipDataset([Part("part", [sequence])], geometry, sampling, AS_IT_IS, **more)


def shown(boxes, found, size):
    """What a crop of `size` shows in which a box lies where it was `found`: windows (N, 4)."""
    sides = boxes[:, 2:] * size / found[:, 2:]
    return np.concatenate([boxes[:, :2] - found[:, :2] * sides / size, sides], 1)


def crops_and_direct_ones(sequence, geometry, sampling, picture=None, clips=4):
    """Yield (crop, the one cut out of the whole picture, both (S, S, 3) float)."""
    raw = dataset(sequence, geometry, sampling).batch([(0, index) for index in range(clips)])
    clip = raw.cut(geometry)
    whole = Frames.stack([sequence.frame(0) if picture is None else picture])
    for crops, found, size in (
        (clip.templates, clip.template_boxes, geometry.template_size),
        (clip.searches, clip.search_boxes, geometry.search_size),
    ):
        found = found.flatten(0, 1).double().numpy()
        windows = shown(np.tile(sequence.boxes[:1], (len(found), 1)), found, size)
        direct = crop(whole, torch.from_numpy(windows).float()[None], size)[0]
        yield from zip(crops.flatten(0, 1), direct, strict=True)


# Where the target is: inside, at a corner, half outside, far outside (as far as two pixels of it
# still show), larger than the picture.
PLACES = [(150, 120), (2, 3), (380, 280), (-40, 100), (398, 298), (-300, -200)]


def placed(place, size):
    x, y = (max(start, 2 - side) for start, side in zip(place, size, strict=True))
    return (x, y, *size)


@pytest.mark.parametrize(("geometry", "sampling"), CASES)
@pytest.mark.parametrize("place", PLACES)
def test_a_picture_that_is_no_denser_than_its_crops_is_left_as_it_is(geometry, sampling, place):
    box = placed(place, (18.3, 20.6) if geometry is FILTER else (31.7, 40.2))
    for found, direct in crops_and_direct_ones(still(box), geometry, sampling):
        assert (found - direct).abs().max() < 1


@pytest.mark.parametrize(("geometry", "sampling"), CASES)
@pytest.mark.parametrize("size", [(70, 60), (130, 30), (25, 160), (380, 290), (600, 500), (9, 280)])
@pytest.mark.parametrize("place", PLACES)
def test_a_denser_picture_is_resized(geometry, sampling, place, size):
    for found, direct in crops_and_direct_ones(
        still(placed(place, size)), geometry, sampling, clips=2
    ):
        error = (found - direct).abs()
        assert error.median() < 0.3
        assert error.mean() < 1.1  # more where the picture's edge is, which is averaged otherwise
        assert (error > 6).float().mean() < 0.05


@pytest.mark.parametrize(("geometry", "sampling"), CASES)
@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_reduced_pictures_give_the_same_crops(tmp_path, geometry, sampling, suffix):
    """In a picture of odd sides, large enough for each reduction."""
    path = tmp_path / f"1.{suffix}"
    cv2.imwrite(str(path), smooth(1021, 765, 3)[..., ::-1])
    asked = set()

    class Noted(FolderSequence):
        def reduced_frame(self, index, most):
            picture, reduction = super().reduced_frame(index, most)
            asked.add(reduction)
            assert reduction <= max(most, 1)
            return picture, reduction

    for side in (40, 70, 130, 250, 300, 460):
        boxes = np.tile([500.0, 380, side, 0.8 * side], (5, 1))
        sequence = Noted("s", [path] * 5, boxes)
        pairs = crops_and_direct_ones(sequence, geometry, sampling, clips=1)
        assert all((found - direct).abs().mean() < 1.5 for found, direct in pairs)
    assert asked == ({1} if suffix == "png" else {1, 2, 4} | ({8} if geometry is FILTER else set()))


def test_much_denser_pictures_are_averaged():
    """Noise, of which a sample of every third pixel would be as noisy as before."""
    noise = np.random.default_rng(0).integers(0, 256, (700, 900, 3), np.uint8)
    sequence = Recorded("noise", [noise] * 5, [(300, 200, 260, 270)] * 5)
    for found, direct in crops_and_direct_ones(sequence, SIAMESE, PAIR, clips=1):
        assert found.std() < 1.2 * direct.std() < 40


def test_the_picture_may_be_as_coarse_as_the_unmoved_crop():
    """By hand: the context of 300 x 100 is sqrt(500 * 300), which a template shows with 127 px;
    RAR's target has 21 px on both axes, and the denser one decides."""
    asked = []

    class Noted(Recorded):
        def reduced_frame(self, index, most):
            asked.append(most)
            return super().reduced_frame(index, most)

    sequence = Noted("s", [smooth(400, 300, 0)] * 5, [(50.0, 60, 300, 100)] * 5)
    dataset(sequence, SIAMESE, PAIR).batch([(0, 0)])
    dataset(sequence, FILTER, IN_ORDER).batch([(0, 0)])
    expected = [(500 * 300) ** 0.5 / 127] * 2 + [100 / 21] * 3
    np.testing.assert_allclose(asked, expected)


@pytest.mark.parametrize(("geometry", "sampling"), CASES)
def test_everything_fits_for_any_box(tmp_path, geometry, sampling):
    """Boxes of all sizes and places: regions fit into their slots, pieces onto their canvases, and
    a canvas is black where the piece is not."""
    random = np.random.default_rng(0)
    sizes = np.exp(random.uniform(np.log(0.5), np.log(900), (60, 2)))
    boxes = from_centers(random.uniform(-50, 450, (60, 2)), sizes)
    boxes[-4:] = [[407.6, 380.3, w, w] for w in (20.7, 63.6, 77.1, 101.3)]  # all of it is inside
    frames = [np.full((790, 870, 3), 9, np.uint8)] * 60
    sequence = Recorded("s", frames, boxes)
    for scale in (0.0, 0.3, 1.5):
        wide = replace(sampling, max_gap=1, search_scale=scale, template_scale=scale / 2)
        shape = cache_shape([Part("part", [sequence])], geometry, wide)
        cache = CropCache(tmp_path / str(scale), *shape, 1.0)  # refuses what does not fit
        raw = dataset(sequence, geometry, wide, cache=cache).batch([(0, i) for i in range(60)])
        for frames in (raw.template_frames, raw.search_frames):
            for canvas, (width, height) in zip(frames.pixels, frames.sizes.tolist(), strict=True):
                rows, columns = int(height), int(width)
                assert 1 <= rows <= len(canvas) - 2 and 1 <= columns <= len(canvas) - 2
                assert (canvas[1 : 1 + rows, 1 : 1 + columns] == 9).all()
                assert int(canvas.long().sum()) == 27 * rows * columns
        assert (raw.cut(geometry).searches.round() == 9).all()


@pytest.mark.parametrize(("template_size", "scale"), [(127, 1.5), (12, 0.1)])
def test_a_window_that_shows_twice_as_much_is_not_darkened_at_its_edges(template_size, scale):
    """The CPU averages pixels first; those beside a piece count for nothing else than black."""
    geometry = replace(SIAMESE, template_size=template_size)
    sampling = replace(PAIR, search_scale=2.0, search_shift=0.0, template_scale=scale)
    sequence = Recorded("s", [np.full((990, 999, 3), 200, np.uint8)] * 5, [(460, 470, 69, 71)] * 5)
    clip = dataset(sequence, geometry, sampling).batch([(0, i) for i in range(30)]).cut(geometry)
    assert (clip.searches - 200).abs().max() < 0.01
    assert (clip.templates - 200).abs().max() < 0.01


def test_a_region_comes_back_from_its_bytes():
    pixels = np.random.default_rng(0).integers(0, 256, (7, 5, 3), np.uint8)
    region = Region(pixels, (1 / 3, -2.0), (0.1, 0.7), (1.5, 2.5, 3.5))
    for rest in (0, 10):
        found = Region.unpack(np.concatenate([region.pack(), np.zeros(rest, np.uint8)]))
        assert np.array_equal(found.pixels, pixels)
        assert (found.origin, found.scale, found.mean) == (region.origin, region.scale, region.mean)


@pytest.mark.parametrize(("geometry", "sampling"), CASES)
def test_a_cache_changes_nothing_and_saves_the_reading(tmp_path, geometry, sampling):
    reads = []

    class Noted(Recorded):
        def frame(self, index):
            reads.append((self.name, index))
            return super().frame(index)

    random = np.random.default_rng(0)
    parts = []
    for name, count in (("a", 2), ("b", 3)):
        sequences = []
        for number in range(count):
            frames = [smooth(160, 120, 10 * number + i, cells=40) for i in range(4)]
            boxes = np.concatenate(
                [random.uniform(0, 100, (4, 2)), random.uniform(10, 70, (4, 2))], 1
            )
            sequences.append(Noted(f"{name}{number}", frames, boxes))
        parts.append(Part(name, sequences))
    parts.append(Part("unused", parts[0].sequences, weight=0.0))
    shape = cache_shape(parts, geometry, sampling)
    assert shape[0] == 20
    cache = CropCache(tmp_path / "cache", *shape, 1.0)
    keys = [(0, index) for index in range(30)]
    plain, cached = (
        ClipDataset(parts, geometry, sampling, AS_IT_IS, cache=kept) for kept in (None, cache)
    )
    expected = plain.batch(keys)
    reads.clear()
    first = cached.batch(keys)
    assert len(reads) == len(set(reads)) == cache.filled == 20  # each frame once
    warm = cached.batch(keys)
    assert len(reads) == 20
    for raw in (first, warm):
        for name, value in vars(expected).items():
            values = vars(value).values() if isinstance(value, Frames) else [value]
            found = getattr(raw, name)
            others = vars(found).values() if isinstance(found, Frames) else [found]
            for one, other in zip(values, others, strict=True):
                assert torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other


def test_boxes_are_exact():
    """In a picture that is resized, and windows that are moved: the centre of a bright disc is the
    centre of its box in every crop."""
    row, column = np.mgrid[:1201, :1403]
    disc = 255 / (1 + np.exp((np.hypot(column + 0.5 - 703.3, row + 0.5 - 601.8) - 60) / 3))
    picture = np.repeat(disc[..., None], 3, 2).astype(np.uint8)
    box = [703.3 - 80, 601.8 - 80, 160, 160]
    sequence = Recorded("disc", [picture] * 5, [box] * 5)
    clip = dataset(sequence, SIAMESE, PAIR).batch([(0, i) for i in range(6)]).cut(SIAMESE)
    for crops, boxes in (
        (clip.templates, clip.template_boxes),
        (clip.searches, clip.search_boxes),
    ):
        size = crops.shape[-1]
        weight = crops[:, 0, 0].double()
        axis = torch.arange(size) + 0.5
        total = weight.sum((1, 2))
        found = torch.stack([(weight * axis).sum((1, 2)), (weight.mT * axis).sum((1, 2))], 1)
        assert (found / total[:, None] - centers(boxes[:, 0])).abs().max() < 0.05
