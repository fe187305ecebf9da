"""Small clips made by hand, and what a made-up VAE makes of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F

from detector.features import compute_motion
from detector.features.regions import TEMPLATE
from detector.types import Array, Clip, ClipReconstruction, FeatureTable, Reconstruction

SIDE = 48
MARKS = np.array(TEMPLATE, np.float32) * 16 + np.array([24, 15], np.float32)
"""A face whose eyes are 16 px apart, with every region in view."""

Vae = Callable[[Clip], Reconstruction]


def a_clip(pixels: npt.NDArray[np.floating], fps: float = 25, marks: Array | None = None, track: int = 0) -> Clip:
    """A clip of pixels (T, 3, S, S), the same face in every frame unless `marks` (T, 5, 2) say where it is."""
    count = len(pixels)
    landmarks = np.repeat(MARKS[None], count, axis=0) if marks is None else marks.astype(np.float32)
    boxes = np.zeros((count, 4), np.float32)
    return Clip(pixels.astype(np.float32), landmarks, boxes, np.arange(count) / fps, track, 0)


def texture(seed: int = 0, side: int = SIDE) -> Array:
    """(3, S, S) in [0, 1]: smooth enough to be followed."""
    coarse = torch.rand(1, 3, side // 4, side // 4, generator=torch.Generator().manual_seed(seed))
    smooth = F.interpolate(coarse, size=(side, side), mode="bicubic", align_corners=False)[0]
    return np.asarray((0.2 + 0.6 * smooth).clamp(0.05, 0.95).numpy(), np.float32)


def lively(seed: int = 0, count: int = 12, fps: float = 25, track: int = 0) -> Clip:
    """A texture that rocks to and fro, glows and is noisy."""
    rng = np.random.default_rng(seed)
    base, time = texture(seed, SIDE + 16), np.arange(count)
    x, y = (np.round(4 + 3 * np.sin(time * rate + seed)).astype(int) for rate in (0.7, 0.45))
    frames = np.stack([base[:, j : j + SIDE, i : i + SIDE] for i, j in zip(x, y, strict=True)])
    frames = frames * (1 + 0.1 * np.sin(time))[:, None, None, None] + rng.normal(0, 0.01, frames.shape)
    marks = MARKS[None] + rng.normal(0, 0.3, (count, 5, 2))
    return a_clip(frames.clip(0, 1), fps, marks, track)


def blurred(clip: Clip) -> Reconstruction:
    """A frame-wise model: pixels blurred, latents of 4 channels on a grid of a quarter."""
    pixels = torch.from_numpy(clip.pixels)
    made = F.avg_pool2d(F.pad(pixels, (1, 1, 1, 1), mode="replicate"), 3, 1)
    code = F.avg_pool2d(pixels, 4)
    return Reconstruction(made, torch.cat([code - 0.5, code.prod(dim=1, keepdim=True)], dim=1))


def with_error(clip: Clip, error: npt.NDArray[np.floating]) -> Reconstruction:
    """A model that leaves just this error (T, 3, S, S) unexplained."""
    pixels = torch.from_numpy(clip.pixels - error.astype(np.float32))
    return replace(blurred(clip), pixels=pixels)


def through_time(clip: Clip) -> ClipReconstruction:
    """A model of clips: two frames a latent, each reconstructed by their mean."""
    pixels = torch.from_numpy(clip.pixels)[None]
    length = pixels.shape[1] // 2
    pairs = pixels[:, : 2 * length].unflatten(1, (length, 2)).mean(dim=2)
    made = torch.cat([pairs.repeat_interleave(2, dim=1), pixels[:, 2 * length :]], dim=1)
    mean = F.avg_pool2d(pairs[0], 4).transpose(0, 1)[None]
    return ClipReconstruction(made, mean)


def told(clip: Clip, made: Reconstruction | ClipReconstruction, kind: str) -> dict[str, float]:
    """``region.statistic`` -> its value, of one clip."""
    table = compute_motion([clip], [made], "m", [kind])
    return {name.split(".", 3)[3]: float(v) for name, v in zip(table.names, table.values[0], strict=True)}


def same(one: FeatureTable, other: FeatureTable, tolerance: float = 1e-4) -> None:
    """The same names, and the same values or both none."""
    assert one.names == other.names
    close = np.isclose(one.values, other.values, atol=tolerance, rtol=tolerance, equal_nan=True).all(axis=0)
    pairs = zip(one.names, one.values.T, other.values.T, close, strict=True)
    assert [(name, a, b) for name, a, b, fine in pairs if not fine] == []
