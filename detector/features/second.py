"""A second look: the encoder's own view of the error, and what a second pass through the VAE changes."""

from __future__ import annotations

import torch
from torch import Tensor

from detector.features.local import GREY_LEVEL, correlation, log
from detector.types import Reconstruction

FLOOR = 0.025 * GREY_LEVEL
LATENT_FLOOR = 1e-6


def perceptual_maps(reconstruction: Reconstruction) -> Tensor | None:
    """How far x and x1 are apart in the encoder's activations, and the norms there: (N, 3, h', w').

    The distance of LPIPS (Zhang et al. 2018, eq. 1) with unit weights: sum over channels of the squared difference
    of activations that were scaled to unit length at each position.
    """
    if reconstruction.hidden is None or reconstruction.second is None or reconstruction.second.hidden is None:
        return None
    one, other = reconstruction.hidden, reconstruction.second.hidden
    lengths = [hidden.square().sum(dim=1, keepdim=True).sqrt() for hidden in (one, other)]
    units = [hidden / length.clamp_min(1e-10) for hidden, length in zip((one, other), lengths, strict=True)]
    return torch.cat([(units[0] - units[1]).square().sum(dim=1, keepdim=True), *lengths], dim=1)


def perceptual_statistics(means: Tensor) -> dict[str, Tensor]:
    """Log of the perceptual distance; log ratio of the activations' strength in x1 to that in x."""
    distance, one, other = means.unbind(-1)
    return {
        "log_distance": log(distance, LATENT_FLOOR),
        "strength": log(other, LATENT_FLOOR) - log(one, LATENT_FLOOR),
    }


def second_pass_maps(pixels: Tensor, reconstruction: Reconstruction) -> Tensor | None:
    """First error x - x1 and second x1 - x2, absolute and squared, and their product: (N, 5, S, S)."""
    if reconstruction.second is None:
        return None
    first = pixels - reconstruction.pixels
    again = reconstruction.pixels - reconstruction.second.pixels
    maps = [first.abs(), again.abs(), first.square(), again.square(), first * again]
    return torch.stack([m.mean(dim=1) for m in maps], dim=1)


def second_pass_statistics(means: Tensor) -> dict[str, Tensor]:
    """How far x1 is from a fixed point of the VAE, which is what that VAE's own products are close to.

    Returns:
        ``log_abs``: log of the mean |x1 - x2|; ``ratio``: that less the log of the mean |x - x1|;
        ``correlation``: of the two errors, about zero.
    """
    first, again, first2, again2, product = means.unbind(-1)
    return {
        "log_abs": log(again, FLOOR),
        "ratio": log(again, FLOOR) - log(first, FLOOR),
        "correlation": correlation(product, first2, again2),
    }


def latent_shift_maps(reconstruction: Reconstruction) -> Tensor | None:
    """Mean square over channels of the latent, and of its change in the second pass: (N, 2, h, w)."""
    if reconstruction.second is None:
        return None
    change = reconstruction.second.mean - reconstruction.mean
    return torch.stack([values.square().mean(dim=1) for values in (reconstruction.mean, change)], dim=1)


def latent_shift_statistics(means: Tensor) -> dict[str, Tensor]:
    """``ratio``: log of the root mean square change of the latent in a second pass over the latent's own."""
    size, change = (log(value, LATENT_FLOOR) / 2 for value in means.unbind(-1))
    return {"ratio": change - size}
