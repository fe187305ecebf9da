"""The error's power by temporal frequency, in Hz, pixel by pixel and then region by region.

Kim et al. 2025, Beyond spatial frequency: pixel-wise temporal frequency-based deepfake video detection, transform each
pixel along time; we transform what the VAE left unexplained there. Frequencies come from the frames' own times, so that
a clip says the same at 25 frames a second and at 240: power is told in bands of Hz, and a band that a clip is too short
or too slow for has no value. At 1 frame a second nothing above 0.5 Hz is told at all. What a camera's shutter let pass
above half its rate looks like slower flicker; no clip tells the two apart. Codecs add lines of their own at the rate of
key frames and of groups of pictures, 1 to 12 Hz.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from detector.features.local import log
from detector.features.motion.batch import Batch
from detector.features.motion.pooling import Series
from detector.features.residual import FLOOR as ERROR_FLOOR

LEAST = 8
LOWEST_HZ, BANDS = 0.5, 24
"""Third-octave bands, from 0.5 to 128 Hz."""
COMMON_HZ = 12.75
"""What clips of 25 frames a second and more all show; slope and share are of the bands below."""
HIGH_HZ = 6.3
"""Faster than faces move, slower than films sample."""
FLOOR = ERROR_FLOOR**2 * 0.08
"""Power per Hz of a flicker of `ERROR_FLOOR`, spread over the frequencies of 25 frames a second."""
_CENTRES = LOWEST_HZ * 2 ** ((torch.arange(BANDS, dtype=torch.float64) + 0.5) / 3)


def flicker_spectrum_maps(batch: Batch) -> Tensor:
    """The power at the clip's frequencies, of the error and then of the picture: (B, 1, 2 F, S, S)."""
    powers = [_power(values, batch.times) for values in (batch.error, batch.picture)]
    return torch.cat(powers, dim=1)[:, None]


def _power(values: Tensor, times: Tensor) -> Tensor:
    """The one-sided periodogram (B, F, S, S) of values (B, T, S, S), per Hz, under a Hann window.

    2 dt |sum_t a(t) x(t)|^2 / sum_t |a(t)|^2, where a(t) is w(t) exp(-2 pi i f t) less the multiple of w(t) that makes
    its sum nothing: a constant has no power, and noise of variance v has 2 v dt at every frequency. At even times that
    is the Fourier transform's, at uneven ones the classical periodogram (Scargle 1982, Studies in astronomical time
    series analysis II; VanderPlas 2018, Understanding the Lomb-Scargle periodogram, on what it is worth there).
    """
    gap, frequencies = _frequencies(times)
    since = times - times[:, :1]
    length = since[:, -1:] + gap
    window = torch.sin(math.pi * (since + gap / 2) / length).square()
    waves = torch.exp(-2j * math.pi * frequencies[:, :, None] * since[:, None, :]) * window[:, None, :]
    waves = waves - waves.sum(dim=2, keepdim=True) * (window / window.sum(dim=1, keepdim=True))[:, None]
    sides = torch.where(frequencies * gap < 0.5 - 1e-6, 2.0, 1.0)
    density = gap * sides / waves.abs().square().sum(dim=2).clamp_min(1e-12)
    real, imaginary = (part.to(values.dtype) @ values.flatten(2) for part in (waves.real, waves.imag))
    power: Tensor = (real.square() + imaginary.square()) * density[..., None].to(values.dtype)
    return power.reshape(*power.shape[:2], *values.shape[2:])


def _frequencies(times: Tensor) -> tuple[Tensor, Tensor]:
    """The usual gap of times (B, T): (B, 1) s; and the frequencies up to half its rate: (B, T // 2) Hz."""
    length = times.shape[1]
    gaps = times.diff(dim=1) if length > 1 else torch.ones_like(times)
    gap = gaps.median(dim=1, keepdim=True).values
    return gap, torch.arange(1, length // 2 + 1, device=times.device) / (length * gap)


def flicker_spectrum_moments(series: Series) -> Tensor:
    """The mean power in each band that has a frequency, 0 elsewhere, and which have one: (B, 1, G, 3 x 24)."""
    _, frequencies = _frequencies(series.times)
    band = (torch.log2(frequencies / LOWEST_HZ) * 3 + 1e-9).floor()
    weights = (band[:, None] == torch.arange(BANDS)[:, None]).to(series.values.dtype)
    count = weights.sum(dim=2)
    weights = weights / count.clamp_min(1)[..., None]
    error, picture = series.values.chunk(2, dim=-1)
    told = (count > 0).to(weights)[:, None, None, :].expand(*error.shape[:3], BANDS)
    return torch.cat([torch.einsum("bpgf,bkf->bpgk", part, weights) for part in (error, picture)] + [told], dim=-1)


def flicker_spectrum_statistics(means: Tensor) -> dict[str, Tensor]:
    """The shape of the spectrum of the error through time.

    Returns:
        ``slope``: of log power against log frequency: 0 for noise, -2 for a random walk;
        ``high``: log of the mean power from 6.3 to 12.7 Hz over that below;
        ``high_excess``: that less the picture's own;
        ``peak``: by how much the highest band stands above the line of the slope, in log power;
        ``peak_hz``: the middle of that band. All but that one in natural logs.
    """
    error, picture, told = means.chunk(3, dim=-1)
    error, picture = (torch.where(told > 0, part / told, torch.nan) for part in (error, picture))
    high = _high(error)
    slope, above = _line(log(error, FLOOR))
    peak, place = above.nan_to_num(nan=-math.inf).max(dim=-1)
    unknown = slope.isnan()
    return {
        "slope": slope,
        "high": high,
        "high_excess": high - _high(picture),
        "peak": peak.masked_fill(unknown, torch.nan),
        "peak_hz": _CENTRES.to(means)[place].masked_fill(unknown, torch.nan),
    }


def _high(power: Tensor) -> Tensor:
    """Log ratio of the mean power in the fast common bands to that in the slow ones; NaN without either."""
    centres = _CENTRES.to(power)
    fast, slow = (centres > HIGH_HZ) & (centres < COMMON_HZ), centres < HIGH_HZ
    return log(power[..., fast].nanmean(dim=-1), FLOOR) - log(power[..., slow].nanmean(dim=-1), FLOOR)


def _line(bands: Tensor) -> tuple[Tensor, Tensor]:
    """The least-squares slope of log power (..., 24) over the common bands; what lies above the line everywhere.

    NaN with fewer than three bands.
    """
    x = torch.log(_CENTRES).to(bands)
    weights = (bands.isfinite() & (_CENTRES < COMMON_HZ)).to(bands)
    count = weights.sum(dim=-1, keepdim=True)
    count = torch.where(count < 3, torch.nan, count)
    y = bands.nan_to_num()
    middle, level = ((weights * part).sum(dim=-1, keepdim=True) / count for part in (x, y))
    spread = (weights * (x - middle).square()).sum(dim=-1, keepdim=True)
    slope = (weights * (x - middle) * (y - level)).sum(dim=-1, keepdim=True) / spread
    return slope[..., 0], bands - (level + slope * (x - middle))
