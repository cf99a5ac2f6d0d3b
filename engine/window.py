"""A window on the screen, where there is one: the target drawn by hand, the tracker watched."""

import os
import subprocess
import sys

import cv2
import numpy as np

TITLE = "lodestar"
LARGEST = (1280, 720)  # that a picture is shown at
STEPS = (1, 2, 5, 10, 20, 25, 50, 100, 200, 500, 1000)  # pixels between the lines of a grid
MARGIN, FONT = 56, cv2.FONT_HERSHEY_SIMPLEX


def has_display() -> bool:
    """Whether a window can be opened. Tried in a process of its own: without a screen OpenCV's Qt
    ends the process that it is in."""
    if sys.platform == "linux" and not {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys():
        return False
    trial = "import cv2; cv2.namedWindow('lodestar'); cv2.destroyAllWindows()"
    return subprocess.run([sys.executable, "-c", trial], capture_output=True).returncode == 0


def draw_box(picture: np.ndarray) -> list[float] | None:
    """x, y, w, h of what is drawn with the mouse on picture (H, W, 3) RGB; None if nothing is."""
    scale = min(LARGEST[0] / picture.shape[1], LARGEST[1] / picture.shape[0], 1.0)
    shown = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    title = f"{TITLE}: draw a box around the target, then Enter"
    drawn = cv2.selectROI(title, shown[..., ::-1].copy(), showCrosshair=False, printNotice=False)
    cv2.destroyWindow(title)
    return [round(value / scale, 1) for value in drawn] if drawn[2] and drawn[3] else None


def show(frame: np.ndarray) -> bool:
    """Show a frame (H, W, 3) BGR; whether it is to go on, until q is pressed."""
    cv2.imshow(TITLE, frame)
    return cv2.waitKey(1) & 0xFF != ord("q")


def with_rulers(picture: np.ndarray) -> np.ndarray:
    """A picture (H, W, 3) RGB with its pixel coordinates along the sides and a grid over it, small
    ones enlarged, as (H', W', 3) RGB."""
    height, width = picture.shape[:2]
    scale = max(1, 960 // max(height, width))
    step = next(step for step in STEPS if step * scale >= 60 or step == STEPS[-1])
    page = np.full((height * scale + 2 * MARGIN, width * scale + 2 * MARGIN, 3), 255, np.uint8)
    inside = page[MARGIN:-MARGIN, MARGIN:-MARGIN]
    inside[:] = picture.repeat(scale, 0).repeat(scale, 1)
    lines = np.zeros(inside.shape[:2], bool)
    for axis, size in enumerate((height, width)):
        at = np.arange(0, size, step)
        lines[(slice(None),) * axis + (at * scale,)] = True
        for value in at:
            place = MARGIN + int(value) * scale
            text = str(value)
            extent = cv2.getTextSize(text, FONT, 0.45, 1)[0]
            far = page.shape[1 - axis] - MARGIN
            for near in (True, False):
                if axis:  # x, above and below
                    origin = (place - extent[0] // 2, MARGIN - 8 if near else far + 8 + extent[1])
                else:  # y, left and right
                    origin = (MARGIN - 8 - extent[0] if near else far + 8, place + extent[1] // 2)
                cv2.putText(page, text, origin, FONT, 0.45, (0, 0, 0), 1, cv2.LINE_AA)
    # Light on what is dark and dark on what is light, so that the grid is seen everywhere.
    inside[lines] = np.where(inside[lines].mean(-1, keepdims=True) < 128, 235, 20) // 2 + (
        inside[lines] // 2
    )
    return page
