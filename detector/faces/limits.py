"""Which faces are not worth a score: too small, or too blurry, to carry the trace of a generator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from detector.types import Face, Frame

REFERENCE_PX = 128
"""Sharpness is measured on the face reduced to this size, so that it does not depend on the size; a smaller
face is measured as it is."""
_WINDOW = 11

Grey = npt.NDArray[np.float32]


@dataclass(frozen=True)
class FaceLimits:
    """What a face must have to be scored.

    Attributes:
        min_px: the longer side of its box, px.
        min_sharpness: in [0, 1], see `sharpness`.
    """

    min_px: float = 64.0
    min_sharpness: float = 0.22


def unusable(frame: Frame, face: Face, limits: FaceLimits = FaceLimits()) -> Literal["too_small", "too_blurry"] | None:
    """Why a face of a frame is not worth a score; None when it is."""
    if face.size < limits.min_px:
        return "too_small"
    return "too_blurry" if sharpness(frame, face) < limits.min_sharpness else None


def sharpness(frame: Frame, face: Face) -> float:
    """How much of the variation between neighbouring pixels of a face a blur would take away, in [0, 1].

    One minus the blur effect of Crété-Roffet et al., "The blur effect: perception and estimation with a new
    no-reference perceptual blur metric", 2007, eq. 3-8: a sharp picture loses much by a blur, a blurred one
    little. It does not depend on contrast. A face outside the frame, or without any variation, has 0.
    """
    grey = _grey(frame, face)
    if min(grey.shape) < 4:
        return 0.0
    return min(_lost(grey), _lost(np.ascontiguousarray(grey.T)))


def _grey(frame: Frame, face: Face) -> Grey:
    height, width = frame.pixels.shape[:2]
    x0, y0, x1, y1 = np.clip(np.round(face.box), 0, (width, height, width, height)).astype(int)
    patch = frame.pixels[y0:y1, x0:x1]
    if 0 in patch.shape:
        return np.empty((0, 0), np.float32)
    scale = REFERENCE_PX / max(patch.shape[:2])
    if scale < 1:
        size = (max(1, round(patch.shape[1] * scale)), max(1, round(patch.shape[0] * scale)))
        patch = np.asarray(cv2.resize(patch, size, interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(cv2.cvtColor(patch, cv2.COLOR_RGB2GRAY), np.float32)


def _lost(grey: Grey) -> float:
    """The part of the horizontal variation that a horizontal box blur takes away."""
    blurred = cv2.blur(grey, (_WINDOW, 1), borderType=cv2.BORDER_REFLECT)
    before, after = (np.abs(cv2.Sobel(picture, cv2.CV_32F, 1, 0))[2:-1, 2:-1] for picture in (grey, blurred))
    total = float(before.sum())
    return float(np.maximum(before - after, 0).sum()) / total if total > 0 else 0.0
