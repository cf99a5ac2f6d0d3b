"""A tracker run live gives the boxes of our own evaluation."""

import numpy as np
import pytest
from bridged import CACF, FIRST_BOX, build, evaluated, two_sequences

from engine.live import LiveTracker
from ops.errors import InputError


@pytest.fixture
def footage():
    return two_sequences()


def test_live_is_as_evaluated(footage):
    sequence, other = footage
    live = LiveTracker(build(CACF))
    for each in (other, sequence):  # started again, nothing of the first stays
        live.init(each.frame(0), each.boxes[0])
        boxes = [live.update(each.frame(index)) for index in range(1, 7)]
    np.testing.assert_array_equal([box for box, _ in boxes], evaluated(CACF, sequence)[1:])
    assert len({score for _, score in boxes}) == 6  # the tracker's own


@pytest.mark.parametrize("box", [[90.0, 10, 5, 5], [5.0, 5, 0, 5], [np.nan] * 4, [1.0, 2, 3]])
def test_live_refuses_boxes_without_area(footage, box):
    with pytest.raises(InputError, match="box="):
        LiveTracker(build(FIRST_BOX)).init(footage[0].frame(0), box)
