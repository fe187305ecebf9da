"""The decoder's distribution: a discretized logistic per pixel, its channels linked linearly.

Salimans et al. 2017 (PixelCNN++, eq. 2 and 3) with a single component. The grey level x in 0..255 of a channel has

    P(x) = sigmoid((x + 1/2 - m) / s) - sigmoid((x - 1/2 - m) / s),

where the outermost bins reach to infinity, and where red is predicted first, green given red, blue given both:

    m_r = mu_r;   m_g = mu_g + a (r - mu_r);   m_b = mu_b + b (r - mu_r) + c (g - mu_g).

Linked through deviations from the mean, unlike in the paper, (mu_r, mu_g, mu_b) remains the mean picture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from detector.vae.networks import to_pixels

PLANES = 9
"""Channels that the decoder gives per pixel: three means, three log scales, three links."""
LEVELS = 256
LOG_SCALE = (-1.5, 5.0)
"""Range of log s, s in grey levels: finer than a quarter level nothing is gained, e^5 is wider than the range."""
_STEPS_PER_LEVEL = 16
_STEPS_PER_LOG = 12


@dataclass(frozen=True, eq=False)
class Logistic:
    """The distribution of N pictures of H x W pixels.

    Attributes:
        mean: (N, 3, H, W), mu in grey levels.
        log_scale: (N, 3, H, W), log s in log grey levels, within `LOG_SCALE`.
        links: (N, 3, H, W), the coefficients a, b, c.
    """

    mean: Tensor
    log_scale: Tensor
    links: Tensor

    @classmethod
    def of(cls, planes: Tensor) -> Logistic:
        """From what the decoder's last convolution gives, (N, `PLANES`, H, W), in the units of `to_signal`."""
        mean, log_scale, links = planes.float().chunk(3, dim=1)
        return cls((LEVELS - 1) * to_pixels(mean), (2 + log_scale).clamp(*LOG_SCALE), links)

    @property
    def pixels(self) -> Tensor:
        """The mean picture, (N, 3, H, W) in [0, 1]."""
        return (self.mean / 255).clamp(0, 1)

    def centre(self, levels: Tensor) -> Tensor:
        """m, (N, 3, H, W) in [0, 255]: the centre of each channel once the channels before it are known."""
        red, green, _ = (levels - self.mean).unbind(1)
        a, b, c = self.links.unbind(1)
        shift = torch.stack([torch.zeros_like(red), a * red, b * red + c * green], dim=1)
        return (self.mean + shift).clamp(0, LEVELS - 1)

    def nll(self, levels: Tensor) -> Tensor:
        """-log2 P of grey levels (N, 3, H, W) in 0..255: bits of each channel of each pixel, same shape."""
        return -log_mass(levels, self.centre(levels), self.log_scale) / math.log(2)

    def entropy(self, levels: Tensor) -> Tensor:
        """Entropy in bits of each channel given the channels before it as they are in `levels`; (N, 3, H, W).

        Its expectation over `levels` is that of `nll`: their difference is the coding-cost gap of ZED
        (Cozzolino et al. 2024).
        """
        return look_up_entropy(self.centre(levels), self.log_scale)


def to_levels(pixels: Tensor) -> Tensor:
    """Pixels in [0, 1] as the nearest of 256 grey levels, a whole float in 0..255."""
    return (pixels * (LEVELS - 1)).round()


def log_mass(levels: Tensor, centre: Tensor, log_scale: Tensor) -> Tensor:
    """log P of grey levels, in nats; the tensors broadcast.

    With u and l the standardised upper and lower bounds of the bin, sigmoid(u) - sigmoid(l) is
    sigmoid(u) sigmoid(-l) (1 - exp(l - u)), which has a logarithm without cancellation however far the tail.
    """
    width = torch.exp(-log_scale)
    upper = (levels + 0.5 - centre) * width
    below_top = F.logsigmoid(upper).masked_fill(levels >= LEVELS - 1, 0.0)
    above_bottom = F.logsigmoid(width - upper).masked_fill(levels <= 0, 0.0)
    inside = torch.log(-torch.expm1(-width)).expand_as(upper).masked_fill((levels <= 0) | (levels >= LEVELS - 1), 0.0)
    return below_top + above_bottom + inside


def exact_entropy(centre: Tensor, log_scale: Tensor) -> Tensor:
    """Entropy in bits by the sum over all 256 levels; the tensors broadcast."""
    edges = torch.arange(LEVELS - 1, dtype=centre.dtype, device=centre.device) + 0.5
    below = torch.sigmoid((edges - centre[..., None]) * torch.exp(-log_scale)[..., None])
    mass = F.pad(F.pad(below, (1, 0)), (0, 1), value=1.0).diff().clamp_min(0)
    bits: Tensor = torch.special.entr(mass).sum(-1) / math.log(2)
    return bits


def look_up_entropy(centre: Tensor, log_scale: Tensor) -> Tensor:
    """`exact_entropy` to within 0.01 bits, by bilinear interpolation in a table of it; (N, 3, H, W) to the same."""
    table = _entropy_table().to(centre.device)
    low, high = LOG_SCALE
    # The distribution of 255 - x mirrors that of x, so half the range of centres is enough.
    from_edge = torch.minimum(centre, LEVELS - 1 - centre)
    grid = torch.stack([(log_scale - low) / (high - low), from_edge / ((LEVELS - 1) / 2)], dim=-1) * 2 - 1
    found = F.grid_sample(table[None, None], grid.flatten(0, -3)[None], align_corners=True)
    return found.view(centre.shape)


@lru_cache(maxsize=1)
def _entropy_table() -> Tensor:
    """(centres from 0 to 127.5, log scales): 2041 x 79 entropies."""
    with torch.inference_mode(False):
        rows = int((LEVELS - 1) / 2 * _STEPS_PER_LEVEL) + 1
        columns = int((LOG_SCALE[1] - LOG_SCALE[0]) * _STEPS_PER_LOG) + 1
        centre = torch.linspace(0, (LEVELS - 1) / 2, rows)
        log_scale = torch.linspace(*LOG_SCALE, columns)
        return torch.cat([exact_entropy(part[:, None], log_scale) for part in torch.split(centre, 16)])
