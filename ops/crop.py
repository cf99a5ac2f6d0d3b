"""Crops of pictures, and the map between picture and crop: one definition for training, tracking
and drawing.

A window is a box (ops/boxes.py) in picture pixels; its crop is the window resized to S x S pixels,
without keeping the aspect unless the window is square. Both frames of reference are continuous
(pixel i covers [i, i + 1)), so the map is a shift and a scale and nothing else:

    crop = (picture - window.xy) * S / window.wh
"""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import roi_align

from ops.boxes import array_library


@dataclass
class Frames:
    """B pictures of possibly different sizes, as one batch.

    Attributes:
        pixels: (B, H, W, 3) uint8 RGB. Picture b lies at row 1, column 1; what it does not cover
            is zero, and at least one pixel on every side, so that no picture touches the canvas.
        sizes: (B, 2) float, width and height of each picture.
        means: (B, 3) float, mean colour of each picture, which fills a crop outside of it.
    """

    pixels: Tensor
    sizes: Tensor
    means: Tensor

    @classmethod
    def stack(cls, pictures: list[np.ndarray], device: torch.device | str = "cpu") -> "Frames":
        """Frames from a list of (H, W, 3) uint8 RGB arrays of any sizes."""
        height = max(picture.shape[0] for picture in pictures)
        width = max(picture.shape[1] for picture in pictures)
        pixels = np.zeros((len(pictures), height + 2, width + 2, 3), np.uint8)
        for canvas, picture in zip(pixels, pictures, strict=True):
            canvas[1 : picture.shape[0] + 1, 1 : picture.shape[1] + 1] = picture
        sizes = torch.tensor([picture.shape[1::-1] for picture in pictures], dtype=torch.float32)
        means = np.array([cv2.mean(picture)[:3] for picture in pictures])
        return cls(
            torch.from_numpy(pixels).to(device, non_blocking=True),
            sizes.to(device, non_blocking=True),
            torch.from_numpy(means).float().to(device, non_blocking=True),
        )

    def __len__(self) -> int:
        return len(self.pixels)

    def split(self) -> "list[Frames]":
        """Each picture as Frames of its own."""
        parts = zip(self.pixels.split(1), self.sizes.split(1), self.means.split(1), strict=True)
        return [Frames(*part) for part in parts]


def crop(frames: Frames, windows: Tensor, size: int) -> Tensor:
    """Cut N windows out of each of B pictures.

    Args:
        frames: B pictures.
        windows: (B, N, 4) boxes in picture pixels; they may leave the picture or miss it.
        size: S, side of the crops in pixels.

    Returns:
        (B, N, 3, S, S) float32 RGB in [0, 255]: bilinear, averaged over the area that a crop pixel
        covers where the window is larger than the crop (torchvision's roi_align), and the
        picture's mean colour outside of it (SiamFC).
    """
    batch, count = windows.shape[:2]
    if batch > 1 and not windows.is_cuda:  # one by one, each needs only the part that it sees
        singles = zip(frames.split(), windows.split(1), strict=True)
        return torch.cat([crop(frame, window, size) for frame, window in singles])
    windows = torch.cat([windows[..., :2] + 1, windows[..., 2:]], -1).float()  # it lies at (1, 1)
    columns, rows = _reduction(windows, size)
    left, top, right, bottom = _visible_part(frames.pixels, windows, 2 * max(columns, rows))
    pixels = frames.pixels[:, top:bottom, left:right].permute(0, 3, 1, 2)  # (B, 3, H, W)
    means = frames.means[:, :, None, None]
    canvas = (pixels - means) * _inside(frames.sizes, left, top, right, bottom)[:, None]
    if left or top:  # never on a GPU
        windows = windows - windows.new_tensor([left, top, 0, 0])
    if max(columns, rows) > 1:
        # With an averaged cell around it, since roi_align goes on with whatever is at the edge.
        sides = (columns, columns + (left - right) % columns, rows, rows + (top - bottom) % rows)
        canvas = F.avg_pool2d(F.pad(canvas, sides), (rows, columns))
        windows = windows + windows.new_tensor([columns, rows, 0, 0])
        windows = windows / windows.new_tensor([columns, rows, columns, rows])
    owner = torch.arange(batch, device=windows.device).repeat_interleave(count)
    corners = torch.cat([windows[..., :2], windows[..., :2] + windows[..., 2:]], -1)
    rois = torch.cat([owner[:, None].float(), corners.reshape(-1, 4)], 1)  # (B N, 5)
    crops = roi_align(canvas.contiguous(), rois, (size, size), sampling_ratio=-1, aligned=True)
    return crops.view(batch, count, 3, size, size) + means[:, None]


# Two savings for the CPU. On a GPU they would have to wait for the windows to be read back.


def _reduction(windows: Tensor, size: int) -> tuple[int, int]:
    """Powers of two (columns, rows) by which a picture may be averaged down before the crop, while
    every window stays as large as its crop: roi_align's own averaging is slow on the CPU."""
    if windows.is_cuda:
        return 1, 1
    ratio = (windows[..., 2:].amin((0, 1)) / size).clamp(min=1)
    return tuple((2 ** ratio.log2().floor().int()).tolist())


def _visible_part(pixels: Tensor, windows: Tensor, margin: int) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the canvas that the windows see, the rest is not converted."""
    height, width = pixels.shape[1:3]
    if pixels.is_cuda:
        return 0, 0, width, height
    low = (windows[..., :2].amin((0, 1)) - margin).floor()
    high = (windows[..., :2] + windows[..., 2:]).amax((0, 1)).ceil() + margin
    left, top = int(low[0].clamp(0, width - 1)), int(low[1].clamp(0, height - 1))
    return left, top, int(high[0].clamp(left + 1, width)), int(high[1].clamp(top + 1, height))


def _inside(sizes: Tensor, left: int, top: int, right: int, bottom: int) -> Tensor:
    """1 on the canvas cells that a picture covers, 0 beside it: (B, H, W)."""
    column = torch.arange(left, right, device=sizes.device)
    row = torch.arange(top, bottom, device=sizes.device)
    columns = (column >= 1) & (column <= sizes[:, :1])  # (B, W)
    rows = (row >= 1) & (row <= sizes[:, 1:])  # (B, H)
    return (rows[:, :, None] & columns[:, None]).float()


def to_crop(boxes, windows, size: int):
    """Boxes (..., 4) in picture pixels -> crop pixels, for windows (..., 4) and crops of `size`."""
    scale = size / windows[..., 2:]
    position = (boxes[..., :2] - windows[..., :2]) * scale
    return array_library(boxes).concatenate([position, boxes[..., 2:] * scale], -1)


def from_crop(boxes, windows, size: int):
    """The inverse of `to_crop`: boxes in crop pixels -> picture pixels."""
    scale = windows[..., 2:] / size
    position = boxes[..., :2] * scale + windows[..., :2]
    return array_library(boxes).concatenate([position, boxes[..., 2:] * scale], -1)
