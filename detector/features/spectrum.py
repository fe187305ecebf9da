"""The power spectrum of the error, region by region.

Blocks of 16 x 16 px, one every 8 px, under the window sin^2(pi (n + 1/2) / 16): neighbours overlap by half and
their windows add up to one, so that every pixel counts once and a block speaks for the 8 x 8 cell in its middle.
Frequencies are multiples of 1/16 cycles per px: the traces of up-sampling by 2, 4 and 8 lie on the grid exactly.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from detector.features.local import GREY_LEVEL, luma
from detector.types import Reconstruction

BLOCK = 16
HOP = 8
HALF = BLOCK // 2 + 1
BANDS = tuple(range(1, 9))
"""Radial bands, in multiples of 1/16 cycles per px, each +- 1/2; the corners beyond are a band of their own."""
BAND_NAMES = (*(str(k) for k in BANDS), "corner")
FLOOR = (0.025 * GREY_LEVEL) ** 2


def block_power(image: Tensor) -> Tensor:
    """The power at each frequency in each block of (N, S, S): (N, 16 x 9, S / 8, S / 8).

    A frequency's power is |sum_p w(p) image(p) exp(-2 pi i f p)|^2 / sum_p w(p)^2, so that white noise of variance v
    has power v everywhere. The side S must be a multiple of 8. The border is mirrored.
    """
    return _power(_block_spectra(image))


def _block_spectra(image: Tensor) -> Tensor:
    """The complex amplitudes, scaled so that their squares are `block_power`: (N, S / 8, S / 8, 16, 9)."""
    margin = (BLOCK - HOP) // 2
    padded = F.pad(image[:, None], (margin,) * 4, mode="reflect")[:, 0]
    blocks = padded.unfold(1, BLOCK, HOP).unfold(2, BLOCK, HOP)
    hann = torch.sin(math.pi * (torch.arange(BLOCK, device=image.device) + 0.5) / BLOCK).square()
    window = hann[:, None] * hann[None, :] / hann.square().sum()
    spectra: Tensor = torch.fft.rfft2(blocks * window)
    return spectra


def _power(spectra: Tensor) -> Tensor:
    return (spectra * spectra.conj()).real.flatten(3).permute(0, 3, 1, 2)


def spectrum_maps(residual: Tensor) -> Tensor:
    """Block powers of the luma of the error (N, 3, S, S)."""
    return block_power(luma(residual))


def spectrum_statistics(means: Tensor) -> dict[str, Tensor]:
    """The shape of the spectrum; its level is the error's own.

    Returns:
        ``band_1`` to ``band_8`` and ``band_corner``: log of the mean power of a radial band over the mean of all bands;
        ``slope``: of log power against log frequency (natural images: about -2);
        ``peak``: the largest log ratio of one frequency's power to its band's;
        ``grid_2``, ``grid_4``, ``grid_8``: mean log power on the lines of period 2 (4, 8) px less that beside them;
        ``tilt``: mean log power of the horizontal frequencies less that of the vertical ones.
    """
    power = means.clamp_min(0) + FLOOR
    radial, contrasts = _radial_bands().to(power), _contrasts()
    bands = torch.log(power @ radial.T)
    shares = bands - torch.logsumexp(bands, dim=-1, keepdim=True) + math.log(len(radial))
    above = torch.log(power) - bands @ (radial > 0).to(power)
    return {
        **{f"band_{name}": share for name, share in zip(BAND_NAMES, shares.unbind(-1), strict=True)},
        "slope": _slope(bands[..., :-1]),
        "peak": above.amax(dim=-1),
        **{name: torch.log(power) @ contrast.to(power) for name, contrast in contrasts.items()},
    }


def transfer_maps(pixels: Tensor, reconstruction: Reconstruction) -> Tensor:
    """Block powers of the luma of the picture, its error and its reconstruction: (N, 3 x 16 x 9, S / 8, S / 8)."""
    picture, made = (_block_spectra(luma(image)) for image in (pixels, reconstruction.pixels))
    return torch.cat([_power(spectra) for spectra in (picture, picture - made, made)], dim=1)


def transfer_statistics(means: Tensor) -> dict[str, Tensor]:
    """What part of each frequency the VAE lost, and what part it gave back: the error for the detail there was.

    Returns:
        ``error_1`` to ``error_8`` and ``error_corner``: log ratio of the error's power to the picture's in a radial
        band; ``made_1`` to ``made_7``, every other band: of the reconstruction's power to the picture's.
    """
    power = torch.stack(means.chunk(3, dim=-1), dim=-2).clamp_min(0) + FLOOR
    picture, error, made = torch.log(power @ _radial_bands().to(power).T).unbind(-2)
    lost = {f"error_{name}": share for name, share in zip(BAND_NAMES, (error - picture).unbind(-1), strict=True)}
    given = dict(zip(BAND_NAMES, (made - picture).unbind(-1), strict=True))
    return {**lost, **{f"made_{k}": given[f"{k}"] for k in BANDS[::2]}}


def _slope(bands: Tensor) -> Tensor:
    """The least-squares slope of log power against log frequency."""
    x = torch.log(torch.tensor(BANDS).to(bands))
    x = x - x.mean()
    return bands @ x / x.square().sum()


def _frequencies() -> tuple[Tensor, Tensor, Tensor]:
    """|fy|, |fx| in multiples of 1/16, and how often each frequency of the half plane counts: (16 x 9,) each."""
    fy = (torch.fft.fftfreq(BLOCK) * BLOCK).abs()[:, None].expand(-1, HALF)
    fx = torch.arange(float(HALF))[None, :].expand(BLOCK, -1)
    count = torch.where((fx == 0) | (fx == HALF - 1), 1.0, 2.0)
    return fy.flatten(), fx.flatten(), count.flatten()


def _radial_bands() -> Tensor:
    """Weights (9, 16 x 9) that average the power over each of `BANDS` and over the corners; 0 Hz is in none."""
    fy, fx, count = _frequencies()
    band = torch.hypot(fy, fx).round().clamp_max(BANDS[-1] + 1)
    weights = torch.stack([(band == k) * count for k in (*BANDS, BANDS[-1] + 1)])
    return weights / weights.sum(dim=1, keepdim=True)


def _contrasts() -> dict[str, Tensor]:
    """Weights (16 x 9,) that sum to zero: the mean over some frequencies less the mean over others."""
    fy, fx, count = _frequencies()

    def lines(*at: int) -> Tensor:
        return torch.isin(fy, torch.tensor(at).float()) | torch.isin(fx, torch.tensor(at).float())

    def less(some: Tensor, others: Tensor) -> Tensor:
        one, other = some * count, (others & ~some) * count
        return one / one.sum() - other / other.sum()

    return {
        "grid_2": less(lines(8), lines(7)),
        "grid_4": less(lines(4), lines(3, 5)),
        "grid_8": less(lines(2, 4, 6), lines(1, 3, 5, 7)),
        "tilt": less(fx > fy, fx < fy),
    }
