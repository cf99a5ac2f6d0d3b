"""The contact sheet of footage."""

import cv2
import numpy as np
from drawn_targets import bounds

from datasets.contact_sheet import contact_sheet
from datasets.sequence import Sequence


class Wall(Sequence):
    """Grey frames whose size changes, with one absent row."""

    name = "wall"

    def __init__(self):
        self.boxes = np.array([[10, 20, 30, 40], [np.nan] * 4, [5, 5, 20, 20]], np.float64)

    def frame(self, index):
        return np.full((100, 200 - 100 * (index == 2), 3), 90, np.uint8)


def test_contact_sheet_layout():
    sheet = contact_sheet([Wall()], columns=6, rows=4, tile=(100, 80))
    assert sheet.dtype == np.uint8 and sheet.shape == (80 + 16 + 2, 6 * 102 - 2, 3)
    green = (sheet == (0, 220, 0)).all(2)
    # Frame 0 is halved and lies 15 px below the tile's top: box (5, 10, 15, 20) of the picture.
    np.testing.assert_array_equal(bounds(green[:, :100]), [5, 16 + 15 + 10, 15, 20])
    assert not green[:, 102:202].any()  # absent
    assert green[:, 204:304].any()
    np.testing.assert_array_equal(sheet[16:31, :100], 255)  # the aspect is kept: paper above
    assert (sheet[:16] < 128).any()  # the caption


def test_contact_sheet_of_footage(footage):
    footage = footage.sequences
    sheet = contact_sheet(footage, columns=3, rows=5, tile=(80, 60))
    assert sheet.shape == (5 * (60 + 18), 3 * 82 - 2, 3)
    small = cv2.resize(footage[-1].frame(0), (80, 60), interpolation=cv2.INTER_AREA)
    cell = sheet[-62:-2, :80]
    differs = (cell != small).any(2)
    assert (cell[differs] == (0, 220, 0)).all() and 0 < differs.sum() < 400
