"""One picture at several sizes, and the candidates of all sizes merged into faces.

A network finds faces of about 14 to 240 px. A picture therefore is looked at twice: small, with a margin
around it, for faces that fill the frame or leave it; and larger, for small faces.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from detector.types import Array, Face, Pixels

BOX, LANDMARKS, SCORE = slice(0, 4), slice(4, 14), 14
COLUMNS = 15
"""A candidate is a row: x0 y0 x1 y1, five landmarks x y, score."""

MAX_IOU = 0.4
MAX_CONTAINED = 0.75
_STRIDE = 32
_SHORTEST = 64
"""OpenCV 4.14 lets YuNet read memory that nobody wrote when a side is 32 px: it then finds faces in black."""


@dataclass(frozen=True)
class Level:
    """One size at which a picture is looked at.

    Attributes:
        side: what the longer side of the picture becomes, in px.
        margin: black border on every side, as a part of `side`.
        max_zoom: the level is left out for a picture that it would enlarge more than this.
    """

    side: int
    margin: float = 0.0
    max_zoom: float = np.inf


@dataclass(frozen=True, eq=False)
class View:
    """A picture at one level: pixels with sides that 32 divides, and the way back to the picture."""

    pixels: Pixels
    scale: float
    margin: int

    def to_picture(self, candidates: Array) -> Array:
        """Candidates (N, 15) in the px of the view, in the px of the picture."""
        moved = candidates.copy()
        moved[:, :SCORE] = (moved[:, :SCORE] - self.margin) / self.scale
        return moved


def view(pixels: Pixels, level: Level) -> View:
    """Look at (H, W, 3) pixels at one level."""
    height, width = pixels.shape[:2]
    scale = level.side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    margin = round(level.side * level.margin)
    right, bottom = (_padded(length + 2 * margin) - length - margin for length in size)
    padded = cv2.copyMakeBorder(small, margin, bottom, margin, right, cv2.BORDER_CONSTANT)
    return View(np.asarray(padded, np.uint8), scale, margin)


def _padded(length: int) -> int:
    return max(_SHORTEST, -(-length // _STRIDE) * _STRIDE)


def views(pixels: Pixels, levels: tuple[Level, ...]) -> list[View]:
    """Look at (H, W, 3) pixels at every level that does not enlarge them too much."""
    longest = max(pixels.shape[:2])
    return [view(pixels, level) for level in levels if level.side <= longest * level.max_zoom]


def iou(a: Array, b: Array) -> Array:
    """Intersection over union of every box in `a` (N, 4) with every box in `b` (M, 4): (N, M) in [0, 1]."""
    both = _intersection(a, b)
    overlap: Array = both / np.maximum(_area(a)[:, None] + _area(b)[None] - both, np.float32(1e-6))
    return overlap


def suppress(candidates: Array) -> Array:
    """Keep the best of candidates (N, 15) that overlap by more than `MAX_IOU`, or of which one holds
    more than `MAX_CONTAINED` of the other; best first."""
    rest = candidates[np.argsort(-candidates[:, SCORE], kind="stable")]
    boxes, areas = rest[:, BOX], np.maximum(_area(rest[:, BOX]), 1e-6)
    contained = _intersection(boxes, boxes) / np.minimum(areas[:, None], areas[None])
    clash = (iou(boxes, boxes) > MAX_IOU) | (contained > MAX_CONTAINED)
    kept: list[int] = []
    for row in range(len(rest)):
        if not clash[row, kept].any():
            kept.append(row)
    return rest[kept]


def to_faces(candidates: Array) -> tuple[Face, ...]:
    """Candidates (N, 15) as faces, the largest first."""
    faces = [
        Face(
            row[BOX].astype(np.float32),
            row[LANDMARKS].reshape(5, 2).astype(np.float32),
            float(np.clip(row[SCORE], 0, 1)),
        )
        for row in candidates
    ]
    return tuple(sorted(faces, key=lambda face: face.size, reverse=True))


def _area(boxes: Array) -> Array:
    sides: Array = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    return sides[:, 0] * sides[:, 1]


def _intersection(a: Array, b: Array) -> Array:
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    sides: Array = np.maximum(high - low, 0)
    return sides[..., 0] * sides[..., 1]
