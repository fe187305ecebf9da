"""Mouths of other times: the same person, the same clip, but the lips do not go with the head or with the words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from detector.fakes.moving import check_clip, same_draws, steady
from detector.fakes.outline import face_frame, fit_similarity
from detector.fakes.square import Rng, Square, cut_square, paste
from detector.fakes.swap import transfer_colours
from detector.fakes.workshop import Fake, MovingFakeMaker, Workshop
from detector.types import Array, Face, Frame

LEAST = 4
"""A clip of fewer frames has no other times to speak of."""

_MIDDLE = (0.0, 1.22)
_HALF_AXES = (0.62, 0.40)
_GROWN, _SOFT = (0.9, 1.2), (0.25, 0.6)
_SPEEDS = (0.4, 0.6, 1.7, 2.5)

Order = npt.NDArray[np.int64]


def retimed_mouth(_: Workshop) -> MovingFakeMaker:
    """The mouth of each frame taken from another frame of the clip, brought to where eyes and nose are now.

    As lip-sync fakes do, only the lower face changes. The times are shifted, run backwards, or run at another speed.
    """
    return make


def make(frames: Sequence[Frame], faces: Sequence[Face], rng: Rng) -> tuple[Fake, ...]:
    """One clip with the mouth of other times; raises `UsageError` for fewer than `LEAST` frames."""
    check_clip(frames, faces, LEAST)
    order = ORDERS[int(rng.integers(len(ORDERS)))](len(frames), rng)
    held, shape, strength = steady(faces), same_draws(rng), float(rng.uniform(0.3, 1.0))

    def spoken(now: int) -> Fake:
        square, other = cut_square(frames[now], held[now]), cut_square(frames[order[now]], held[order[now]])
        mask = mouth_mask(square.landmarks, square.side, shape())
        made = transfer_colours(brought(other, square), square.pixels, mask, strength)
        return paste(frames[now], faces[now], square, made, mask)

    return tuple(spoken(now) for now in range(len(frames)))


def shifted(count: int, rng: Rng) -> Order:
    """All later or earlier by the same time, turning back at the ends of the clip."""
    by = int(rng.integers(max(1, count // 8), count // 2, endpoint=True)) * int(rng.choice((-1, 1)))
    return _within(np.arange(count) + by, count)


def backwards(count: int, _: Rng) -> Order:
    """The last first."""
    return np.arange(count)[::-1].copy()


def at_a_speed(count: int, rng: Rng) -> Order:
    """Slower or faster, from any frame on, turning back at the ends of the clip."""
    start = int(rng.integers(count))
    return _within(start + np.round(np.arange(count) * rng.choice(_SPEEDS)).astype(np.int64), count)


ORDERS: tuple[Callable[[int, Rng], Order], ...] = (shifted, backwards, at_a_speed)
"""Each takes a number of frames and gives for each of them the frame whose mouth it gets."""


def mouth_mask(landmarks: Array, side: int, rng: Rng) -> Array:
    """(S, S) in [0, 1]: a soft ellipse around the mouth, of a size and softness that are drawn."""
    inverse = cv2.invertAffineTransform(face_frame(landmarks))
    columns, rows = np.meshgrid(np.arange(side) + 0.5, np.arange(side) + 0.5)
    x, y = (row[0] * columns + row[1] * rows + row[2] for row in inverse)
    a, b = np.array(_HALF_AXES) * rng.uniform(*_GROWN, 2)
    radius = np.hypot((x - _MIDDLE[0]) / a, (y - _MIDDLE[1]) / b)
    return np.asarray(np.clip((1 - radius) / rng.uniform(*_SOFT), 0, 1), np.float32)


def brought(source: Square, target: Square) -> Array:
    """(S, S, 3): the pixels of one square where its eyes and nose lie on those of another."""
    matrix = fit_similarity(source.landmarks[:3], target.landmarks[:3])
    size = (target.side, target.side)
    moved = cv2.warpAffine(source.pixels, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.float32).clip(0, 1)


def _within(numbers: Order, count: int) -> Order:
    """Numbers of frames, reflected at the first and the last."""
    turned = np.abs(numbers) % (2 * count - 2)
    return cast("Order", np.minimum(turned, 2 * count - 2 - turned))
