"""Any tracker in the VOT toolkit, over TraX, the protocol in which the toolkit talks to trackers.

A tracker is started with a rectangle x, y, w, h, which is our box, or with a polygon, of which it
takes the box that our own evaluation takes (datasets.vot.aligned_boxes); TraX makes a polygon of a
mask. It answers with rectangles, and with its own score as confidence. Coordinates travel with four
decimals. After a failure, and for the next repetition, the same process is started again.

Source: vot-trax 4.0.2, protocol version 4; vot-toolkit 0.9.0, vot/tracker/trax.py.
"""

from pathlib import Path
from typing import Any

import numpy as np

from datasets.pictures import read_picture
from datasets.vot import aligned_boxes
from engine.live import LiveTracker
from ops.errors import InputError

INSTALL = "pip install vot-trax"


def serve(live: LiveTracker, name: str) -> None:
    """Answer the toolkit on this process's standard input and output until it says quit.

    Args:
        live: the tracker.
        name: what the toolkit's log calls it.

    Raises InputError where the TraX library is not installed, and for a broken picture or a region
    that a tracker cannot be started with; the toolkit is told why.
    """
    trax = import_trax()
    formats = [trax.Region.RECTANGLE, trax.Region.POLYGON]
    first, repetition = None, -1  # a process sees one sequence, its first start in each repetition
    with trax.Server(formats, [trax.Image.PATH], tracker_name=name) as server:
        while (request := server.wait()).type != trax.TraxStatus.QUIT:
            path = Path(request.image[trax.ImageChannel.COLOR].path())
            picture = read_picture(path)
            if request.type == trax.TraxStatus.INITIALIZE:
                region, _ = request.objects[0]
                first = first or path
                repetition += path == first
                live.init(picture, region_box(trax, region), repetition)
                server.status([(region, {})])
            else:
                box, score = live.update(picture)
                server.status([(trax.Rectangle.create(*box), {"confidence": score})])


def region_box(trax: Any, region: Any) -> list[float]:
    """x, y, w, h of a TraX rectangle or polygon. Raises InputError unless it has four corners."""
    if region.type == trax.Region.RECTANGLE:
        return list(region.bounds())
    corners = np.array(list(region))  # (N, 2)
    if len(corners) != 4:
        raise InputError(f"a polygon of {len(corners)} corners to start from: expected 4")
    return aligned_boxes(corners.reshape(1, 8))[0].tolist()


def import_trax() -> Any:
    """The TraX library, which is no dependency of this project."""
    try:
        import trax

        trax.Server  # noqa: B018  another package has this name, too
    except (ImportError, AttributeError):
        raise InputError(f"the TraX library is not installed: {INSTALL}") from None
    return trax
