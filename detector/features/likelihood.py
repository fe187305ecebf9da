"""How likely the model finds the face: its code, its surprise, and both beside what any codec would pay.

Left out because they take more passes through the model: the importance-weighted bound (Burda et al. 2016, k
samples of the decoder) and the likelihood regret (Xiao et al. 2020, an optimisation per picture).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from detector.features.local import GREY_LEVEL, log, luma, smooth
from detector.types import Reconstruction

LOG2E = math.log2(math.e)
FLOOR = 1e-4


def kl_maps(reconstruction: Reconstruction) -> Tensor | None:
    """KL(q(z|x) || p(z)) in bits and its square: (N, 2, h, w)."""
    kl = reconstruction.kl
    return None if kl is None else torch.stack([kl, kl.square()], dim=1)


def kl_statistics(means: Tensor) -> dict[str, Tensor]:
    """Log of the mean KL per latent position in bits; log of its coefficient of variation."""
    mean, square = means.unbind(-1)
    return {"log_mean": log(mean, FLOOR), "spread": log(square - mean.square(), FLOOR**2) / 2 - log(mean, FLOOR)}


def posterior_maps(reconstruction: Reconstruction) -> Tensor | None:
    """|mu|, mu^2 and log variance of the posterior, each averaged over channels: (N, 3, h, w)."""
    if reconstruction.logvar is None:
        return None
    mean, logvar = reconstruction.mean, reconstruction.logvar
    return torch.stack([m.mean(dim=1) for m in (mean.abs(), mean.square(), logvar)], dim=1)


def posterior_statistics(means: Tensor) -> dict[str, Tensor]:
    """The posterior's shape.

    Returns:
        ``log_abs``: log of the mean |mu|; ``prior``: -log2 p(mu) in bits per latent dimension under the unit Gaussian,
        (log2(2 pi) + mu^2 log2 e) / 2; ``logvar``: the mean log variance.
    """
    absolute, square, logvar = means.unbind(-1)
    return {
        "log_abs": log(absolute, FLOOR),
        "prior": (math.log2(2 * math.pi) + square * LOG2E) / 2,
        "logvar": logvar,
    }


def likelihood_maps(pixels: Tensor, reconstruction: Reconstruction) -> Tensor | None:
    """-log2 p(x|z), its square, and the code length of the picture alone: (N, 3, S, S)."""
    nll = reconstruction.nll
    return None if nll is None else torch.stack([nll, nll.square(), code_length(pixels)], dim=1)


def likelihood_statistics(means: Tensor) -> dict[str, Tensor]:
    """Bits per dimension, absolute and for what there was to say.

    Returns:
        ``nll``: -log2 p(x|z); ``spread``: log of its standard deviation over the region; ``excess``: the NLL less
        `code_length` (Serra et al. 2020, Input complexity and out-of-distribution detection, eq. 1, with a codec that
        has a length for every pixel).
    """
    nll, square, length = means.unbind(-1)
    return {"nll": nll, "spread": log(square - nll.square(), FLOOR**2) / 2, "excess": nll - length}


def code_length(pixels: Tensor) -> Tensor:
    """What a lossless codec would pay for each pixel: (N, S, S) in bits per dimension.

    The predictor of LOCO-I / JPEG-LS (Weinberger et al. 2000): the median of W, N and W + N - NW. Its error is coded
    as a Laplacian of the mean absolute error b (grey levels) in the 7 x 7 window: log2(1 + 2 e b), which is the
    entropy log2(2 e b) of such a Laplacian for large b and nothing for none.
    """
    west, north = pixels.roll(1, dims=-1), pixels.roll(1, dims=-2)
    plane = west + north - north.roll(1, dims=-1)
    low, high = torch.minimum(west, north), torch.maximum(west, north)
    miss = (pixels - plane.clamp(low, high)).abs().mean(dim=1) / GREY_LEVEL
    miss = F.pad(miss[:, None, 1:, 1:], (1, 0, 1, 0), mode="replicate")[:, 0]
    return torch.log2(1 + 2 * math.e * smooth(miss))


def coding_maps(pixels: Tensor, reconstruction: Reconstruction) -> Tensor | None:
    """NLL, entropy, their squared gap, and the error in units of the decoder's own width: (N, 4, S, S)."""
    nll, entropy = reconstruction.nll, reconstruction.entropy
    if nll is None or entropy is None:
        return None
    error = luma(pixels - reconstruction.pixels).abs() / GREY_LEVEL
    return torch.stack([nll, entropy, (nll - entropy).square(), error * torch.exp2(-entropy)], dim=1)


def coding_statistics(means: Tensor) -> dict[str, Tensor]:
    """Whether the picture is as surprising as the model expects it to be.

    Returns:
        ``gap``: NLL - entropy in bits per dimension, the coding-cost gap of ZED (Cozzolino et al. 2024, Zero-shot
        detection of AI-generated images, eq. 5-7); ``entropy``; ``gap_spread``: log root mean square of the local gap;
        ``standardised``: log of the mean |error| in units of 2^entropy grey levels, the decoder's effective width.
    """
    nll, entropy, square, standardised = means.unbind(-1)
    return {
        "gap": nll - entropy,
        "entropy": entropy,
        "gap_spread": log(square, FLOOR**2) / 2,
        "standardised": log(standardised, FLOOR),
    }


def elbo_maps(reconstruction: Reconstruction) -> Tensor | None:
    """The NLL and the KL, both in bits per dimension of the picture, on the latent grid: (N, 2, h, w)."""
    nll, kl = reconstruction.nll, reconstruction.kl
    if nll is None or kl is None:
        return None
    height, width = kl.shape[-2:]
    dimensions = 3 * nll.shape[-1] * nll.shape[-2] / (height * width)
    return torch.stack([F.adaptive_avg_pool2d(nll, (height, width)), kl / dimensions], dim=1)


def elbo_statistics(means: Tensor) -> dict[str, Tensor]:
    """``bits``: the negative ELBO, NLL + KL, in bits per dimension; ``kl_share``: the part of it that is KL."""
    nll, kl = means.unbind(-1)
    return {"bits": nll + kl, "kl_share": kl / (nll + kl).clamp_min(FLOOR)}
