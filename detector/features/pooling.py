"""From local maps to numbers per region: sums under masks, then statistics of their ratios.

Every feature is two pure functions. `maps` gives quantities at each position of a crop (an error, its square, a
product of neighbours); `statistics` turns their means over a region into numbers (a log, a correlation). Sums add
over the crops of a face, so the statistics of a tiled face are those of the whole one, not a mean of statistics.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from detector.features.regions import REGIONS, WHOLE
from detector.types import Reconstruction

FACE = "face"
GROUPS: dict[str, tuple[str, ...]] = {
    **{region: (region,) for region in REGIONS},
    WHOLE: REGIONS,
    FACE: tuple(region for region in REGIONS if region != "background"),
}
"""What is pooled together: each region, all of them, and all of them but the background."""

COMPARISONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "eyes_asymmetry": lambda right, left: (right - left).abs(),
    "cheeks_asymmetry": lambda right, left: (right - left).abs(),
    "face_contrast": lambda face, background: face - background,
}
_PAIRS = (("right_eye", "left_eye"), ("right_cheek", "left_cheek"), (FACE, "background"))

Maps = Callable[[Tensor, Reconstruction], Tensor | None]
Statistics = Callable[[Tensor], dict[str, Tensor]]

MIN_MASS = 32.0
"""A region that a view shows less of, in px, has no value there."""


@dataclass(frozen=True)
class Feature:
    """A kind of feature.

    Attributes:
        maps: from pixels (N, 3, S, S) in [0, 1] and their reconstruction to K local quantities (N, K, h, w), on any
            grid that covers the crop; None where the model lacks what it takes.
        statistics: from the regional means (..., K) of those maps to named numbers (...).
        compared: the statistics that are compared between the halves of a face and with the background too.
    """

    maps: Maps
    statistics: Statistics
    compared: tuple[str, ...] = ()


def pool(maps: Tensor, masks: Tensor) -> Tensor:
    """Sums of local quantities under masks, in px.

    Args:
        maps: (N, K, h, w).
        masks: (N, R, S, S), or already `on_grid` of the maps.

    Returns:
        (N, R, K): sum over positions of mask x map x the area of a position.
    """
    masks = on_grid(masks, maps.shape[-2], maps.shape[-1])
    return masks.flatten(2) @ maps.flatten(2).transpose(1, 2)


def on_grid(masks: Tensor, height: int, width: int) -> Tensor:
    """Masks (N, R, S, S) as sums over the positions of a coarser grid, in px: (N, R, height, width)."""
    if masks.shape[-2:] == (height, width):
        return masks
    return F.adaptive_avg_pool2d(masks, (height, width)) * (masks.shape[-2] * masks.shape[-1] / (height * width))


def regional_means(sums: Tensor, mass: Tensor) -> Tensor:
    """Means per group of regions: (F, G, K) in the order of `GROUPS`, NaN where less than `MIN_MASS` is seen.

    Args:
        sums: (F, R, K), as `pool` gives them, added over the crops of a face.
        mass: (F, R), the masks' own sums in px.
    """
    members = torch.tensor([[float(r in group) for r in REGIONS] for group in GROUPS.values()], dtype=sums.dtype)
    mass = members @ mass[..., None]
    return torch.where(mass < MIN_MASS, torch.nan, members @ sums / mass)


def regional_statistics(feature: Feature, means: Tensor) -> dict[str, Tensor]:
    """Every number of one kind: ``region.statistic`` to (F,), from its means (F, G, K)."""
    statistics = feature.statistics(means)
    rows = dict(zip(GROUPS, range(len(GROUPS)), strict=True))
    values = {f"{region}.{name}": v[:, rows[region]] for region in (*REGIONS, WHOLE) for name, v in statistics.items()}
    for (title, compare), (one, other) in zip(COMPARISONS.items(), _PAIRS, strict=True):
        for name in feature.compared:
            value = compare(statistics[name][:, rows[one]], statistics[name][:, rows[other]])
            values[f"{WHOLE}.{title}_{name}"] = value
    return values
