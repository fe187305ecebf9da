"""Eyes that blink and a mouth that moves, as far as five landmarks and the look of a region tell.

Li et al. 2018, In ictu oculi, found faces that never blink: people do every 2 to 10 s, for 0.1 to 0.4 s. Haliassos et
al. 2021, Lips don't lie, found mouths that move as no speaker's does. Both see lids and lips. Five landmarks do not:
they have the middle of an eye, not its lids, and the corners of the mouth, not its lips. What stands in for openness is
the look of the region, and it is only that: a glance aside, glasses, a shadow, a blur or a turn of the head moves it
too; nobody can count blinks by it, and a clip of a second seldom has one. The numbers are of how it varies, not of what
it is; and they are of the picture alone, so one model's are another's.
"""

from __future__ import annotations

import torch
from torch import Tensor

from detector.features.local import GREY_LEVEL, correlation, log
from detector.features.motion.batch import Batch
from detector.features.motion.pooling import ROWS, Series

LEAST = 4
FLOOR = GREY_LEVEL**2
NOISE = 0.01
"""A standard deviation of the openness that says nothing."""
NARROW = 1e-4
_TWIN = [ROWS[{"right_eye": "left_eye", "left_eye": "right_eye"}.get(group, group)] for group in ROWS]


def blink_maps(batch: Batch) -> Tensor:
    """The squared slopes of the luma across and down: (B, T, 2, S, S)."""
    slopes = torch.gradient(batch.picture, dim=(-1, -2))
    return torch.stack([slope.square() for slope in slopes], dim=2)


def blink_moments(series: Series) -> Tensor:
    """Openness, its powers and changes, and the products with the other eye's.

    Openness is the log of the energy of the slopes across over that of those down: an iris has both sorts of edges, a
    closed lid only the line of its lashes. Neither brightness nor contrast moves it.
    """
    across, down = log(series.values, FLOOR).unbind(-1)
    openness = (across - down)[..., None]
    other = openness[:, :, _TWIN]
    powers = [openness, openness.square(), openness**3, other, other.square(), openness * other]
    return torch.cat([*powers, series.squared_changes(openness)], dim=-1)


def blink_statistics(means: Tensor) -> dict[str, Tensor]:
    """How an eye's openness goes.

    Returns:
        ``spread``: its standard deviation over time, in natural logs; ``flutter``: its root mean square change between
        neighbours; ``skew``: of its distribution over time, below 0 where it dips seldom and briefly; ``together``:
        correlation of both eyes, which people close as one.
    """
    mean, square, cube, other, other2, product, change, pairs = means.unbind(-1)
    variance, covariance = square - mean.square(), product - mean * other
    return {
        **_course(mean, square, cube, change / pairs),
        "together": correlation(covariance, variance + NOISE**2, other2 - other.square() + NOISE**2),
    }


def mouth_maps(batch: Batch) -> Tensor:
    """The luma, its square, and the width of the mouth in eye distances, everywhere the same: (B, T, 3, S, S)."""
    marks = batch.landmarks
    right, left = ((marks[:, :, i + 1] - marks[:, :, i]).square().sum(dim=-1).sqrt() for i in (0, 3))
    width = (left / right.clamp_min(1))[..., None, None].expand_as(batch.picture)
    return torch.stack([batch.picture, batch.picture.square(), width], dim=2)


def mouth_moments(series: Series) -> Tensor:
    """Openness and the log of the width, their powers, changes and product.

    Openness is the log of the luma's standard deviation in the region over its mean: an open mouth shows the dark
    inside and the teeth. A brighter picture of the same contrast has the same.
    """
    luma, square, width = series.values.unbind(-1)
    openness = log(square - luma.square(), FLOOR) / 2 - log(luma, FLOOR**0.5)
    both = torch.stack([openness, log(width, NARROW)], dim=-1)
    parts = [both, both.square(), both**3, both.prod(dim=-1, keepdim=True)]
    return torch.cat([*parts, series.squared_changes(both)], dim=-1)


def mouth_statistics(means: Tensor) -> dict[str, Tensor]:
    """How the mouth's openness, and its width between the landmarks, go.

    Returns:
        ``spread``, ``flutter``, ``skew``: of the openness, as an eye's; ``width_spread``, ``width_flutter``: of the log
        width; ``together``: correlation of both.
    """
    mean, square, cube = (means[..., i : i + 2] for i in (0, 2, 4))
    variance = square - mean.square() + NOISE**2
    openness, width = (
        _course(mean[..., i], square[..., i], cube[..., i], means[..., 7 + i] / means[..., 9 + i]) for i in (0, 1)
    )
    covariance = means[..., 6] - mean.prod(dim=-1)
    return {
        **openness,
        "width_spread": width["spread"],
        "width_flutter": width["flutter"],
        "together": correlation(covariance, variance[..., 0], variance[..., 1]),
    }


def _course(mean: Tensor, square: Tensor, cube: Tensor, change: Tensor) -> dict[str, Tensor]:
    """Spread, flutter and skew of a number over time, from the means of its powers and of its squared change."""
    variance = (square - mean.square()).clamp_min(0)
    third = cube - 3 * mean * square + 2 * mean**3
    return {"spread": variance.sqrt(), "flutter": change.sqrt(), "skew": third / (variance + NOISE**2) ** 1.5}
