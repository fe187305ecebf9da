"""What all pictures share: colours that colour-blind people tell apart, one font, numbers in words."""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import ImageFont

from detector.types import Array, Pixels

Colour = tuple[int, int, int]

FAKE: Colour = (184, 74, 0)
REAL: Colour = (0, 103, 168)
ABSTAINED: Colour = (96, 96, 96)
INK: Colour = (32, 32, 32)
PAPER: Colour = (255, 255, 255)
"""FAKE and REAL are the vermilion and the blue of Okabe & Ito (2008), darkened until white text on them has a
contrast of 4.5 : 1 and more."""


@lru_cache(maxsize=64)
def font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, the one that comes with matplotlib, so that a picture looks the same on every machine."""
    import matplotlib

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    path = Path(matplotlib.get_data_path(), "fonts", "ttf", name)
    return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)


def text_size(height: int, width: int) -> int:
    """Font size in px for a picture of this size: it stays readable when a screen shows the picture whole."""
    return max(12, round(math.sqrt(height * width) / 40))


def wrap(text: str, width: int, size: int, bold: bool = False) -> list[str]:
    """Break text between words into lines of at most `width` px; a longer word keeps a line to itself."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font(size, bold).getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def colours(values: Array) -> Array:
    """(...,) values in [0, 1] to (..., 3) RGB in [0, 1] by *inferno*, whose lightness grows evenly with the value."""
    import matplotlib

    return np.asarray(matplotlib.colormaps["inferno"](np.clip(values, 0, 1))[..., :3], np.float32)


def to_pixels(values: Array) -> Pixels:
    """[0, 1] to uint8."""
    return np.round(np.clip(values, 0, 1) * 255).astype(np.uint8)


def probability(value: float) -> str:
    """Two digits; three within 0.005 of certainty, so that 0.997 does not read as 1."""
    return f"{value:.{2 if 0.005 <= value < 0.995 else 3}f}"


def compared(value: float, threshold: float) -> str:
    """A probability beside the threshold, e.g. ``0.93 ≥ 0.41``; more digits where two would make it look false."""
    sign = "≥" if value >= threshold else "<"
    for digits in (2, 3, 4, 6):
        left, right = f"{value:.{digits}f}", f"{threshold:.{digits}f}"
        if (float(left) >= float(right)) == (value >= threshold):
            break
    return f"{max(left, probability(value), key=len)} {sign} {right}"
