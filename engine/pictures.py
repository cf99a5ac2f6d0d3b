"""Pictures of a training, for TensorBoard."""

import cv2
import numpy as np
import torch
from torch import Tensor

from ops.clip import Clip

TRUTH = (60, 220, 60)


def search_picture(clip: Clip, seen: dict[str, Tensor], most: int = 4) -> np.ndarray:
    """What the network saw of up to `most` clips, as one (H, W, 3) uint8 RGB picture.

    A row shows a clip's last template, its last search patch with the truth, and the patch under
    the response, which lies where the tracker says.
    """
    side = clip.searches.shape[-1]
    area = seen.get("response_area", torch.tensor([0, 0, side, side])).tolist()
    rows = []
    for index in range(min(most, len(clip))):
        patch = _picture(clip.searches[index, -1])
        template = cv2.resize(_picture(clip.templates[index, -1]), (side, side))
        heat = _heat(seen["responses"][index, -1].detach().float().cpu().numpy(), area, side)
        overlay = cv2.addWeighted(patch, 0.45, heat, 0.55, 0)
        x, y, w, h = clip.search_boxes[index, -1].tolist()
        for picture in (patch, overlay):
            cv2.rectangle(picture, (round(x), round(y)), (round(x + w), round(y + h)), TRUTH, 1)
        rows.append(np.hstack([template, patch, overlay]))
    return np.vstack(rows)


def _picture(patch: Tensor) -> np.ndarray:
    return np.ascontiguousarray(patch.permute(1, 2, 0).cpu().numpy())


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
