"""Self-blended images: a face blended with a slightly changed copy of itself (Shiohara & Yamasaki 2022)."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from detector.fakes.outline import hull_mask
from detector.fakes.square import Rng, Square, cut_square, paste
from detector.fakes.workshop import Fake, FakeMaker, Workshop
from detector.types import Array, Face, Frame

_MOST = 4
RATIOS = (0.25, 0.5, 0.75, 1.0, 1.0, 1.0)
"""What the mask is multiplied by: the paper's section 3.2."""


def self_blend(_: Workshop) -> FakeMaker:
    """The face with a changed copy of itself blended in: other colours, sharpness and place.

    "Detecting Deepfakes with Self-Blended Images", CVPR 2022, section 3.2. There either side may be changed;
    here always the one that is blended in, since the rest of the picture stays as it is. The same face is both
    sides, so that only what a blending leaves behind can tell the fake from the real.
    """
    return make


def make(frame: Frame, face: Face, rng: Rng) -> Fake:
    """One self-blended image."""
    square = cut_square(frame, face)
    mask = hull_mask(square.landmarks, square.side, rng) * np.float32(rng.choice(RATIOS))
    return paste(frame, face, square, _moved(_changed(square.pixels, rng), square, rng), mask)


def _changed(pixels: Array, rng: Rng) -> Array:
    """One to `_MOST` of `CHANGES`, in random order."""
    count = int(rng.integers(1, _MOST, endpoint=True))
    for place in rng.permutation(len(CHANGES))[:count]:
        pixels = np.clip(CHANGES[place](pixels, rng), 0, 1)
    return pixels


def _shift_colours(pixels: Array, rng: Rng) -> Array:
    return pixels + rng.uniform(-0.05, 0.05, 3).astype(np.float32)


def _shift_hue(pixels: Array, rng: Rng) -> Array:
    hsv = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2HSV), np.float32)
    turn, saturation, value = rng.uniform(-6, 6), rng.uniform(0.75, 1.25), rng.uniform(0.88, 1.12)
    hsv = hsv * np.array([1, saturation, value], np.float32) + np.array([turn, 0, 0], np.float32)
    hsv[..., 0] %= 360
    return np.asarray(cv2.cvtColor(np.clip(hsv, 0, (360, 1, 1)).astype(np.float32), cv2.COLOR_HSV2RGB), np.float32)


def _stretch(pixels: Array, rng: Rng) -> Array:
    """Another contrast and brightness."""
    return (pixels - 0.5) * np.float32(rng.uniform(0.85, 1.18)) + np.float32(0.5 + rng.uniform(-0.06, 0.06))


def _sharpen(pixels: Array, rng: Rng) -> Array:
    soft = cv2.GaussianBlur(pixels, (0, 0), rng.uniform(0.6, 2.0))
    return pixels + np.float32(rng.uniform(0.3, 1.0)) * (pixels - soft)


def _coarsen(pixels: Array, rng: Rng) -> Array:
    """Down to a third or so of the side, and up again."""
    side = round(len(pixels) / rng.uniform(1.5, 4.0))
    method = (cv2.INTER_LINEAR, cv2.INTER_CUBIC)[int(rng.integers(2))]
    small = cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, pixels.shape[:2], interpolation=method), np.float32)


def _recompress(pixels: Array, rng: Rng) -> Array:
    levels = np.round(pixels * 255).astype(np.uint8)
    encoded = cv2.imencode(".jpg", levels, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 95))])[1]
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.float32) / np.float32(255)


CHANGES: tuple[Callable[[Array, Rng], Array], ...] = (
    _shift_colours,
    _shift_hue,
    _stretch,
    _sharpen,
    _coarsen,
    _recompress,
)
"""Each takes (S, S, 3) float32 in [0, 1] and gives about the same."""


def _moved(pixels: Array, square: Square, rng: Rng) -> Array:
    """The copy a little larger or smaller, and elsewhere: at most 3% and 1.5% of the face."""
    centre = square.landmarks.mean(axis=0)
    middle = (float(centre[0]), float(centre[1]))
    matrix = np.asarray(cv2.getRotationMatrix2D(middle, rng.uniform(-2, 2), rng.uniform(0.96, 1.05)), np.float64)
    matrix[:, 2] += rng.uniform(-1, 1, 2) * np.array([0.03, 0.015]) * square.face_px
    size = (square.side, square.side)
    moved = cv2.warpAffine(pixels, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(moved, np.float32)
