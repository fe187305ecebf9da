"""The diagonal Gaussian posterior q(z|x) of a VAE, and what it costs against the prior."""

from __future__ import annotations

import math

from torch import Tensor

from detector.types import check_shape


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
    # expm1 keeps the digits that exp(logvar) - 1 loses where the posterior is close to the prior.
    nats = 0.5 * (mean.square() + logvar.expm1() - logvar).sum(dim=1)
    return nats / math.log(2)
