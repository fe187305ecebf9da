"""Statistics of what the VAE left unexplained: the residual e = x - x1, (N, 3, S, S)."""

from __future__ import annotations

from itertools import combinations

import torch
from torch import Tensor

from detector.features.local import GREY_LEVEL, correlation, log, luma, neighbour, smooth

CHANNELS = ("red", "green", "blue")
FLOOR = 0.025 * GREY_LEVEL

LAGS = {
    "h1": ((0, 1), (0, -1)),
    "v1": ((1, 0), (-1, 0)),
    "d1": ((1, 1), (1, -1), (-1, 1), (-1, -1)),
    "h2": ((0, 2), (0, -2)),
    "v2": ((2, 0), (-2, 0)),
    "hv4": ((0, 4), (0, -4), (4, 0), (-4, 0)),
}
"""The neighbours of the autocorrelation: steps (down, right) in px."""

LEVELS = 3
"""Levels of magnitude of the co-occurrences: 0, 1, and 2 or more."""


def error_maps(residual: Tensor) -> Tensor:
    """Signed and absolute error per channel, and the mean square: (N, 7, S, S)."""
    return torch.cat([residual, residual.abs(), residual.square().mean(dim=1, keepdim=True)], dim=1)


def error_statistics(means: Tensor) -> dict[str, Tensor]:
    """Mean error, log of the mean absolute error (natural, of [0, 1] pixels), and how heavy its tail is.

    The tail is log(root mean square / mean absolute): 0.23 for Gaussian errors, more for rarer, larger ones.
    """
    signed = {f"signed_{name}": means[..., i] for i, name in enumerate(CHANNELS)}
    absolute = {f"log_abs_{name}": log(means[..., 3 + i], FLOOR) for i, name in enumerate(CHANNELS)}
    log_abs = log(means[..., 3:6].mean(dim=-1), FLOOR)
    return {**signed, **absolute, "log_abs": log_abs, "tail": log(means[..., 6], FLOOR**2) / 2 - log_abs}


def colour_maps(residual: Tensor) -> Tensor:
    """First and second moments of the channels of the error: (N, 9, S, S)."""
    products = [residual[:, i] * residual[:, j] for i, j in combinations(range(3), 2)]
    return torch.cat([residual, residual.square(), torch.stack(products, dim=1)], dim=1)


def colour_statistics(means: Tensor) -> dict[str, Tensor]:
    """Pearson's correlation of the error between channels: a generator that decodes RGB from one feature map, as
    chroma subsampling does, ties them together."""
    mean, square, product = means[..., :3], means[..., 3:6], means[..., 6:]
    variance = square - mean.square()
    return {
        f"{CHANNELS[i]}_{CHANNELS[j]}": correlation(
            product[..., k] - mean[..., i] * mean[..., j], variance[..., i], variance[..., j]
        )
        for k, (i, j) in enumerate(combinations(range(3), 2))
    }


def autocorrelation_maps(residual: Tensor) -> Tensor:
    """The squared luma of the error and its products with neighbours: (N, 1 + lags, S, S)."""
    error = luma(residual)
    lagged = [torch.stack([neighbour(error, *step) for step in steps]).mean(dim=0) for steps in LAGS.values()]
    return torch.stack([error * other for other in (error, *lagged)], dim=1)


def autocorrelation_statistics(means: Tensor) -> dict[str, Tensor]:
    """Autocorrelation of the error, about zero: up-sampling correlates neighbours, a sensor's noise does not."""
    power = means[..., 0]
    return {name: correlation(means[..., 1 + i], power, power) for i, name in enumerate(LAGS)}


def cooccurrence_maps(residual: Tensor) -> Tensor:
    """Which pair of quantised errors each pixel and its right (and lower) neighbour form: (N, 9, S, S).

    The luma of the error, less its local mean and over its local deviation (7 x 7 px; Mittal et al. 2012, No-reference
    image quality assessment in the spatial domain, eq. 1), is rounded and truncated to [-2, 2]; pairs that are one
    under swapping and sign are counted as one (Fridrich & Kodovsky 2012, Rich models for steganalysis).
    """
    error = luma(residual)
    error = error - smooth(error)
    scale = smooth(error.square()).clamp_min(0).sqrt() + FLOOR
    level = (error / scale).round_().clamp_(1 - LEVELS, LEVELS - 1).to(torch.int8)
    pairs = _pairs(level, neighbour(level, 0, 1)) + _pairs(level, neighbour(level, 1, 0))
    return pairs.float() / 2


def cooccurrence_statistics(means: Tensor) -> dict[str, Tensor]:
    """The share of each pair: ``same_12`` is levels 1 and 2 of one sign, ``opposite_12`` of opposite ones.

    The last, ``opposite_22``, is what the others leave of 1, and is not told.
    """
    return {name: means[..., i] for i, name in enumerate(_PAIR_NAMES[:-1])}


_LEVEL_PAIRS = [(i, j) for i in range(LEVELS) for j in range(i, LEVELS)]
_PAIR_NAMES = [f"same_{i}{j}" for i, j in _LEVEL_PAIRS] + [f"opposite_{i}{j}" for i, j in _LEVEL_PAIRS if i]


def _pairs(one: Tensor, other: Tensor) -> Tensor:
    """Indicators (N, 9, S, S) of the classes of pairs in the order of `_PAIR_NAMES`, for levels, all as int8."""
    low, high = torch.minimum(one.abs(), other.abs()), torch.maximum(one.abs(), other.abs())
    code = low * LEVELS + high + (one * other < 0) * LEVELS**2
    codes = [i * LEVELS + j for i, j in _LEVEL_PAIRS] + [(i + LEVELS) * LEVELS + j for i, j in _LEVEL_PAIRS if i]
    return (code[:, None] == torch.tensor(codes, dtype=code.dtype, device=code.device)[:, None, None]).view(torch.int8)
