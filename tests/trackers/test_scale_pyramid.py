import math

import cv2
import numpy as np
import pytest
import torch
from conftest import ROOT, Recorded, sliding
from hydra import compose, initialize_config_dir

from backbones import Pixels, SiamFCAlexNet
from engine.build import build_tracker
from heads.rasnet import RASNetHead
from ops.boxes import from_centers, overlap
from ops.clip import Clip
from ops.crop import Frames
from ops.errors import InputError
from trackers import ScalePyramidTracker
from trackers.base import join, select

NONE = {"general": False, "residual": False, "channel": False}


def pixels(**settings):
    """Correlates pictures themselves, averaged over 2 x 2 pixels."""
    head = RASNetHead((3,), (2,), stride=2, cells=32, **NONE)
    sizes = {"template_size": 63, "search_size": 127}
    return ScalePyramidTracker(Pixels(2), head, **{**sizes, **settings}).eval()


def small_rasnet(**settings):
    torch.manual_seed(0)
    backbone = SiamFCAlexNet(width=0.125)
    head = RASNetHead(backbone.channels, backbone.strides)
    sizes = {"template_size": 103, "search_size": 135}
    return ScalePyramidTracker(backbone, head, **{**sizes, **settings})


def follow(tracker, sequence):
    start = torch.tensor(sequence.boxes[:1]).float()
    memory, boxes = tracker.init(Frames.stack([sequence.frame(0)]), start), [sequence.boxes[0]]
    for index in range(1, len(sequence)):
        memory, box, _ = tracker.update(Frames.stack([sequence.frame(index)]), memory)
        boxes.append(box[0].numpy())
    return np.stack(boxes)


# ---------------------------------------------------------------------- tracking


@pytest.mark.parametrize("step", [(3, 2), (-4, 1)])
def test_a_sliding_patch_is_followed(step):
    sequence = sliding("slide", 12, (200, 150), start=(90, 50), step=step)
    boxes = follow(pixels(scales=1), sequence)
    assert np.abs(boxes[:, :2] - sequence.boxes[:, :2]).max() < 1.5
    assert np.allclose(boxes[:, 2:], sequence.boxes[:, 2:])


def growing(length=20, rate=1.03):
    """A picture that grows around its centre, seen as a target of 40 x 20 pixels in it."""
    texture = np.random.default_rng(0).integers(0, 256, (20, 28, 3), np.uint8)
    picture = cv2.resize(texture, (280, 200), interpolation=cv2.INTER_CUBIC)
    frames, boxes = [], []
    for index in range(length):
        scale = rate**index
        grow = np.array([[scale, 0, 140 * (1 - scale)], [0, scale, 100 * (1 - scale)]])
        frames.append(cv2.warpAffine(picture, grow, (280, 200), borderMode=cv2.BORDER_REFLECT))
        boxes.append([140 - 20 * scale, 100 - 10 * scale, 40 * scale, 20 * scale])
    return Recorded("grow", frames, boxes)


@pytest.mark.parametrize("rate", [1.02, 1 / 1.02])
def test_the_scale_pyramid_follows_a_growing_target(rate):
    sequence = growing(rate=rate)
    kept, scaled = (follow(pixels(scales=s, scale_step=1.06), sequence)[-1] for s in (1, 3))
    assert overlap(scaled, sequence.boxes[-1]) > 0.8 > overlap(kept, sequence.boxes[-1])
    assert math.isclose(scaled[2] / scaled[3], 2, rel_tol=1e-5)  # the first box's aspect


def test_sizes_go_a_part_of_the_way():
    """`damping` of the way to the scale that was chosen, from which the place is measured too."""
    sequence = growing(2, 1.2)
    for damping in (0.0, 0.5, 1.0):
        _, found = follow(pixels(scale_step=1.2, damping=damping), sequence)
        assert np.allclose(found[2:], [40 * (1 + 0.2 * damping), 20 * (1 + 0.2 * damping)])


def test_two_targets_are_each_as_alone():
    tracker = small_rasnet().eval()
    sequences = [sliding("a", 4, (160, 120)), sliding("b", 4, (220, 140), (80, 40), box=(40, 16))]
    alone = np.stack([follow(tracker, sequence) for sequence in sequences], 1)
    start = torch.tensor(np.stack([s.boxes[0] for s in sequences])).float()
    memory = tracker.init(Frames.stack([s.frame(0) for s in sequences]), start)
    for index in range(1, 4):
        frames = Frames.stack([s.frame(index) for s in sequences])
        memory, boxes, scores = tracker.update(frames, memory)
        assert np.allclose(boxes.numpy(), alone[index], atol=1e-3)
        assert scores.shape == (2,)


def test_memory_is_the_first_frames_and_is_selected_and_joined():
    tracker = small_rasnet().eval()
    pictures = [np.random.default_rng(i).integers(0, 256, (90, 120, 3), np.uint8) for i in range(3)]
    frames = Frames.stack(pictures)
    whole = tracker.init(frames, torch.tensor([[30.0, 30, 20, 20], [50, 40, 30, 20], [9, 9, 9, 9]]))
    again = join([select(whole, torch.tensor([2])), select(whole, torch.tensor([0, 1]))])
    order = torch.tensor([2, 0, 1])
    assert torch.equal(again.boxes, whole.boxes[order])
    assert torch.equal(again.template, whole.template[order])
    after, boxes, _ = tracker.update(frames, whole)
    assert torch.equal(after.template, whole.template) and torch.equal(after.boxes, boxes)


# ---------------------------------------------------------------------- a response's verdict


def bumps(places, heights, cells=17, width=2.0):
    """Responses (1, S, cells, cells), a Gaussian each, at places (x, y) in cells."""
    grid = torch.arange(cells).float()
    maps = [
        height * torch.exp(-((grid - x) ** 2 + (grid[:, None] - y) ** 2) / (2 * width**2))
        for (x, y), height in zip(places, heights, strict=True)
    ]
    return torch.stack(maps)[None]


class Stride8(torch.nn.Module):
    stride = 8


def verdict(responses, **settings):
    """`locate` at SiamFC's sizes: cell (8, 8) is the middle of the crop, (127.5, 127.5)."""
    return ScalePyramidTracker(None, Stride8(), scales=responses.shape[1], **settings).locate(
        responses
    )


@pytest.mark.parametrize("x", [8.0, 3.0, 10.3, 12.77])
@pytest.mark.parametrize("y", [8.0, 5.5])
def test_places_are_found_below_a_cell(x, y):
    place = verdict(bumps([(x, y)], [1.0]), window_influence=0.0)[0][0]
    expected = torch.tensor([63.5 + 8 * x, 63.5 + 8 * y])
    # Upsampled cells are half a pixel apart, and bicubic pieces are not quite a Gaussian.
    assert (place - expected).abs().max() < 0.75


def test_an_even_response_of_a_padded_backbone():
    """26 cells (AlexNet, 15 cells cut to 6 on 31): the 12th of them, 4 + 8, is the middle."""
    places = verdict(bumps([(12, 13)], [1.0], cells=26), window_influence=0.0)[0]
    assert places[0].tolist() == [127.5, 127.5 + 8]
    # the window's top is the middle too: a flat response means "not moved"
    assert verdict(torch.zeros(1, 1, 26, 26))[0][0].tolist() == [127.5, 127.5]


@pytest.mark.parametrize(
    ("heights", "expected"),
    [((1, 2, 3), 2), ((3, 2, 1), 0), ((2, 1.96, 0), 1), ((2, 1.94, 0), 0)],  # 2 x 0.9745 = 1.949
)
def test_the_highest_scale_after_the_penalty_is_chosen(heights, expected):
    places = [(5, 8), (8, 8), (11, 8)]
    found, best, score = verdict(bumps(places, heights), window_influence=0.0)
    assert best == expected
    assert math.isclose(score, heights[expected], rel_tol=1e-5)  # as it was, without the penalty
    assert found[0].tolist() == [63.5 + 8 * places[expected][0], 127.5]


def test_the_scale_penalty_lowers_negative_peaks_too():
    responses = torch.full((1, 3, 17, 17), -2.0)
    assert verdict(responses)[1] == 1


def test_the_window_decides_between_equal_peaks():
    responses = bumps([(8, 4)], [1.0], width=1.0) + bumps([(8, 11)], [1.0], width=1.0)
    assert verdict(responses + 5)[0][0].tolist() == [127.5, 63.5 + 8 * 11]
    higher = bumps([(8, 1)], [1.0], width=1.0) + bumps([(8, 8)], [0.95], width=1.0)
    rows = [float(verdict(higher, window_influence=i)[0][0, 1]) for i in (0.0, 0.3)]
    assert rows == [63.5 + 8, 127.5]


# ---------------------------------------------------------------------- training


def a_clip(tracker, moves, seed=0):
    """Random crops of B clips; their targets are moved by moves (B, T, 2) pixels."""
    random = torch.Generator().manual_seed(seed)
    (batch, count), template, search = moves.shape[:2], tracker.template_size, tracker.search_size
    side = torch.full((batch, count, 2), 40.0)
    return Clip(
        torch.randint(0, 256, (batch, 1, 3, template, template), generator=random).float(),
        from_centers(torch.full((batch, 1, 2), template / 2), side[:, :1]),
        torch.randint(0, 256, (batch, count, 3, search, search), generator=random).float(),
        from_centers(search / 2 + moves, side),
        torch.arange(batch * count).view(batch, count) * 20.0,
        torch.ones(batch, count, dtype=torch.bool),
        torch.arange(batch),
    )


def test_labels_by_hand():
    tracker = ScalePyramidTracker(None, Stride8())
    moves = torch.tensor([[[0.0, 0.0], [8.0, -64.0]], [[0.0, 0.0], [300.0, 0.0]]])
    clip = a_clip(tracker, moves)
    clip.matches[1, 0] = False
    labels, weights = tracker.labels(clip, 17)
    # 16 pixels are two cells: in the middle the 13 of a disc
    disc = {(r, c) for r in range(17) for c in range(17) if (r - 8) ** 2 + (c - 8) ** 2 <= 4}
    assert len(disc) == 13
    shifted = {(r - 8, c + 1) for r, c in disc if r >= 8}  # cut by the upper border
    for b, t, expected in [(0, 0, disc), (0, 1, shifted), (1, 0, set()), (1, 1, set())]:
        positive = {tuple(cell) for cell in (labels[b, t] > 0).nonzero().tolist()}
        assert positive == expected
        share = 0.5 if positive else 1.0
        assert torch.isclose(weights[b, t][labels[b, t] < 0].sum(), torch.tensor(share))
        assert torch.isclose(weights[b, t].sum(), torch.tensor(1.0))
        assert weights[b, t][labels[b, t] < 0].unique().numel() == 1
        assert weights[b, t][labels[b, t] > 0].unique().numel() <= 1
    assert set(labels.unique().tolist()) == {-1.0, 1.0}


@pytest.mark.parametrize("sigma", [None, 30.0])
def test_the_loss_by_hand(sigma):
    """Eq. 11 to 13 cell by cell, on the tracker's own responses."""
    tracker = small_rasnet(distance_sigma=sigma, label_radius=9.0).eval()
    moves = torch.tensor([[[4.0, -3.0], [-8.0, 8.0]], [[0.0, 1.0], [0.0, 0.0]]])
    clip = a_clip(tracker, moves)
    clip.matches[1, 1] = False
    with torch.no_grad():
        losses, seen = tracker.loss(clip)
    responses, total = seen["responses"].double().numpy(), 0.0
    cells = responses.shape[-1]
    assert responses.shape == (2, 2, 5, 5)
    for b, t in np.ndindex(2, 2):
        sums, counts = {1: 0.0, -1: 0.0}, {1: 0, -1: 0}
        for row, column in np.ndindex(cells, cells):
            dx, dy = 8 * (column - 2) - moves[b, t, 0], 8 * (row - 2) - moves[b, t, 1]
            label = 1 if math.hypot(dx, dy) <= 9 and clip.matches[b, t] else -1
            sums[label] += math.log1p(math.exp(-label * responses[b, t, row, column]))
            counts[label] += 1
        means = [sums[label] / counts[label] for label in (1, -1) if counts[label]]
        omega = 1 if sigma is None else math.exp(-clip.distances[b, t] / sigma)
        total += omega * sum(means) / len(means) / 4
    assert math.isclose(losses["logistic"], total, rel_tol=1e-5)


@pytest.mark.parametrize("name", ["rasnet", "full", "siamfc"])
def test_every_weight_gets_a_gradient(name):
    tracker = small_rasnet()
    options = {"rasnet": {}, "full": {**NONE, "full": True}, "siamfc": NONE}[name]
    tracker.head = RASNetHead(tracker.backbone.channels, tracker.backbone.strides, **options)
    losses, _ = tracker.train().loss(a_clip(tracker, torch.zeros(2, 1, 2)))
    losses["logistic"].backward()
    without = [n for n, p in tracker.named_parameters() if p.grad is None or not p.grad.any()]
    assert not without


def test_responses_are_drawn_where_their_cells_are():
    tracker = small_rasnet().eval()
    with torch.no_grad():
        seen = tracker.loss(a_clip(tracker, torch.zeros(1, 1, 2)))[1]
    assert seen["response_area"].tolist() == [103 / 2 - 4, 103 / 2 - 4, 40, 40]


@pytest.mark.parametrize("name", ["siamfc", "rasnet"])
def test_as_configured(name):
    with initialize_config_dir(str(ROOT / "configs"), version_base="1.3"):
        tracker = build_tracker(compose("train", [f"tracker={name}"])).eval()
    assert torch.allclose(tracker.scale_factors, torch.tensor([1 / 1.03, 1, 1.03]))
    assert tracker.distance_sigma == {"siamfc": None, "rasnet": 100}[name]
    attentions = {key.split(".")[0] for key in tracker.head.attention.state_dict()}
    assert attentions == ({"general", "residual", "channel"} if name == "rasnet" else set())
    memory = tracker.init(
        Frames.stack([np.zeros((90, 120, 3), np.uint8)]), torch.tensor([[30.0, 30, 20, 20]])
    )
    assert memory.template.shape == (1, 256, 6, 6)
    with torch.no_grad():
        levels = tracker.backbone(torch.zeros(1, 3, 255, 255))
        assert tracker.head(memory.template, levels).shape == (1, 1, 17, 17)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"damping": 1.5}, "tracking.damping=1.5: expected a number from 0 to 1"),
        ({"window_influence": -0.1}, "tracking.window_influence=-0.1: expected a number"),
        ({"scale_penalty": 2}, "tracking.scale_penalty=2: expected a number from 0 to 1"),
        ({"scales": 0}, "tracking.scales=0: expected a whole number of at least 1"),
        ({"upsampling": 0}, "tracking.upsampling=0"),
        ({"distance_sigma": 0}, "tracker.distance_sigma=0: expected above 0, or null"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        pixels(**settings)
