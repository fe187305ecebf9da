"""The square around a face that makers work on: cut out, changed at a random scale, and pasted back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from detector.fakes.workshop import Fake
from detector.types import Array, Face, Frame

CONTEXT = 1.35
"""Side of the square in face sizes: what the crops of a scored face show lies inside it."""
STRIDE = 32
"""Sides are multiples of this many px, so that every autoencoder takes them, and native scale needs no resampling."""
GRID = 8
"""Most decoders make pixels in blocks of this side."""
FACE_PX = (96.0, 320.0)
"""The scale at which a generator works: the longer side of the face box in px; no face is enlarged for it."""

_NATIVE, _DETAIL, _RIM = 0.3, 0.5, 0.04
_MILD, _SHARP_PX = 0.75, 192.0
_ENLARGE = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)

Rng = np.random.Generator
Change = Callable[[Array], Array]
"""Pixels (S, S, 3) in [0, 1] to others of that shape."""


@dataclass(frozen=True, eq=False)
class Square:
    """A face with some context.

    Attributes:
        pixels: (S, S, 3) float32 RGB in [0, 1]; outside the frame its edge is repeated.
        corner: (2,) x y of its top-left pixel in the frame.
        landmarks: (5, 2) x y in px of the square.
        face_px: the longer side of the face box.
    """

    pixels: Array
    corner: npt.NDArray[np.int64]
    landmarks: Array
    face_px: float

    @property
    def side(self) -> int:
        """S in px."""
        return len(self.pixels)


def cut_square(frame: Frame, face: Face, rng: Rng | None = None) -> Square:
    """The square of `CONTEXT` face sizes around a face, or a little more: its side is a multiple of `STRIDE`.

    With `rng` it is moved by up to `GRID` px, so that the grid of what works on it may lie anywhere on the face.
    """
    side = STRIDE * int(np.ceil(face.size * CONTEXT / STRIDE))
    corner = np.round((face.box[:2] + face.box[2:]) / 2 - side / 2).astype(np.int64)
    if rng is not None:
        corner += rng.integers(-GRID // 2, GRID // 2, 2)
    height, width = frame.pixels.shape[:2]
    columns, rows = (
        np.clip(start + np.arange(side), 0, n - 1) for start, n in zip(corner, (width, height), strict=True)
    )
    pixels = frame.pixels[rows[:, None], columns].astype(np.float32) / np.float32(255)
    return Square(pixels, corner, (face.landmarks - corner).astype(np.float32), face.size)


def shrink(frame: Frame, face: Face) -> tuple[Frame, Face]:
    """The square of a face as a picture of its own, at most at the largest of `FACE_PX`: a donor that takes no room."""
    square = cut_square(frame, face)
    side = min(square.side, round(square.side * FACE_PX[1] / square.face_px))
    scale = side / square.side
    levels = np.round(square.pixels * 255).astype(np.uint8)
    small = np.asarray(cv2.resize(levels, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
    box = (face.box - np.tile(square.corner, 2)) * scale
    landmarks = (square.landmarks * scale).astype(np.float32)
    return replace(frame, pixels=small), replace(face, box=box.astype(np.float32), landmarks=landmarks)


def paste(frame: Frame, face: Face, square: Square, made: Array, mask: Array) -> Fake:
    """Put pixels back where a square was cut out.

    Args:
        frame: the real picture.
        face: its face.
        square: what `cut_square` gave for them.
        made: (S, S, 3) in about [0, 1], the synthetic pixels.
        mask: (S, S) in [0, 1], their share; where it is 0, the picture stays as it was to the bit.
    """
    height, width = frame.pixels.shape[:2]
    x0, y0 = np.clip(square.corner, 0, (width, height))
    x1, y1 = np.clip(square.corner + square.side, 0, (width, height))
    inside = np.s_[y0 - square.corner[1] : y1 - square.corner[1], x0 - square.corner[0] : x1 - square.corner[0]]
    share = mask[inside][..., None]
    pixels = frame.pixels.copy()
    old = pixels[y0:y1, x0:x1].astype(np.float32)
    mixed = old + share * (255 * made[inside].clip(0, 1) - old)
    pixels[y0:y1, x0:x1] = np.round(mixed).astype(np.uint8)
    full = np.zeros((height, width), np.float32)
    full[y0:y1, x0:x1] = mask[inside]
    return Fake(replace(frame, pixels=pixels), face, full)


def whole(side: int) -> Array:
    """(S, S): the whole square, with a soft rim, so that it ends in no edge."""
    from_edge = np.minimum(np.arange(side), np.arange(side)[::-1]) / (_RIM * side)
    ramp = np.clip(from_edge, 0, 1).astype(np.float32)
    return np.minimum(ramp[:, None], ramp[None])


def at_a_scale(square: Square, change: Change, rng: Rng, face_px: tuple[float, float] = FACE_PX) -> Array:
    """What a change makes of a square (S, S, 3) when it works at a random scale.

    Half of the time, and always where much would be lost, the difference that it makes is brought back to the scale
    of the square, which keeps the finest detail of the original: blur must not tell a fake. Else all pixels are
    brought back, as when a generator's face is pasted into a larger picture.
    """
    side = draw_side(square, rng, face_px)
    small = resize(square.pixels, side, rng)
    made = change(small)
    blurs = side < _MILD * square.side and square.face_px * side / square.side < _SHARP_PX
    if rng.random() < _DETAIL or blurs:
        return square.pixels + resize(made - small, square.side, rng)
    return resize(made, square.side, rng)


def draw_side(square: Square, rng: Rng, face_px: tuple[float, float] = FACE_PX) -> int:
    """The side at which a generator works, px: often that of the square, else such that the face is in `face_px`."""
    low, high = (min(px, square.face_px) for px in face_px)
    wanted = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    if square.face_px <= face_px[1] and rng.random() < _NATIVE:
        return square.side
    return min(square.side, STRIDE * max(1, round(square.side * wanted / square.face_px / STRIDE)))


def resize(pixels: Array, side: int, rng: Rng) -> Array:
    """Bring (S, S, 3) pixels to another side: averaged over areas to reduce, by a random interpolation to enlarge."""
    enlarge = _ENLARGE[int(rng.integers(len(_ENLARGE)))]
    if side == len(pixels):
        return pixels
    method = cv2.INTER_AREA if side < len(pixels) else enlarge
    return np.asarray(cv2.resize(pixels, (side, side), interpolation=method), np.float32)
