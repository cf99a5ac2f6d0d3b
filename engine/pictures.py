"""Pictures of a training, for TensorBoard."""

import cv2
import numpy as np
import torch
from torch import Tensor

from ops.clip import Clip

TRUTH, OTHER = (60, 220, 60), (235, 60, 235)  # the template's target; another one, to be refused
GAP = 2  # pixels between crops
WIDEST = 1600  # pixels of a picture; wider rows are made smaller


def clip_picture(clip: Clip, most: int = 4) -> np.ndarray:
    """Up to `most` clips as the network sees them, as one (H, W, 3) uint8 RGB picture.

    A row shows a clip's K templates and then its T searches with their boxes, in the colour OTHER
    where a search shows another target than the templates do. Crops keep their sizes, unless rows
    would be wider than WIDEST.
    """
    templates, searches = _pictures(clip.templates[:most]), _pictures(clip.searches[:most])
    boxes = torch.cat([clip.template_boxes[:most], clip.search_boxes[:most]], 1).tolist()
    matches = clip.matches[:most].tolist()
    crops_wide = sum(crops.shape[1] * crops.shape[2] for crops in (templates, searches))
    gaps_wide = (len(boxes[0]) - 1) * GAP
    scale = min((WIDEST - gaps_wide) / crops_wide, 1.0)
    rows = []
    for index in range(len(boxes)):
        crops = [*templates[index], *searches[index]]
        colours = [TRUTH] * templates.shape[1] + [TRUTH if m else OTHER for m in matches[index]]
        sides = [int(len(crop) * scale) for crop in crops]
        row = np.zeros((max(sides), sum(sides) + gaps_wide, 3), np.uint8)
        left = 0
        for crop, box, colour, side in zip(crops, boxes[index], colours, sides, strict=True):
            cell = cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA)
            _draw(cell, [number * side / len(crop) for number in box], colour)
            top = (len(row) - side) // 2
            row[top : top + side, left : left + side] = cell
            left += side + GAP
        rows += [row, np.zeros((GAP, row.shape[1], 3), np.uint8)]
    return np.vstack(rows[:-1])


def search_picture(clip: Clip, seen: dict[str, Tensor], most: int = 4) -> np.ndarray:
    """What the network saw of up to `most` clips, as one (H, W, 3) uint8 RGB picture.

    A row shows a clip's last template, its last search with the truth (see `clip_picture`), and
    the search under the response, which lies where the tracker says.
    """
    side = clip.searches.shape[-1]
    area = seen.get("response_area", torch.tensor([0, 0, side, side])).tolist()
    templates = _pictures(clip.templates[:most, -1:])[:, 0]  # (B, Z, Z, 3)
    searches = _pictures(clip.searches[:most, -1:])[:, 0]
    responses = seen["responses"][:most, -1].detach().float().cpu().numpy()
    boxes, matches = clip.search_boxes[:most, -1].tolist(), clip.matches[:most, -1].tolist()
    rows = []
    for index, search in enumerate(searches):
        template = cv2.resize(templates[index], (side, side))
        overlay = cv2.addWeighted(search, 0.45, _heat(responses[index], area, side), 0.55, 0)
        for picture in (search, overlay):
            _draw(picture, boxes[index], TRUTH if matches[index] else OTHER)
        rows.append(np.hstack([template, search, overlay]))
    return np.vstack(rows)


def _pictures(crops: Tensor) -> np.ndarray:
    """Crops (B, N, 3, S, S) in [0, 255] as (B, N, S, S, 3) uint8."""
    rounded = crops.detach().clamp(0, 255).round().byte()
    return rounded.movedim(2, -1).contiguous().cpu().numpy()


def _draw(picture: np.ndarray, box: list[float], colour: tuple[int, int, int]) -> None:
    """Outline the pixels that a box touches."""
    x, y, w, h = box
    first, last = np.floor([x, y]).astype(int), np.ceil([x + w, y + h]).astype(int) - 1
    cv2.rectangle(picture, first.tolist(), last.tolist(), colour, 1)


def _heat(response: np.ndarray, area: list[float], side: int) -> np.ndarray:
    low, high = float(response.min()), float(response.max())
    grey = ((response - low) / max(high - low, 1e-9) * 255).astype(np.uint8)
    colours = cv2.cvtColor(cv2.applyColorMap(grey, cv2.COLORMAP_VIRIDIS), cv2.COLOR_BGR2RGB)
    x, y, width, height = area
    scale = np.array([[width / response.shape[1], 0, x], [0, height / response.shape[0], y]])
    scale[:, 2] += scale[:, :2].sum(1) / 2 - 0.5  # from cell centres to pixel centres
    heat = cv2.warpAffine(colours, scale, (side, side), borderMode=cv2.BORDER_REPLICATE)
    top, left = max(round(y), 0), max(round(x), 0)
    canvas = np.zeros_like(heat)
    inside = np.s_[top : round(y + height), left : round(x + width)]
    canvas[inside] = heat[inside]
    return canvas
