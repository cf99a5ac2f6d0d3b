"""Patterns of materials: which of a few colours shows where."""

import numpy as np

from datasets.synthetic.draws import Random, cosine, sine

PLAIN = ("plain", "plain", "camouflage")
PATTERNS = (
    *("plain", "plain", "plain", "camouflage", "camouflage", "patches", "patches", "halves"),
    *("stripes", "bands", "checks", "spots", "windows", "bricks", "plaid", "marks", "panels"),
)
COLOURFUL = ("patches", "bands", "panels", "plaid")  # patterns of four colours, not two


def pattern(random: Random, u, v, grain, look) -> np.ndarray:
    """Which of the colours shows, (h, w) of 0, 1, 2, 3 or bool."""
    c, s = np.float32(cosine(look.turn)), np.float32(sine(look.turn))
    f = np.float32(look.frequency)
    if look.pattern == "camouflage":
        return grain > np.float32(0.1)
    if look.pattern == "patches":
        return np.clip(np.floor((grain + np.float32(0.4)) * 5), 0, 3).astype(np.uint8)
    p = (u * c + v * s) * f + np.float32(0.25) * grain
    if look.pattern == "halves":
        return p > np.float32(0.1) * f
    if look.pattern == "bands":
        return np.clip(np.floor(p + 2), 0, 3).astype(np.uint8)
    q = (v * c - u * s) * f
    if look.pattern in ("marks", "panels"):
        return _table(random, p, q, look.pattern == "marks")
    p = p - np.floor(p)
    if look.pattern == "stripes":
        return p < np.float32(0.45)
    row = np.floor(q)
    q = q - row
    if look.pattern == "checks":
        return (p < np.float32(0.5)) ^ (q < np.float32(0.5))
    if look.pattern == "plaid":
        return (p < np.float32(0.4)).view(np.uint8) + 2 * (q < np.float32(0.25)).view(np.uint8)
    if look.pattern == "windows":
        return (np.abs(p - np.float32(0.5)) < 0.3) & (np.abs(q - np.float32(0.5)) < 0.28)
    if look.pattern == "bricks":
        p = p + np.float32(0.5) * (row - 2 * np.floor(row / 2))
        return (q < np.float32(0.12)) | (np.abs(p - np.float32(0.97)) < np.float32(0.06))
    p, q = p - np.float32(0.5), q - np.float32(0.5)
    return p * p + q * q < np.float32(0.1)


def _table(random, p, q, written):
    """Cells of random colours; or marks as of writing: strokes of random lengths in rows."""
    table = random.bytes(16, 32)
    row = np.floor(2 * q)
    column = np.floor((7 if written else 2) * p).astype(np.int32) & 31
    table = table[row.astype(np.int32) & 15, column]
    if not written:
        return table & 3
    return (table < 120) & (2 * q - row < np.float32(0.6))
