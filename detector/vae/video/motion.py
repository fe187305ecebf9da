"""Clips made of stills, for training where there are few real ones: pans, zooms, turns and warps, grain and codec."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from detector.types import Array, Pixels
from detector.vae.video.codec import through_codec

ClipSource = Callable[[np.random.Generator, int], Tensor]
"""(randomness, N) -> N clips (N, T, 3, S, S) in [0, 1]: what a training draws from, step by step."""

_PAN_PX, _ZOOM, _TURN, _WARP_PX, _JITTER_PX = 6.0, 0.05, 0.06, 2.0, 0.2
"""How far a clip goes at most: pan and warp in px, zoom as a log factor, turn in radians, and unsteadiness in px."""
_LIVELINESS = (0.03, 1.0)
"""Of which a clip's motion is drawn, as a share of the above, log-uniformly: most faces hardly move."""
_CONTROL = 4
"""Points along each side that a warp moves."""
_GRAIN, _CRF, _CODED = 2.5, (16, 37), 0.85
"""Grey levels of noise at most; the range of CRF; the share of clips that go through a codec."""
_MARGIN = 16
"""The codec sees so many px more than is kept, cut at random: its blocks lie anywhere in the clip."""
_LEAD = 4
"""At most so many frames come before the clip, which need not begin where the codec did."""


@dataclass(frozen=True, eq=False)
class MovingStills:
    """A `ClipSource` of stills (M, 3, S', S') uint8, S' at least `size` + 16, in clips of `length` frames."""

    stills: Pixels
    length: int
    size: int

    def __call__(self, rng: np.random.Generator, count: int) -> Tensor:
        rows = rng.integers(len(self.stills), size=count)
        clips = [self._clip(np.ascontiguousarray(self.stills[row].transpose(1, 2, 0)), rng) for row in rows]
        return torch.from_numpy(np.stack(clips)).permute(0, 1, 4, 2, 3).float() / 255

    def _clip(self, still: Pixels, rng: np.random.Generator) -> Pixels:
        lead = int(rng.integers(_LEAD + 1))
        moved = move(still, self.length + lead, self.size + _MARGIN, rng)
        grain = rng.normal(0, rng.uniform(0, _GRAIN), moved.shape)
        frames = np.clip(moved + grain, 0, 255).round().astype(np.uint8)
        if rng.random() < _CODED:
            frames = through_codec(frames, int(rng.integers(*_CRF)))
        y, x = rng.integers(_MARGIN + 1, size=2)
        frames = frames[lead:, y : y + self.size, x : x + self.size]
        return frames[:, :, ::-1] if rng.random() < 0.5 else frames


def move(still: Pixels, length: int, side: int, rng: np.random.Generator) -> Array:
    """A window (T, side, side, 3) float32 in grey levels that moves over a still (S', S', 3) uint8."""
    lively = float(np.exp(rng.uniform(*np.log(_LIVELINESS))))
    pan = lively * _PAN_PX * wander(length, (2,), rng) + rng.normal(0, lively * _JITTER_PX, (length, 2))
    zoom = np.exp(lively * _ZOOM * wander(length, (), rng))
    turn = lively * _TURN * wander(length, (), rng)
    warp = lively * _WARP_PX * wander(length, (_CONTROL, _CONTROL, 2), rng)
    grid = np.stack(np.meshgrid(*2 * [np.arange(side) - (side - 1) / 2]), axis=-1)
    levels, frames = still.astype(np.float32), []
    for shift, factor, angle, points in zip(pan, zoom, turn, warp, strict=True):
        rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        bent = cv2.resize(points, (side, side), interpolation=cv2.INTER_CUBIC)
        place = factor * grid @ rotation.T + shift + bent + (np.array(still.shape[1::-1]) - 1) / 2
        x, y = place.astype(np.float32).transpose(2, 0, 1)
        frames.append(cv2.remap(levels, x, y, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REFLECT_101))
    return np.stack(frames).astype(np.float32)


def wander(length: int, shape: tuple[int, ...], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """A smooth way (T, *shape) within [-1, 1] that begins anywhere: two slow waves."""
    rate = rng.uniform(0.02, 0.08, (2, *shape))  # cycles a frame: at 25 fps, half a second to two a cycle
    phase = rng.uniform(0, 2 * np.pi, (2, *shape))
    time = np.arange(length).reshape(-1, 1, *(1 for _ in shape))
    return np.asarray(np.sin(2 * np.pi * rate * time + phase).mean(1), np.float64)
