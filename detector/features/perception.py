"""How a face, and what a VAE made of it, look to a frozen network: one row of named numbers per face.

The network sees a face as one picture at its own scale, put together again from its tiles: what it has learnt is
larger than a tile. Names are ``backbone.native.kind.region.statistic``; kinds: "embedding" is what it sees in the face,
"shift" by how much the reconstruction changes that, "distance" how far the two lie apart region by region. The small
view of the whole face was tried too: it found fewer faces of generators that were not met.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from detector.features.backbone import Backbone
from detector.features.local import log
from detector.features.pooling import GROUPS, pool, regional_means
from detector.features.regions import REGIONS, WHOLE, region_masks
from detector.types import Crops, FeatureTable, check_shape

FLOOR = 1e-4
LOCAL = 1
"""The stage that is read region by region; a later one's positions are larger than most regions."""
SHIFTED = (0, 1)
"""The stages whose change is told channel by channel."""

Rows = npt.NDArray[np.int64]


def compute_perception(crops: Crops, made: Tensor, backbone: Backbone) -> FeatureTable:
    """Describe each face by what a backbone sees in it and in its reconstruction.

    The distance is that of LPIPS without its learnt weights (Zhang et al. 2018, arXiv 1801.03924, eq. 1 with w = 1):
    the mean over positions of |f(x) / |f(x)| - f(y) / |f(y)||^2, with f the channels at a position. It is what
    AEROBLADE (Ricker et al. 2024) takes for its score.

    Args:
        crops: N crops of F faces.
        made: (N, 3, S, S) what a VAE made of them, in [0, 1].
        backbone: the network.

    Returns:
        one row per face, in the order of the sorted numbers in `crops.faces`; NaN for a region that is not shown.
    """
    check_shape("made", made, crops.pixels.shape)
    rows = [np.flatnonzero((crops.faces == face) & crops.native) for face in np.unique(crops.faces)]
    found: list[tuple[int, Tensor]] = []
    names: tuple[str, ...] = ()
    for side, members in _by_side(rows):
        tiles = np.concatenate([rows[face] for face in members])
        pixels = _stitched(torch.from_numpy(crops.pixels[tiles]).to(made.device), side)
        again = _stitched(made[torch.from_numpy(tiles).to(made.device)], side)
        corners = torch.from_numpy(crops.landmarks[tiles[:: side**2]]).to(made.device)
        numbers = _described(pixels, again, region_masks(corners, side * crops.size), backbone)
        names = tuple(f"{backbone.name}.native.{name}" for name in numbers)
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


def _described(pixels: Tensor, made: Tensor, masks: Tensor, backbone: Backbone) -> dict[str, Tensor]:
    """``kind.region.statistic`` -> (F,)."""
    seen, again = backbone(pixels), backbone(made)
    numbers: dict[str, Tensor] = {}
    for stage, (one, other) in enumerate(zip(seen, again, strict=True)):
        numbers |= _channels(f"embedding.{WHOLE}.mean_{stage}", one.mean(dim=(2, 3)))
        numbers |= _channels(f"embedding.{WHOLE}.spread_{stage}", one.std(dim=(2, 3), correction=0))
        if stage in SHIFTED:
            numbers |= _channels(f"shift.{WHOLE}.mean_{stage}", (one - other).mean(dim=(2, 3)))
        distances = _pooled(_distance(one, other), masks)
        numbers |= {f"distance.{name}.stage_{stage}": log(value[:, 0], FLOOR) for name, value in distances.items()}
    for name, value in _pooled(seen[LOCAL], masks).items():
        if name != WHOLE:
            numbers |= _channels(f"embedding.{name}.mean_{LOCAL}", value)
    return numbers


def _distance(one: Tensor, other: Tensor) -> Tensor:
    """(F, 1, h, w): squared distance of the channels, each position's scaled to length one."""
    unit = torch.nn.functional.normalize
    return (unit(one, dim=1) - unit(other, dim=1)).square().sum(dim=1, keepdim=True)


def _pooled(maps: Tensor, masks: Tensor) -> dict[str, Tensor]:
    """Region -> (F, K) means of (F, K, h, w) maps."""
    means = regional_means(pool(maps, masks), masks.sum(dim=(2, 3)))
    places = dict(zip(GROUPS, range(len(GROUPS)), strict=True))
    return {region: means[:, places[region]] for region in (*REGIONS, WHOLE)}


def _channels(title: str, values: Tensor) -> dict[str, Tensor]:
    return {f"{title}_{channel}": column for channel, column in enumerate(values.unbind(dim=1))}
