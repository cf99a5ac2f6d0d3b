"""What the pictures of a training show, and where."""

import numpy as np
import pytest
import torch

from engine.pictures import GAP, OTHER, TRUTH, WIDEST, clip_picture, search_picture
from ops.clip import Clip


def grey_clip(batch=2, templates=1, searches=1, sizes=(20, 32), boxes=None, matches=None):
    """Crops of one grey level each, templates from 100 on and searches from 150 on, with boxes
    (x, y, w, h) of the templates and of the searches."""
    template_box, search_box = boxes or ((4.0, 6, 10, 8), (8.0, 3, 12, 16))

    def crops(count, first, size):
        levels = torch.arange(first, first + batch * count).float().view(batch, count, 1, 1, 1)
        return levels.expand(batch, count, 3, size, size).clone()

    return Clip(
        crops(templates, 100, sizes[0]),
        torch.tensor(template_box).expand(batch, templates, 4),
        crops(searches, 150, sizes[1]),
        torch.tensor(search_box).expand(batch, searches, 4),
        torch.ones(batch, searches),
        torch.ones(batch, searches, dtype=torch.bool) if matches is None else matches,
        torch.arange(batch),
    )


def outlined(picture, colour):
    """(first row, last row, first column, last column) of the pixels of one colour."""
    rows, columns = np.nonzero((picture == colour).all(-1))
    return rows.min(), rows.max(), columns.min(), columns.max()


def test_a_row_shows_templates_then_searches_in_their_sizes():
    clip = grey_clip(batch=3, templates=2, searches=3)
    picture = clip_picture(clip, most=2)
    assert picture.shape == (2 * 32 + GAP, 2 * 20 + 3 * 32 + 4 * GAP, 3)
    assert picture.dtype == np.uint8
    for row in range(2):
        top = row * (32 + GAP)
        lefts = [0, 20 + GAP]
        for index, left in enumerate(lefts):  # in the middle of the row's height
            cell = picture[top + 6 : top + 26, left : left + 20]
            assert (cell[0] == 100 + 2 * row + index).all()
        assert (picture[top : top + 6, :20] == 0).all()
        for index in range(3):
            left = 2 * (20 + GAP) + index * (32 + GAP)
            assert (picture[top : top + 3, left : left + 32] == 150 + 3 * row + index).all()


def test_boxes_outline_the_pixels_that_they_touch():
    picture = clip_picture(grey_clip(batch=1, boxes=((4.0, 6, 10, 8), (8.5, 3.0, 12.0, 16.25))))
    assert outlined(picture[6:26, :20], TRUTH) == (6, 13, 4, 13)
    assert outlined(picture[:, 20 + GAP :], TRUTH) == (3, 19, 8, 20)


def test_another_target_has_another_colour():
    matches = torch.tensor([[True, True], [False, False]])
    picture = clip_picture(grey_clip(searches=2, matches=matches))
    first, second = picture[:32], picture[32 + GAP :]
    assert not (first == OTHER).all(-1).any()
    left = 20 + GAP  # the template's own box stays
    assert outlined(second[:, :left], TRUTH) == (12, 19, 4, 13)
    assert not (second[:, left:] == TRUTH).all(-1).any()
    assert outlined(second[:, left : left + 32], OTHER) == (3, 18, 8, 19)
    responses = torch.zeros(2, 2, 5, 5)
    picture = search_picture(grey_clip(searches=2, matches=matches), {"responses": responses})
    assert outlined(picture[:32, 32:64], TRUTH) == outlined(picture[32:, 32:64], OTHER)
    assert not (picture[32:] == TRUTH).all(-1).any()


def test_numbers_are_rounded_and_kept_in_range():
    clip = grey_clip(batch=1)
    clip.templates.fill_(99.6)
    clip.searches[..., :16] = -3.0
    clip.searches[..., 16:] = 300.0
    picture = clip_picture(clip)
    assert (picture[6, :20] == 100).all()
    assert (picture[0, 20 + GAP :][:16] == 0).all() and (picture[0, 20 + GAP :][16:] == 255).all()


@pytest.mark.parametrize("sizes", [(255, 255), (127, 255), (255, 31)])
def test_wide_rows_are_made_smaller_with_their_boxes(sizes):
    searches = 2000 // sizes[1]
    x = 0.5 * sizes[1]
    clip = grey_clip(1, 3, searches, sizes, boxes=((0.0, 0, 9, 9), (x, 0.0, x, sizes[1])))
    picture = clip_picture(clip)
    assert WIDEST - 3 - searches <= picture.shape[1] <= WIDEST
    scale = picture.shape[1] / (3 * sizes[0] + searches * sizes[1])
    side = round(sizes[1] * scale)
    last = picture[:, -side:]
    bounds = outlined(last, TRUTH)
    assert abs(bounds[2] - side / 2) <= 1.5 and bounds[3] == side - 1


def test_the_picture_of_a_search_marks_the_response_and_the_truth():
    clip = grey_clip(batch=1, sizes=(105, 63), boxes=((0.0, 0, 9, 9), (30.0, 10, 21, 21)))
    clip.searches.zero_()
    responses = torch.zeros(1, 1, 63, 63)
    responses[..., 20, 40] = 1
    responses = torch.nn.functional.avg_pool2d(responses, 7, 1, 3)
    picture = search_picture(clip, {"responses": responses})
    assert picture.shape == (63, 189, 3) and picture.dtype == np.uint8
    assert (picture[:, :63] == 100).all()  # the template, beside it the search with its truth
    assert outlined(picture[:, 63:126], TRUTH) == (10, 30, 30, 50)
    overlay = picture[:, 126:].astype(int)
    rows, columns = np.nonzero(overlay[..., 0] - overlay[..., 2] > 60)  # yellow
    assert abs(rows.mean() - 20) <= 1 and abs(columns.mean() - 40) <= 1


def test_a_response_that_covers_a_part_of_the_search_is_drawn_there():
    clip = grey_clip(batch=1, sizes=(31, 64), boxes=((0.0, 0, 9, 9), (-9.0, -9, 2, 2)))
    clip.searches.zero_()
    response = torch.zeros(1, 1, 4, 4, dtype=torch.bfloat16, requires_grad=True)
    response = response + torch.eye(16)[3].view(1, 1, 4, 4).bfloat16()
    area = torch.tensor([16.0, 24, 32, 32])  # cells of 8 pixels: the highest is 40..48, 24..32
    overlay = search_picture(clip, {"responses": response, "response_area": area})[:, 128:]
    rows, columns = np.nonzero(overlay.any(-1))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (24, 55, 16, 47)
    bright = np.unravel_index(overlay.astype(int)[..., 0].argmax(), (64, 64))
    assert 24 <= bright[0] < 32 and 40 <= bright[1] < 48


def test_of_several_the_last_template_and_search_are_shown():
    clip = grey_clip(batch=1, templates=2, searches=2)
    picture = search_picture(clip, {"responses": torch.zeros(1, 2, 5, 5)})
    assert (picture[0, :32] == 101).all() and (picture[0, 32:64] == 151).all()


def test_pictures_leave_the_clip_as_it_was():
    clip = grey_clip()
    before = clip.searches.clone(), clip.templates.clone()
    clip_picture(clip)
    search_picture(clip, {"responses": torch.zeros(2, 1, 5, 5)})
    assert torch.equal(clip.searches, before[0]) and torch.equal(clip.templates, before[1])
