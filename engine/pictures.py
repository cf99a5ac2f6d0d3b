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
    the response, whose cell (0, 0) is brought to the middle.
    """
    rows = []
    for index in range(min(most, len(clip))):
        patch = _picture(clip.searches[index, -1])
        side = patch.shape[0]
        template = cv2.resize(_picture(clip.templates[index, -1]), (side, side))
        response = torch.fft.fftshift(seen["responses"][index, -1].detach().float()).cpu().numpy()
        heat = _heat(response, side)
        overlay = cv2.addWeighted(patch, 0.45, heat, 0.55, 0)
        x, y, w, h = clip.search_boxes[index, -1].tolist()
        for picture in (patch, overlay):
            cv2.rectangle(picture, (round(x), round(y)), (round(x + w), round(y + h)), TRUTH, 1)
        rows.append(np.hstack([template, patch, overlay]))
    return np.vstack(rows)


def _picture(patch: Tensor) -> np.ndarray:
    return np.ascontiguousarray(patch.permute(1, 2, 0).cpu().numpy())


def _heat(response: np.ndarray, side: int) -> np.ndarray:
    low, high = float(response.min()), float(response.max())
    grey = ((response - low) / max(high - low, 1e-9) * 255).astype(np.uint8)
    grey = cv2.resize(grey, (side, side), interpolation=cv2.INTER_LINEAR)
    return cv2.cvtColor(cv2.applyColorMap(grey, cv2.COLORMAP_VIRIDIS), cv2.COLOR_BGR2RGB)
