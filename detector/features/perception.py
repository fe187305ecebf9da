"""How a face looks to a frozen network: one row of named numbers per face.

The network sees a face as one picture at its own scale, put together again from its tiles: what it has learnt is
larger than a tile. Names are ``backbone.native.embedding.region.statistic_channel``. Tried too, and left out: the small
view of the whole face found fewer faces of generators that were not met; what the network sees in the reconstruction,
as a change or as a distance (LPIPS, AEROBLADE), cost a second look at every face and found no more of either.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from detector.features.backbone import Backbone
from detector.features.pooling import GROUPS, pool, regional_means
from detector.features.regions import REGIONS, WHOLE, region_masks
from detector.types import Crops, FeatureTable

LOCAL = 1
"""The stage that is read region by region; a later one's positions are larger than most regions."""

Rows = npt.NDArray[np.int64]


def compute_perception(crops: Crops, backbone: Backbone, device: torch.device | str = "cpu") -> FeatureTable:
    """Describe each face by what a backbone sees in it.

    Args:
        crops: N crops of F faces.
        backbone: the network.
        device: where it is.

    Returns:
        one row per face, in the order of the sorted numbers in `crops.faces`; NaN for a region that is not shown.
    """
    rows = [np.flatnonzero((crops.faces == face) & crops.native) for face in np.unique(crops.faces)]
    found: list[tuple[int, Tensor]] = []
    names: tuple[str, ...] = ()
    for side, members in _by_side(rows):
        tiles = np.concatenate([rows[face] for face in members])
        pixels = _stitched(torch.from_numpy(crops.pixels[tiles]).to(device), side)
        corners = torch.from_numpy(crops.landmarks[tiles[:: side**2]]).to(device)
        numbers = _described(pixels, region_masks(corners, side * crops.size), backbone)
        names = tuple(f"{backbone.name}.native.embedding.{name}" for name in numbers)
        found += zip(members, torch.stack(list(numbers.values()), dim=1), strict=True)
    values = torch.stack([row for _, row in sorted(found, key=lambda one: one[0])])
    return FeatureTable(values.float().cpu().numpy(), names)


def _by_side(rows: Sequence[Rows]) -> Iterator[tuple[int, list[int]]]:
    """How many tiles the side of a face takes, and which faces take as many."""
    sides = [math.isqrt(len(row)) for row in rows]
    for side in sorted(set(sides)):
        yield side, [face for face, own in enumerate(sides) if own == side]


def _stitched(tiles: Tensor, side: int) -> Tensor:
    """(F * side * side, 3, S, S) tiles, row by row, to (F, 3, side * S, side * S)."""
    size = tiles.shape[-1]
    grid = tiles.reshape(-1, side, side, 3, size, size).permute(0, 3, 1, 4, 2, 5)
    return grid.reshape(-1, 3, side * size, side * size)


def _described(pixels: Tensor, masks: Tensor, backbone: Backbone) -> dict[str, Tensor]:
    """``region.statistic_channel`` -> (F,)."""
    seen = backbone(pixels)
    numbers: dict[str, Tensor] = {}
    for stage, maps in enumerate(seen):
        numbers |= _channels(f"{WHOLE}.mean_{stage}", maps.mean(dim=(2, 3)))
        numbers |= _channels(f"{WHOLE}.spread_{stage}", maps.std(dim=(2, 3), correction=0))
    for name, value in _pooled(seen[LOCAL], masks).items():
        if name != WHOLE:
            numbers |= _channels(f"{name}.mean_{LOCAL}", value)
    return numbers


def _pooled(maps: Tensor, masks: Tensor) -> dict[str, Tensor]:
    """Region -> (F, K) means of (F, K, h, w) maps."""
    means = regional_means(pool(maps, masks), masks.sum(dim=(2, 3)))
    places = dict(zip(GROUPS, range(len(GROUPS)), strict=True))
    return {region: means[:, places[region]] for region in (*REGIONS, WHOLE)}


def _channels(title: str, values: Tensor) -> dict[str, Tensor]:
    return {f"{title}_{channel}": column for channel, column in enumerate(values.unbind(dim=1))}
