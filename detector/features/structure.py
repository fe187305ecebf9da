"""The error beside the picture: relative to its complexity, and as a loss of structure."""

from __future__ import annotations

import torch
from torch import Tensor

from detector.features.local import GREY_LEVEL, WINDOW, correlation, log, luma, smooth
from detector.types import Reconstruction

FLOOR = 0.25 * GREY_LEVEL
FLAT = 4 * GREY_LEVEL
"""A window whose standard deviation is well below this is flat."""

C1, C2 = 0.01**2, 0.03**2


def complexity_maps(pixels: Tensor, reconstruction: Reconstruction) -> Tensor:
    """|error| and the local standard deviation of the picture, their products, ratio, and flat parts: (N, 8, S, S)."""
    grey, error = luma(pixels), luma(pixels - reconstruction.pixels).abs()
    spread = (smooth(grey.square()) - smooth(grey).square()).clamp_min(0).sqrt()
    flat = torch.exp(-(spread / FLAT).square())
    ratio = torch.log((smooth(error) + FLOOR) / (spread + FLOOR))
    maps = [error, spread, error * spread, error.square(), spread.square(), ratio, flat * error, flat]
    return torch.stack(maps, dim=1)


def complexity_statistics(means: Tensor) -> dict[str, Tensor]:
    """The error for what there was to explain: simple parts reconstruct well whoever made them.

    Returns:
        ``ratio``: log of mean error over mean local standard deviation; ``local_ratio``: mean of the local log ratio;
        ``correlation``: of error and local standard deviation; ``flat``: log of the error in flat parts.
    """
    error, spread, product, error2, spread2, ratio, flat_error, flat = means.unbind(-1)
    return {
        "ratio": log(error, FLOOR) - log(spread, FLOOR),
        "local_ratio": ratio,
        "correlation": correlation(product - error * spread, error2 - error.square(), spread2 - spread.square()),
        "flat": log(flat_error / flat.clamp_min(1e-6), FLOOR),
    }


def structure_maps(pixels: Tensor, reconstruction: Reconstruction) -> Tensor:
    """SSIM and its contrast and structure factors on the luma: (N, 3, S, S).

    Wang et al. 2004, Image quality assessment, eq. 6-13, with a uniform 7 x 7 window and sample covariance:
    SSIM = (2 mx my + C1)(2 sxy + C2) / ((mx^2 + my^2 + C1)(sx^2 + sy^2 + C2)); contrast
    (2 sx sy + C2) / (sx^2 + sy^2 + C2); structure (sxy + C2/2) / (sx sy + C2/2).
    """
    x, y = luma(pixels), luma(reconstruction.pixels)
    mx, my, unbiased = smooth(x), smooth(y), WINDOW**2 / (WINDOW**2 - 1)
    sxx = (smooth(x * x) - mx * mx).clamp_min(0) * unbiased
    syy = (smooth(y * y) - my * my).clamp_min(0) * unbiased
    sxy = (smooth(x * y) - mx * my) * unbiased
    both = (sxx * syy).sqrt()
    light = (2 * mx * my + C1) / (mx.square() + my.square() + C1)
    ssim = light * (2 * sxy + C2) / (sxx + syy + C2)
    return torch.stack([ssim, (2 * both + C2) / (sxx + syy + C2), (sxy + C2 / 2) / (both + C2 / 2)], dim=1)


def structure_statistics(means: Tensor) -> dict[str, Tensor]:
    """Mean SSIM, contrast and structure, each in [-1, 1], 1 where nothing was lost."""
    return dict(zip(("ssim", "contrast", "structure"), means.unbind(-1), strict=True))
