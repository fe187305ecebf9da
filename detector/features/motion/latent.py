"""How a clip moves in the latent space of a VAE: its steps, its turns, and where the face drifts to.

Where a video is one, the path of its frames is smooth; frames that were made one by one jump about it. Zheng et al.
2025, D3: training-free AI-generated video detection using second-order features, take the spread of second
differences; Interno et al. 2025, AI-generated video detection via perceptual straightening (ReStraV), the length and
the turns of the steps; Liu et al. 2023, TI2Net: temporal identity inconsistency network for deepfake detection, how an
identity changes between frames. Their networks see a picture as a whole; a VAE's latent is local, so each region has a
path of its own. It was not taught who is who either: what drifts is the look of a region, light and pose included.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from detector.features.local import GREY_LEVEL, correlation, log
from detector.features.motion.batch import Batch, change, earlier, later
from detector.features.motion.pooling import Series

LEAST_PAIRS, LEAST_TRIPLES, LEAST_PATH = 2, 3, 4
FLOOR = 1e-6
PIXEL_FLOOR = (0.025 * GREY_LEVEL) ** 2


def latent_velocity_maps(batch: Batch) -> Tensor:
    """Mean squares over channels: of the latent's step, of the latent, of the picture's step: (B, P, 3, h, w)."""
    step = _products(change(batch.latent, batch.step))
    size = (_products(earlier(batch.latent, batch.step)) + _products(later(batch.latent, batch.step))) / 2
    return torch.stack([step, size, _on_grid(_products(change(batch.pixels, batch.step)), batch)], dim=2)


def latent_velocity_moments(series: Series) -> Tensor:
    """The means of the maps, and the length of each region's step."""
    return torch.cat([series.values, series.values[..., :1].clamp_min(0).sqrt()], dim=-1)


def latent_velocity_statistics(means: Tensor) -> dict[str, Tensor]:
    """The steps between neighbours.

    Returns:
        ``log``: log of the root mean square step over the latent's own; ``ratio``: that less the log of the root mean
        square change of the picture; ``bursts``: log of the spread of the step's length over time over its mean.
    """
    step, size, picture, length = means.unbind(-1)
    relative = (log(step, FLOOR**2) - log(size, FLOOR**2)) / 2
    return {
        "log": relative,
        "ratio": relative - log(picture, PIXEL_FLOOR) / 2,
        "bursts": _bursts(step, length),
    }


def latent_acceleration_maps(batch: Batch) -> Tensor:
    """Of each three in a row, the squares of both steps and their product, of the latent, then of the picture:
    (B, P, 6, h, w)."""
    parts = []
    for values in (batch.latent, batch.pixels):
        steps = change(values, batch.step)
        one, two = earlier(steps, batch.step), later(steps, batch.step)
        parts += [_on_grid(part, batch) for part in (_products(one), _products(two), _products(one, two))]
    return torch.stack(parts, dim=2)


def latent_acceleration_moments(series: Series) -> Tensor:
    """The means of the maps, and the length of each region's acceleration."""
    return torch.cat([series.values, _acceleration(series.values[..., :3])[..., None].sqrt()], dim=-1)


def latent_acceleration_statistics(means: Tensor) -> dict[str, Tensor]:
    """How the steps differ from those before.

    Returns:
        ``turn``: the cosine between successive steps (the curvature of ReStraV, eq. 1, is its arccosine): 1 on a
        straight path, -1/2 for noise; ``turn_excess``: that less the picture's; ``ratio``: log of the root mean
        square acceleration over the picture's; ``bursts``: log of the acceleration's spread over time over its mean.
    """
    one, two, product, picture_one, picture_two, picture_product, length = means.unbind(-1)
    latent, picture = (_acceleration(part) for part in (means[..., :3], means[..., 3:6]))
    turn = correlation(product, one, two)
    return {
        "turn": turn,
        "turn_excess": turn - correlation(picture_product, picture_one, picture_two),
        "ratio": (log(latent, FLOOR**2) - log(picture, PIXEL_FLOOR)) / 2,
        "bursts": _bursts(latent, length),
    }


def identity_drift_maps(batch: Batch) -> Tensor:
    """The latent itself: (B, t, C, h, w)."""
    return batch.latent


def identity_drift_moments(series: Series) -> Tensor:
    """Of the regional means m of the latent at time t: t, t^2, |m|^2, the squared step and whether there is one, m, and
    t m: (B, T, G, 5 + 2 C)."""
    place = series.values
    time = series.times[..., None, None].expand(*place.shape[:3], 1)
    squares, there = series.squared_changes(place).chunk(2, dim=-1)
    length = place.square().sum(dim=-1, keepdim=True)
    steps = [squares.sum(dim=-1, keepdim=True), there[..., :1]]
    return torch.cat([time, time.square(), length, *steps, place, time * place], dim=-1)


def identity_drift_statistics(means: Tensor) -> dict[str, Tensor]:
    """Where a region's mean latent wanders.

    Returns:
        ``spread``: log of the root mean square distance from its mean over time, over its own root mean square;
        ``speed``: the same of its step between neighbours;
        ``jitter``: log of the mean squared step over twice the variance: 0 for independent frames, less for a slow
            path;
        ``trend``: the share of the variance that is a straight drift, in [0, 1].
    """
    time, time2, length, step, pairs = means[..., :5].unbind(-1)
    place, product = means[..., 5:].chunk(2, dim=-1)
    variance = (length - place.square().sum(dim=-1)).clamp_min(0)
    drift = (product - time[..., None] * place).square().sum(dim=-1)
    step = step / pairs
    return {
        "spread": (log(variance, FLOOR**2) - log(length, FLOOR**2)) / 2,
        "speed": (log(step, FLOOR**2) - log(length, FLOOR**2)) / 2,
        "jitter": log(step, FLOOR**2) - log(2 * variance, FLOOR**2),
        "trend": drift / ((time2 - time.square()).clamp_min(0) * variance + FLOOR**2),
    }


def _products(one: Tensor, other: Tensor | None = None) -> Tensor:
    """The mean over channels of a product: (B, P, C, h, w) to (B, P, h, w)."""
    return (one * (one if other is None else other)).mean(dim=2)


def _on_grid(values: Tensor, batch: Batch) -> Tensor:
    """(B, P, S, S) averaged over the positions of the latent."""
    return F.adaptive_avg_pool2d(values, (batch.latent.shape[-2], batch.latent.shape[-1]))


def _acceleration(products: Tensor) -> Tensor:
    """|two - one|^2 from |one|^2, |two|^2 and one x two (..., 3)."""
    return (products[..., 0] + products[..., 1] - 2 * products[..., 2]).clamp_min(0)


def _bursts(square: Tensor, length: Tensor) -> Tensor:
    """Log of the standard deviation of a length over time over its mean."""
    return log(square - length.square(), FLOOR**2) / 2 - log(length, FLOOR)
