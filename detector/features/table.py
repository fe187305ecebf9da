"""From crops and their reconstruction to one row of named numbers per face."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace

import numpy as np
import torch
from torch import Tensor

from detector.errors import ShapeError, UnknownNameError
from detector.features.kinds import FEATURES
from detector.features.pooling import on_grid, pool, regional_means, regional_statistics
from detector.features.regions import region_masks
from detector.types import VIEWS, Crops, FeatureTable, Reconstruction, View

CHUNK = 6
"""Crops at a time: what a processor's cache holds; more is slower, and the memory stays flat."""


def compute_features(
    crops: Crops,
    reconstruction: Reconstruction,
    model: str,
    kinds: Sequence[str] | None = None,
    views: Sequence[View] = VIEWS,
) -> FeatureTable:
    """Describe each face by how a VAE fared on its crops.

    Args:
        crops: N crops of F faces.
        reconstruction: what the model made of them, crop by crop; the work is done on its device.
        model: the first part of every name.
        kinds: which of `FEATURES`; None for all. A kind that needs what the model does not give is left out.
        views: which are told of.

    Returns:
        one row per face, in the order of the sorted numbers in `crops.faces`; names
        ``model.view.kind.region.statistic``, with view "whole" or "native" (see `Crops`), region one of `REGIONS` or
        "whole". Values are finite, or NaN for a region that the crops of the view do not show.

    Raises:
        UnknownNameError: a kind that is not in `FEATURES`.
        ShapeError: another number or size of crops than of reconstructions.
    """
    if reconstruction.pixels.shape != crops.pixels.shape:
        raise ShapeError(f"reconstruction: expected {crops.pixels.shape}, got {tuple(reconstruction.pixels.shape)}")
    chosen = _choose(kinds)
    masses, sums = _pooled(crops, reconstruction, chosen)
    columns: dict[str, Tensor] = {}
    faces = np.unique(crops.faces)
    for view in views:
        shown = crops.whole if view == "whole" else crops.native
        members = torch.from_numpy((crops.faces == faces[:, None]) & shown).double()
        mass = members @ masses
        for kind, moments in sums.items():
            means = regional_means(torch.tensordot(members, moments, dims=1), mass)
            values = regional_statistics(FEATURES[kind], means)
            columns |= {f"{model}.{view}.{kind}.{name}": value for name, value in values.items()}
    stacked = torch.stack(list(columns.values()), dim=1) if columns else torch.empty(len(faces), 0)
    return FeatureTable(stacked.float().numpy(), tuple(columns))


def _choose(kinds: Sequence[str] | None) -> tuple[str, ...]:
    for kind in kinds or ():
        if kind not in FEATURES:
            raise UnknownNameError("feature kind", kind, FEATURES)
    return tuple(FEATURES) if kinds is None else tuple(kinds)


def _pooled(crops: Crops, reconstruction: Reconstruction, kinds: Sequence[str]) -> tuple[Tensor, dict[str, Tensor]]:
    """Per crop and region, on the CPU in double precision: the mass (N, R), and each kind's sums (N, R, K)."""
    parts = list(_chunks(crops, reconstruction, kinds))
    masses = torch.cat([mass for mass, _ in parts])
    return masses, {kind: torch.cat([sums[kind] for _, sums in parts]) for kind in parts[0][1]}


def _chunks(
    crops: Crops, reconstruction: Reconstruction, kinds: Sequence[str]
) -> Iterator[tuple[Tensor, dict[str, Tensor]]]:
    device = reconstruction.pixels.device
    with torch.no_grad():
        for start in range(0, max(len(crops), 1), CHUNK):
            rows = slice(start, start + CHUNK)
            pixels = torch.from_numpy(crops.pixels[rows]).to(device)
            masks = region_masks(torch.from_numpy(crops.landmarks[rows]).to(device), crops.size)
            part = _rows(reconstruction, rows)
            maps = {kind: FEATURES[kind].maps(pixels, part) for kind in kinds}
            yield masks.sum(dim=(2, 3)).cpu().double(), _sums({k: m for k, m in maps.items() if m is not None}, masks)


def _sums(maps: Mapping[str, Tensor], masks: Tensor) -> dict[str, Tensor]:
    """Every kind's maps pooled; the masks are brought onto each grid once."""
    grids = {(values.shape[-2], values.shape[-1]) for values in maps.values()}
    on = {grid: on_grid(masks, *grid) for grid in grids}
    return {kind: pool(values, on[values.shape[-2], values.shape[-1]]).cpu().double() for kind, values in maps.items()}


def _rows(reconstruction: Reconstruction, rows: slice) -> Reconstruction:
    """The reconstruction of some of the crops."""
    values = {f.name: getattr(reconstruction, f.name) for f in fields(reconstruction)}
    cut = {name: value[rows] for name, value in values.items() if isinstance(value, Tensor)}
    second = None if reconstruction.second is None else _rows(reconstruction.second, rows)
    return replace(reconstruction, **cut, second=second)
