"""Frames of shots that are made of still pictures, and what lies between two shots."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from skimage import data

from detector.types import Array, Frame, Pixels

FPS = 25
SIZE = (128, 96)


def pictures() -> list[Pixels]:
    """Colour photos of different things."""
    return [data.astronaut(), data.chelsea(), data.coffee(), data.rocket(), data.immunohistochemistry()]


def shot(
    picture: Pixels,
    count: int,
    rng: np.random.Generator,
    *,
    pan: float = 0.0,
    zoom: float = 1.0,
    side: float = 0.55,
    middle: tuple[float, float] = (0.5, 0.5),
) -> list[Array]:
    """`count` frames (96, 128, 3) in 0-255 with a little noise: a camera that pans by a share of its view and zooms."""
    height, width = picture.shape[:2]
    start, angle = np.array(middle) * (width, height), rng.uniform(0, 2 * np.pi)
    frames = []
    for time in np.arange(count) - count / 2:
        view = side * min(height, width) * zoom**time
        corner = start + time * pan * view * np.array([np.cos(angle), np.sin(angle)]) - (view / 2, view * 0.375)
        scale = view / SIZE[0]
        matrix = np.array([[scale, 0, corner[0]], [0, scale, corner[1]]])
        flags = cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR
        seen = cv2.warpAffine(picture, matrix, SIZE, flags=flags, borderMode=cv2.BORDER_REFLECT)
        frames.append((seen + rng.normal(0, 2, seen.shape)).astype(np.float32))
    return frames


def flashed(frames: Sequence[Array], at: int, gain: float = 2.0) -> list[Array]:
    """A flash that fades over three frames."""
    lit = list(frames)
    for step, share in enumerate((1.0, 0.5, 0.2)):
        lit[at + step] = lit[at + step] * np.float32(1 + (gain - 1) * share) + np.float32(30 * share)
    return lit


def faded(before: Sequence[Array], after: Sequence[Array], count: int, level: float = 0.0) -> list[Array]:
    """The last frames of one shot fade to a level, those of the next one out of it."""
    shares = np.arange(1, count + 1, dtype=np.float32) / count
    out = [frame + share * (level - frame) for frame, share in zip(before[-count:], shares, strict=True)]
    back = [frame + share * (level - frame) for frame, share in zip(after[:count], shares[::-1], strict=True)]
    return [*before[:-count], *out, *back, *after[count:]]


def dissolved(before: Sequence[Array], after: Sequence[Array], count: int) -> list[Array]:
    """The last frames of one shot are mixed with the first of the next."""
    shares = np.arange(1, count + 1, dtype=np.float32) / (count + 1)
    mixed = [one + share * (two - one) for one, two, share in zip(before[-count:], after[:count], shares, strict=True)]
    return [*before[:-count], *mixed, *after[count:]]


def to_frames(pictures_: Sequence[Array], fps: float = FPS) -> list[Frame]:
    """Pictures (H, W, 3) in 0-255, one after the other."""
    return [
        Frame(np.clip(one, 0, 255).round().astype(np.uint8), number / fps, number)
        for number, one in enumerate(pictures_)
    ]
