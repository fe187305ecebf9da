"""From local maps through time to numbers per region: pooled frame by frame, summed over frames, then turned.

As in `detector.features.pooling`, sums add: over the frames of a clip, and over the clips of a track, so that the
numbers of a track are those of the whole of it and not a mean of the numbers of its clips.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from detector.features.motion.batch import Batch, change, earlier, unfold
from detector.features.pooling import FACE, GROUPS, Statistics, pool, regional_means
from detector.features.regions import REGIONS, WHOLE

Span = Literal["frames", "pairs", "triples", "clip"]
"""What a map is of: each frame, each pair of neighbours, each three in a row, or the clip as a whole."""

ROWS = dict(zip(GROUPS, range(len(GROUPS)), strict=True))
"""The row of each group of regions among the G of a series."""


@dataclass(frozen=True, eq=False)
class Series:
    """The regional means of the maps through time, on the CPU in double precision.

    Attributes:
        values: (B, P, G, K), in the order of `GROUPS`; NaN where the region is not shown, or frames are no neighbours.
        times: (B, T), the times of the frames in s.
        near: (B, T - step) bool, which pairs of frames are neighbours.
        step: how many frames on a frame's neighbour is.
    """

    values: Tensor
    times: Tensor
    near: Tensor
    step: int

    def squared_changes(self, values: Tensor) -> Tensor:
        """How much values (B, T, G, K) change to their neighbours, squared, and whether they have one.

        Returns:
            (B, T, G, 2 K): first the squares, 0 for a frame without a neighbour, then as many 1 or 0.
        """
        squares = change(values, self.step).square() * self.near[..., None, None]
        there = self.near[..., None, None].expand_as(squares).to(values.dtype)
        steps = torch.zeros(*values.shape[:3], 2 * values.shape[3], dtype=values.dtype)
        earlier(steps, self.step)[:] = torch.cat([squares, there], dim=-1)
        return steps


def as_they_are(series: Series) -> Tensor:
    """The means of the maps themselves."""
    return series.values


@dataclass(frozen=True)
class MotionFeature:
    """A kind of feature of motion.

    Attributes:
        maps: from B clips to K local quantities at P times (B, P, K, h, w), on any grid that covers the crop.
        statistics: from the means over time (..., M) of the moments to named numbers (...).
        span: what each of the P maps is of, and so which masks it is pooled under.
        least: the fewest frames (at most 25 to 37 a second; faster clips need as long) of which there is a number.
        moments: from the regional means of the maps to what is summed over time, (B, P', G, M).
        latent: whether it counts the latents' times, which are fewer than frames where the model compresses time.
        regions: what it speaks of.
        shared: statistics that are the same for all of `regions`, told once, of the whole.
        compared: statistics whose difference between the face and the background is told too.
    """

    maps: Callable[[Batch], Tensor]
    statistics: Statistics
    span: Span
    least: int
    moments: Callable[[Series], Tensor] = as_they_are
    latent: bool = False
    regions: tuple[str, ...] = (*REGIONS, WHOLE)
    shared: tuple[str, ...] = ()
    compared: tuple[str, ...] = ()


def summed(feature: MotionFeature, batch: Batch) -> Tensor:
    """How many times each region of each clip was measured, and the sums of its moments: (B, G, 1 + M)."""
    batch = batch.at_latents if feature.latent else batch
    moments = feature.moments(_series(feature, batch))
    fine = moments.isfinite().all(dim=-1, keepdim=True) & (batch.times.shape[1] >= feature.least)
    return torch.cat([fine.to(moments.dtype), moments.where(fine, 0.0)], dim=-1).sum(dim=1)


def numbers(feature: MotionFeature, sums: Tensor) -> dict[str, Tensor]:
    """Every number of one kind: ``region.statistic`` to (F,), from the sums (F, G, 1 + M) of F clips or tracks."""
    count = sums[..., :1]
    statistics = feature.statistics(torch.where(count > 0, sums[..., 1:] / count.clamp_min(1), torch.nan))
    own = {name: value for name, value in statistics.items() if name not in feature.shared}
    told = {f"{region}.{name}": value[:, ROWS[region]] for region in feature.regions for name, value in own.items()}
    told |= {f"{WHOLE}.{name}": statistics[name][:, ROWS[feature.regions[0]]] for name in feature.shared}
    for name in feature.compared:
        value = own[name][:, ROWS[FACE]] - own[name][:, ROWS["background"]]
        told[f"{WHOLE}.face_contrast_{name}"] = value
    return told


def _series(feature: MotionFeature, batch: Batch) -> Series:
    maps, masks = feature.maps(batch), _masks(feature.span, batch)
    shape = maps.shape[:2]
    sums = pool(maps.flatten(0, 1), masks.flatten(0, 1)).cpu().double()
    means = unfold(regional_means(sums, masks.flatten(0, 1).sum(dim=(2, 3)).cpu().double()), shape)
    near, step = batch.near.cpu(), batch.step
    apart = ~_neighbours(feature.span, near, step)
    return Series(means.masked_fill(apart[..., None, None], torch.nan), batch.times.cpu(), near, step)


def _masks(span: Span, batch: Batch) -> Tensor:
    """(B, P, R, S, S), those under which maps of a span are pooled."""
    if span == "pairs":
        return batch.pair_masks
    if span == "triples":
        return batch.masks[:, batch.step : max(batch.masks.shape[1] - batch.step, batch.step)]
    return batch.masks.mean(dim=1, keepdim=True) if span == "clip" else batch.masks


def _neighbours(span: Span, near: Tensor, step: int) -> Tensor:
    """(B, P) bool, which maps of a span are of neighbours, where that matters."""
    if span == "pairs":
        return near
    return near[:, : max(near.shape[1] - step, 0)] & near[:, step:] if span == "triples" else near.new_ones(1, 1)
