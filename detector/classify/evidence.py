"""What real faces look like, feature by feature, and how a face differs from them, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detector.types import Array, RegionEvidence, check_shape

Columns = npt.NDArray[np.int64]
WORDLESS = "embedding"
"""The kind whose single numbers say nothing to a person: channels of a network."""


@dataclass(frozen=True, eq=False)
class Reference:
    """Each feature's median (F,) and robust spread (F,) over real faces.

    The spread is σ as two quantiles of the absolute deviation tell it for a normal distribution, the larger of the two:
    1.4826 times the median, and the 95 % quantile over 1.96, because features with a narrow peak and long tails would
    else make every real face look odd. It is NaN where a feature has no spread or was never seen.
    """

    median: Array
    spread: Array

    def __post_init__(self) -> None:
        check_shape("Reference.spread", self.spread, self.median.shape)

    @classmethod
    def of(cls, values: Array) -> Reference:
        """Summarise (N, F) features of real faces; NaN is left out."""
        median = np.full(values.shape[1], np.nan, np.float32)
        spread = median.copy()
        seen = ~np.isnan(values).all(axis=0)
        median[seen] = np.nanmedian(values[:, seen], axis=0)
        if seen.any():
            middle, tail = np.nanquantile(np.abs(values[:, seen] - median[seen]), (0.5, 0.95), axis=0)
            spread[seen] = np.maximum(1.4826 * middle, tail / 1.96)
        return cls(median, np.where(spread > 0, spread, np.float32(np.nan)))

    def describe(
        self, row: Array, names: Sequence[str], regions: Mapping[str, Columns], changes: npt.NDArray[np.float64]
    ) -> tuple[RegionEvidence, ...]:
        """The evidence of one face: (F,) features and the (R,) contribution of each region, the strongest first."""
        sigmas = (row - self.median) / self.spread
        found = [
            RegionEvidence(region, float(change), _phrase(region, columns, sigmas, names))
            for (region, columns), change in zip(regions.items(), changes, strict=True)
            if not np.isnan(row[columns]).all()
        ]
        # What differs in no digit that anybody reads keeps its order: rounding in another batch does not swap it.
        return tuple(sorted(found, key=lambda one: -round(abs(one.contribution), 4)))


def group_by_region(names: Sequence[str]) -> dict[str, Columns]:
    """The columns of each region, in the order in which `names` (``model.view.kind.region.statistic``) has them."""
    regions: dict[str, list[int]] = {}
    for column, name in enumerate(names):
        regions.setdefault(name.split(".")[3], []).append(column)
    return {region: np.array(columns, np.int64) for region, columns in regions.items()}


def _phrase(region: str, columns: Columns, sigmas: Array, names: Sequence[str]) -> str:
    """ "mouth: spectrum slope 3.1 σ above real faces", of the region's most unusual feature that has a meaning."""
    told = [column for column in columns.tolist() if names[column].split(".")[2] != WORDLESS] or columns.tolist()
    column = told[int(np.argmax(np.abs(np.nan_to_num(sigmas[told], nan=0.0))))]
    sigma = float(np.nan_to_num(sigmas[column]))
    _, _, kind, _, statistic = names[column].split(".", 4)
    measure = f"{kind} {statistic}".replace("_", " ")
    side = "above" if sigma > 0 else "below"
    return f"{region.replace('_', ' ')}: {measure} {abs(sigma):.1f} σ {side} real faces"
