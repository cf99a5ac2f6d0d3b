"""Sequences at a glance: a sheet with a row a sequence and frames spread over its time."""

import cv2
import numpy as np

from datasets.sequence import Sequence
from ops.boxes import valid

CAPTION = 16  # pixels above a row
GAP = 2
PAPER, INK, TRUTH = (255, 255, 255), (40, 40, 40), (0, 220, 0)


def contact_sheet(
    sequences: list[Sequence],
    columns: int = 6,
    rows: int = 8,
    tile: tuple[int, int] = (160, 120),
) -> np.ndarray:
    """Draws at most `rows` of the sequences, spread evenly over the list.

    Each row holds `columns` frames spread evenly from the first to the last, resized into tiles of
    (width, height) pixels with their aspect kept, the true box in green, under a caption with the
    name and the attributes. Returns (H, W, 3) uint8 RGB.
    """
    chosen = [sequences[k] for k in _spread(len(sequences), rows)]
    width, height = tile
    step = height + CAPTION + GAP
    sheet = np.full((len(chosen) * step, columns * (width + GAP) - GAP, 3), PAPER, np.uint8)
    for row, sequence in enumerate(chosen):
        top = row * step
        _caption(sheet[top : top + CAPTION], sequence)
        for column, index in enumerate(_spread(len(sequence), columns)):
            x = column * (width + GAP)
            cell = sheet[top + CAPTION : top + CAPTION + height, x : x + width]
            _draw(cell, sequence.frame(index), sequence.boxes[index])
    return sheet


def _spread(count: int, wanted: int) -> list[int]:
    """At most `wanted` of 0..count - 1, evenly, with the first and the last."""
    if count <= wanted:
        return list(range(count))
    if wanted == 1:
        return [0]
    return [round(k * (count - 1) / (wanted - 1)) for k in range(wanted)]


def _caption(strip, sequence):
    text = sequence.name
    if sequence.attributes:
        text += ": " + ", ".join(sequence.attributes)
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, 0.4
    while cv2.getTextSize(text, font, scale, 1)[0][0] > strip.shape[1] - 4 and len(text) > 4:
        text = text[:-4] + "..."
    cv2.putText(strip, text, (2, CAPTION - 5), font, scale, INK, 1, cv2.LINE_AA)


def _draw(cell, frame, box):
    """Fits the frame into the cell (h, w, 3), centred, and draws the box where there is one."""
    height, width = cell.shape[:2]
    scale = min(width / frame.shape[1], height / frame.shape[0])
    w, h = (max(round(side * scale), 1) for side in (frame.shape[1], frame.shape[0]))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = np.ascontiguousarray(cv2.resize(frame, (w, h), interpolation=method))
    if valid(box):
        x0, y0 = (int(value) for value in np.floor(box[:2] * scale))
        x1, y1 = (int(value) for value in np.ceil((box[:2] + box[2:]) * scale) - 1)
        cv2.rectangle(small, (x0, y0), (x1, y1), TRUTH, 1)
    y, x = (height - h) // 2, (width - w) // 2
    cell[y : y + h, x : x + w] = small
