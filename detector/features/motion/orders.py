"""A clip against its shuffled and its slowed self, as a model of clips sees them.

A model that has learnt how frames follow one another does worse on frames that do not; how much worse tells whether the
clip's own frames did (Misra et al. 2016, Shuffle and learn, ask a network for the order of frames; Benaim et al. 2020,
SpeedNet, for their pace). A frame-wise model sees no order: all its numbers here are 0, and the kind "shuffle" of
`MOTION` tells the order of its errors instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from detector.features.local import log
from detector.features.motion.batch import CHUNK, steadied, unfold
from detector.features.pooling import GROUPS, pool, regional_means
from detector.features.regions import REGIONS, WHOLE, region_masks
from detector.features.residual import FLOOR
from detector.types import Clip, ClipReconstruction, FeatureTable

KIND, LEAST = "order", 4


def compute_order(
    clips: Sequence[Clip], reconstruct: Callable[[Tensor], ClipReconstruction], model: str
) -> FeatureTable:
    """Describe each clip by how much better a model of clips does on it than with its frames in another order.

    Three passes through the model: the clip, the clip shuffled (the same order for all of one length), and the first
    half of the clip with every frame shown twice.

    Args:
        clips: at least one, of any lengths and sizes.
        reconstruct: from pixels (N, T, 3, S, S) in [0, 1] to what the model makes of them.
        model: the first part of every name.

    Returns:
        one row a clip, names ``model.clip.order.region.statistic``: ``shuffled``, log of the mean |error| of the clip
        over that of the same frames shuffled; ``slowed``, over that of the same frames shown twice. Both 0 where order
        is nothing to the model. NaN for a region that is not shown and for clips of fewer than 4 frames.
    """
    values = torch.full((len(clips), len(GROUPS), 2), torch.nan, dtype=torch.float64)
    for rows in _alike(clips):
        values[rows] = _compared([clips[row] for row in rows], reconstruct)
    groups = list(GROUPS)
    columns = {
        f"{model}.clip.{KIND}.{region}.{name}": values[:, groups.index(region), i]
        for region in (*REGIONS, WHOLE)
        for i, name in enumerate(("shuffled", "slowed"))
    }
    return FeatureTable(torch.stack(list(columns.values()), dim=1).float().numpy(), tuple(columns))


def orders(length: int) -> tuple[Tensor, Tensor]:
    """Which frame stands at each place of the shuffled clip, and of the slowed one: (T,) each."""
    shuffled = torch.randperm(length, generator=torch.Generator().manual_seed(length))
    return shuffled, torch.arange(length) // 2


def _alike(clips: Sequence[Clip]) -> Iterator[list[int]]:
    """The clips that are long enough, by shape, some at a time."""
    shapes = {clip.pixels.shape for clip in clips if len(clip) >= LEAST}
    for shape in sorted(shapes):
        rows = [row for row, clip in enumerate(clips) if clip.pixels.shape == shape]
        count = max(1, CHUNK // shape[0])
        yield from (rows[start : start + count] for start in range(0, len(rows), count))


@torch.no_grad()
def _compared(clips: Sequence[Clip], reconstruct: Callable[[Tensor], ClipReconstruction]) -> Tensor:
    """(B, G, 2) for clips of one shape."""
    pixels = torch.from_numpy(np.stack([clip.pixels for clip in clips]))
    marks = steadied(torch.from_numpy(np.stack([clip.landmarks for clip in clips])))
    masks = unfold(region_masks(marks.flatten(0, 1), pixels.shape[-1]), pixels.shape[:2])
    own = _errors(pixels, reconstruct)
    told = []
    for order in orders(pixels.shape[1]):
        other = _errors(pixels[:, order], reconstruct)
        told.append(_level(own[:, order], masks[:, order]) - _level(other, masks[:, order]))
    return torch.stack(told, dim=-1)


def _errors(pixels: Tensor, reconstruct: Callable[[Tensor], ClipReconstruction]) -> Tensor:
    """(B, T, S, S), the mean |error| over channels."""
    return (pixels - reconstruct(pixels).pixels.to(pixels)).abs().mean(dim=2)


def _level(errors: Tensor, masks: Tensor) -> Tensor:
    """Log of the mean error in each group of regions over all frames: (B, G)."""
    sums = unfold(pool(errors.flatten(0, 1)[:, None], masks.flatten(0, 1)), errors.shape[:2]).sum(dim=1)
    return log(regional_means(sums.double(), masks.sum(dim=(1, 3, 4)).double())[..., 0], FLOOR)
