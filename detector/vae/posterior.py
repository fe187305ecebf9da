"""The diagonal Gaussian posterior q(z|x) of a VAE, and what it costs against the prior."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from detector.types import check_shape


def gaussian_kl(
    mean: Tensor, logvar: Tensor, prior_mean: Tensor | float = 0.0, prior_logvar: Tensor | float = 0.0
) -> Tensor:
    """KL(N(mean, e^logvar) || N(prior_mean, e^prior_logvar)) in nats, elementwise, never negative.

    Kingma & Welling 2014, appendix B, for any diagonal prior; with that of N(0, 1) it is
    ``1/2 (mean^2 + exp(logvar) - 1 - logvar)``.
    """
    ratio = logvar - prior_logvar
    distance = (mean - prior_mean).square() * torch.as_tensor(-prior_logvar).exp()
    # expm1 keeps the digits that exp(ratio) - 1 loses where the posterior is close to the prior.
    return 0.5 * (distance + ratio.expm1() - ratio)


def kl_bits(mean: Tensor, logvar: Tensor) -> Tensor:
    """KL(q(z|x) || N(0, I)) in bits at each latent position (Kingma & Welling 2014, appendix B).

    ``KL = 1/2 sum_c (mean_c^2 + exp(logvar_c) - 1 - logvar_c) / ln 2``

    Args:
        mean: (N, C, h, w), posterior mean.
        logvar: (N, C, h, w), posterior log variance, natural.

    Returns:
        (N, h, w), never negative.
    """
    check_shape("logvar", logvar, mean.shape)
    return gaussian_kl(mean, logvar).sum(dim=1) / math.log(2)
