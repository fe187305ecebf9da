"""What someone looks like from one frame to the next: a tiny picture of the head, to tell people apart who cross."""

from __future__ import annotations

import cv2
import numpy as np

from detector.types import Array, Pixels

SIDE = 12
GROW = 1.6
"""How much more than the face box is looked at: hair and collar tell people apart better than skin does."""
_LEARN = 0.3


def look_of(pixels: Pixels, box: Array) -> Array | None:
    """A face and what is around it as a unit vector (432,): 12 x 12 px in CIE Lab, the lightness without its mean.

    None where the box lies outside the picture, or shows nothing but an even grey.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        box: (4,) x0 y0 x1 y1 px.
    """
    height, width = pixels.shape[:2]
    middle, reach = (box[:2] + box[2:]) / 2, GROW * (box[2:] - box[:2]) / 2
    ends = np.round(np.concatenate([middle - reach, middle + reach]))
    x0, y0, x1, y1 = np.clip(ends, 0, (width, height, width, height)).astype(int)
    if x1 <= x0 or y1 <= y0:
        return None
    small = cv2.resize(pixels[y0:y1, x0:x1], (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    lab = np.asarray(cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)
    lab[..., 0] -= lab[..., 0].mean()
    return _unit(lab.ravel())


def likeness(one: Array | None, other: Array | None) -> float:
    """The cosine of two looks, in [-1, 1]; NaN where either is not known."""
    return float("nan") if one is None or other is None else float(one @ other)


def mixed(old: Array | None, new: Array | None) -> Array | None:
    """A look after one more sight of it; either may be missing."""
    if old is None or new is None:
        return new if old is None else old
    return _unit((1 - _LEARN) * old + _LEARN * new)


def _unit(vector: Array) -> Array | None:
    length = float(np.linalg.norm(vector))
    return None if length < 1e-3 else np.asarray(vector / length, np.float32)
