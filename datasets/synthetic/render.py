"""Drawing a frame: fixed-point warps and integer blending, the same bits on every machine.

The only OpenCV calls are copies between channels, look-up tables, saturating additions and
cv2.remap with fixed-point maps (CV_16SC2 and CV_16UC1) on uint8, which is integer arithmetic: the
five-bit bilinear weights sum to 1024 and the sum is rounded half up (a test compares). What the
camera makes of the picture is in record.py.
"""

import cv2
import numpy as np

from datasets.synthetic.actors import SHEAR, Actor, Camera, bow, unturned
from datasets.synthetic.draws import Random
from datasets.synthetic.lens import soften
from datasets.synthetic.light import Light, shadow_profile
from datasets.synthetic.record import compress, doubled, halved
from datasets.synthetic.script import Script

HALO = 4  # pixels at nominal size that soft edges and shadows reach beyond an outline
FINE = 1024  # steps of a texel in which affine maps are computed


def remap(texture: np.ndarray, x: np.ndarray, y: np.ndarray, border: int) -> np.ndarray:
    """Bilinear samples of a uint8 texture (H, W, C) at x, y (h, w) int32 in 1/32 texel.

    Texel k is centred on 32 k.
    """
    whole = np.empty((*x.shape, 2), np.int16)
    np.right_shift(x, 5, out=whole[..., 0], casting="unsafe")
    np.right_shift(y, 5, out=whole[..., 1], casting="unsafe")
    fraction = (((y & 31) << 5) | (x & 31)).astype(np.uint16)
    return cv2.remap(texture, whole, fraction, cv2.INTER_LINEAR, borderMode=border)


def _affine(matrix, offset, columns, rows):
    """Maps x, y (h, w) int32 in 1/32 texel of matrix p + offset at pixel centres p."""
    maps = []
    for axis in (0, 1):
        along = (columns + 0.5) * matrix[axis, 0] + (offset[axis] - 0.5)
        down = (rows + 0.5) * matrix[axis, 1]
        along = np.floor(along * FINE + 0.5).astype(np.int32) + FINE // 64
        down = np.floor(down * FINE + 0.5).astype(np.int32)
        maps.append((along[None] + down[:, None]) >> 5)
    return maps


def background(
    picture: np.ndarray, camera: Camera, index: int, blur: np.ndarray | None
) -> np.ndarray:
    """The scenery as the camera sees it, (H, W, 3) uint8, smeared over the vector blur (2,)."""
    width, height = camera.size
    shifts = _shifts(blur)
    margin = np.abs(shifts).max(0)
    columns = np.arange(-margin[0], width + margin[0])
    rows = np.arange(-margin[1], height + margin[1])
    matrix, offset = camera.inverse(index)
    x, y = _affine(matrix, offset, columns, rows)
    shear = int(camera.shear[index] * SHEAR)
    if shear:
        below = np.maximum(y - 32 * camera.level, 0)
        below *= shear
        below >>= SHEAR.bit_length() - 1
        x += below
    view = remap(picture, x, y, cv2.BORDER_REFLECT_101)
    return _smear(view, shifts, margin)


def _shifts(blur):
    """Whole-pixel displacements (1, 2, 4 or 8, 2) spread evenly over a blur vector (2,)."""
    length = 0.0 if blur is None else float(np.abs(blur).max())
    if length < 1.5:
        return np.zeros((1, 2), np.int64)
    taps = 2 if length < 3 else 4 if length < 7 else 8
    along = (np.arange(taps) + 0.5) / taps - 0.5
    return np.floor(along[:, None] * blur + 0.5).astype(np.int64)


def _smear(view, shifts, margin):
    """Mean of a view displaced by each of the shifts, less a margin on every side."""
    if len(shifts) == 1:
        return view
    height, width = view.shape[0] - 2 * margin[1], view.shape[1] - 2 * margin[0]
    total = np.full((height, width, view.shape[2]), len(shifts) // 2, np.uint16)
    for dx, dy in shifts:
        y, x = margin[1] - dy, margin[0] - dx
        total += view[y : y + height, x : x + width]
    return (total >> (len(shifts).bit_length() - 1)).astype(np.uint8)


def sprite(actor: Actor, index: int, blur: np.ndarray | None, size: tuple[int, int]):
    """An actor drawn alone.

    Returns premultiplied RGBA (h, w, 4) uint8 and the pixel (x, y) of its upper left corner, or
    None where no part of it can be in a picture of `size`. h x w is clipped to the picture.
    """
    shifts = _shifts(blur)
    margin = np.abs(shifts).max(0)
    low, high = (reach[:, index] for reach in actor.limb_reach)
    halo = 1 + HALO * float(actor.stretch[index].max())
    low, high = low.min(0) - halo, high.max(0) + halo
    low = np.maximum(np.floor(actor.centre[index] + low).astype(np.int64) - margin, 0)
    high = np.ceil(actor.centre[index] + high).astype(np.int64) + margin
    high = np.minimum(high, size)
    if (high <= low).any():
        return None
    columns = np.arange(low[0] - margin[0], high[0] + margin[0])
    rows = np.arange(low[1] - margin[1], high[1] + margin[1])
    patch = np.zeros((len(rows), len(columns), 4), np.uint8)
    straightened = None if actor.straight[index] else _straightened(actor, index, columns, rows)
    for number, limb in enumerate(actor.figure.limbs):
        least, most = (reach[number, index] + actor.centre[index] for reach in actor.limb_reach)
        x0, y0 = np.maximum(np.floor(least - halo).astype(np.int64) - (columns[0], rows[0]), 0)
        x1, y1 = np.ceil(most + halo).astype(np.int64) - (columns[0], rows[0])
        x1, y1 = min(x1, len(columns)), min(y1, len(rows))
        if x1 <= x0 or y1 <= y0:
            continue
        part = np.s_[y0:y1, x0:x1]
        matrix, offset = actor.to_texels(index, number)
        if straightened is None:
            x, y = _affine(matrix, offset, columns[x0:x1], rows[y0:y1])
        else:
            x, y = _figure_texels(matrix, offset, *(axis[part] for axis in straightened))
        layer = remap(limb.texture, x, y, cv2.BORDER_CONSTANT)
        patch[part] = _over(layer, patch[part])
    return _smear(patch, shifts, margin), low


def _straightened(actor: Actor, index: int, columns, rows):
    """Figure coordinates x, y (h, w) float32 of the pixels of columns (w,) and rows (h,), limbs
    not swung back: the inverse of Actor.relative, so what was done last is undone first."""
    unpose, centre = actor.unpose[index], actor.centre[index]
    across = (columns + 0.5 - centre[0])[None]
    down = (rows + 0.5 - centre[1])[:, None]
    x, y = (
        (unpose[k, 0] * across).astype(np.float32) + (unpose[k, 1] * down).astype(np.float32)
        for k in (0, 1)
    )
    bend, half = actor.bend[index].astype(np.float32), actor.figure.half
    wide, high = np.float32(1 / half[0]), np.float32(1 / half[1])
    if actor.yaw[index]:
        x = np.float32(half[0]) * unturned(x * wide, np.float32(actor.yaw[index]))
    if bend[2] or bend[3]:
        y -= bow(x * wide, bend[2], bend[3])
    if bend[0] or bend[1]:
        x -= bow(y * high, bend[0], bend[1])
    return x, y


def _figure_texels(matrix, offset, x, y):
    """Maps (h, w) int32 in 1/32 texel of matrix p + offset at figure points p = (x, y)."""
    matrix, offset = (32 * matrix).astype(np.float32), (32 * offset - 15.5).astype(np.float32)
    maps = []
    for axis in (0, 1):
        texel = matrix[axis, 0] * x + matrix[axis, 1] * y + offset[axis]
        maps.append(np.floor(np.clip(texel, -30000, 60000)).astype(np.int32))
    return maps


def _over(layer, below):
    """Premultiplied `layer` (h, w, 4) over `below` (h, w, 3 or 4)."""
    alpha = layer[..., 3].astype(np.uint16)
    keep = 256 - alpha - (alpha >> 7)  # 0 where alpha is 255
    channels = below.shape[2]
    shown = (below * cv2.merge([keep] * channels) + np.uint16(128)) >> 8
    colours = layer if channels == 4 else cv2.cvtColor(layer, cv2.COLOR_RGBA2RGB)
    return cv2.add(shown.astype(np.uint8), colours)


def lit(frame: np.ndarray, light: Light, index: int) -> np.ndarray:
    """The frame under its light: levels through a table, grey or not, then the soft shadow."""
    levels = light.shown(np.arange(256)[:, None] * light.gain[index])
    table = np.floor(levels + 0.5).astype(np.uint8)
    frame = cv2.LUT(frame, table[None])
    if light.grey:
        red, green, blue = (plane.astype(np.uint16) for plane in cv2.split(frame))
        frame = cv2.merge([((77 * red + 150 * green + 29 * blue) >> 8).astype(np.uint8)] * 3)
    if not light.depth:
        return frame
    height, width = frame.shape[:2]
    across = np.floor((np.arange(width) + 0.5) * (light.slope[0] / width) * 4096)
    down = np.floor((np.arange(height) + 0.5) * (light.slope[1] / width) * 4096)
    down = down + np.floor(light.shade[index] * 4096)
    where = across.astype(np.int32)[None] + down.astype(np.int32)[:, None]
    dark = shadow_profile(np.arange(512) / 512)
    keep = np.floor(256 - 256 * light.depth * dark).astype(np.uint16)
    gain = keep[(where >> 3) & 511]
    return ((frame * cv2.merge([gain] * 3)) >> 8).astype(np.uint8)


def grain(random: Random, height: int, width: int, strength: float) -> np.ndarray:
    """Sensor noise (2, height, width, 3) uint8: what to add to a frame, what to take away.

    Triangular about 0 with a deviation of about 104 x strength grey levels. The three channels are
    windows of one field.
    """
    noise = random.bytes(2, height + 20, width + 20).astype(np.int16)
    noise = ((noise[0] + noise[1] - 255) * int(strength * 256 + 0.5)) >> 8
    parts = np.maximum(noise, 0).astype(np.uint8), np.maximum(-noise, 0).astype(np.uint8)
    return np.stack(
        [
            cv2.merge([part[k : k + height, 2 * k : 2 * k + width] for k in (0, 10, 5)])
            for part in parts
        ]
    )


def frame(script: Script, picture: np.ndarray, noise: np.ndarray, index: int) -> np.ndarray:
    """Frame `index` of a script before the scenery `picture`, (H, W, 3) uint8 RGB."""
    camera = script.camera
    seen = background(picture, camera, index, script.exposure * camera.motion[index])
    for actor in script.actors:
        drawn = sprite(actor, index, script.exposure * actor.motion[index], camera.size)
        if drawn is None:
            continue
        patch, (x, y) = drawn
        region = seen[y : y + patch.shape[0], x : x + patch.shape[1]]
        region[...] = _over(patch, region)
    return recorded(seen, script, noise, index)


def recorded(seen: np.ndarray, script: Script, noise: np.ndarray, index: int) -> np.ndarray:
    """What the camera makes of frame `index` as it is seen, (H, W, 3) uint8, which may change."""
    record, (height, width) = script.record, seen.shape[:2]
    seen = lit(soften(seen, record.softness), script.light, index)
    if record.coarse:
        seen = halved(seen)
    dx, dy = script.grain_offsets[index]
    window = noise[:, dy : dy + seen.shape[0], dx : dx + seen.shape[1]]
    if script.light.grey:
        window = window[..., :1].repeat(3, -1)
    seen = cv2.subtract(cv2.add(seen, window[0]), window[1])
    if record.steps is not None:
        seen = compress(seen, record.steps, script.light.grey)
    return doubled(seen)[:height, :width] if record.coarse else seen
