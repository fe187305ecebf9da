"""What lies between the halves, and makes one member of the family differ from the next: the code and its cost."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from detector.vae.config import VaeConfig
from detector.vae.networks import blocks, pooled
from detector.vae.posterior import gaussian_kl

_LOGVAR = (-12.0, 6.0)


@dataclass(frozen=True, eq=False)
class Codes:
    """What an encoder made of N crops.

    Attributes:
        decodable: (N, D, h, w), what the decoder is given: a draw from the posterior, or its mean.
        mean: (N, C, h, w), posterior mean of the finest latent, or the code where there is no posterior.
        logvar: (N, C, h, w), its log variance.
        kl: KL(q || p) in nats, (N, C', h, w) for each latent scale, finest first; empty where there is no prior.
        penalty: a further term of the loss in nats per crop, e.g. the commitment of a codebook.
    """

    decodable: Tensor
    mean: Tensor
    logvar: Tensor | None = None
    kl: tuple[Tensor, ...] = ()
    penalty: Tensor | None = None


class Bottleneck(Protocol):
    """Features of the encoder to codes.

    Attributes:
        channels: D, of what the decoder is given; its first C are the finest latent.
    """

    channels: int

    def __call__(self, features: Tensor, condition: Tensor | None, draw: bool) -> Codes:
        """Codes of features (N, W, h, w); `draw` from the posterior, or take its mean."""
        ...

    def start(self, logvar: Tensor) -> None:
        """Begin with the first C features as the code, and `logvar` (C or more,) as its log variance, if it has one."""
        ...

    def prior(self, shape: tuple[int, int, int], condition: Tensor | None, temperature: float) -> Tensor:
        """A draw (N, D, h, w) from the prior, for `shape` = (N, h, w); the temperature scales its deviations."""
        ...


def draw_gaussian(mean: Tensor, logvar: Tensor, temperature: float = 1.0) -> Tensor:
    """A reparameterised draw, mean + sigma * epsilon."""
    return mean + temperature * (0.5 * logvar).exp() * torch.randn_like(mean)


def split(planes: Tensor) -> tuple[Tensor, Tensor]:
    """(N, 2C, h, w) as mean and log variance, the latter within the range that training needs to stay stable."""
    mean, logvar = planes.float().chunk(2, dim=1)
    return mean, logvar.clamp(*_LOGVAR)


def pass_first(conv: nn.Conv2d, logvar: Tensor | None = None) -> None:
    """Let a 1 x 1 convolution pass its first inputs on; with `logvar`, the second half of its outputs is just that."""
    nn.init.dirac_(conv.weight)
    nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
    if logvar is not None:
        latent = conv.out_channels // 2
        known = logvar[:latent].clamp(_LOGVAR[0], 0)
        with torch.no_grad():
            conv.weight[latent:] = 0
            conv.bias[latent : latent + len(known)] = known  # type: ignore[index]


class Plain(nn.Module):
    """A code without posterior or prior: the autoencoder that the others are compared with."""

    def __init__(self, config: VaeConfig, width: int) -> None:
        super().__init__()
        self.channels = config.latent
        self.to_code = nn.Conv2d(width, config.latent, 1)

    def forward(self, features: Tensor, condition: Tensor | None, draw: bool) -> Codes:  # noqa: ARG002
        code = self.to_code(features)
        return Codes(code, code)

    def start(self, logvar: Tensor) -> None:  # noqa: ARG002
        pass_first(self.to_code)

    def prior(self, shape: tuple[int, int, int], condition: Tensor | None, temperature: float) -> Tensor:  # noqa: ARG002
        """Nothing is known of the codes of an autoencoder; a standard normal shows just that."""
        count, height, width = shape
        return temperature * torch.randn(count, self.channels, height, width)


class Gaussian(nn.Module):
    """A diagonal Gaussian posterior; the prior is N(0, 1), or made from the condition where there is one."""

    def __init__(self, config: VaeConfig, width: int) -> None:
        super().__init__()
        self.channels, self.reduction = config.latent, config.reduction
        self.to_posterior = nn.Conv2d(width, 2 * config.latent, 1)
        self.to_prior = nn.Conv2d(config.condition_planes, 2 * config.latent, 1) if config.condition_planes else None
        if self.to_prior is not None:
            nn.init.zeros_(self.to_prior.weight)
            nn.init.zeros_(self.to_prior.bias)  # type: ignore[arg-type]

    def forward(self, features: Tensor, condition: Tensor | None, draw: bool) -> Codes:
        mean, logvar = split(self.to_posterior(features))
        kl = gaussian_kl(mean, logvar, *self._prior(mean, condition))
        return Codes(draw_gaussian(mean, logvar) if draw else mean, mean, logvar, (kl,))

    def start(self, logvar: Tensor) -> None:
        pass_first(self.to_posterior, logvar)

    def prior(self, shape: tuple[int, int, int], condition: Tensor | None, temperature: float) -> Tensor:
        count, height, width = shape
        empty = self.to_posterior.weight.new_zeros(count, self.channels, height, width)
        return draw_gaussian(*self._prior(empty, condition), temperature)

    def _prior(self, like: Tensor, condition: Tensor | None) -> tuple[Tensor, Tensor]:
        if self.to_prior is None or condition is None:
            return torch.zeros_like(like), torch.zeros_like(like)
        return split(self.to_prior(pooled(condition, self.reduction)))


class Hierarchical(nn.Module):
    """Two Gaussian scales: p(z_coarse) p(z_fine | z_coarse), as a ladder (Sønderby et al. 2016).

    The decoder is given the fine draw and the features of the coarse one.
    """

    def __init__(self, config: VaeConfig, width: int) -> None:
        super().__init__()
        self.latent, self.coarse = config.latent, config.coarse_latent
        self.channels = config.latent + width
        self.down = nn.Sequential(nn.Conv2d(width, width, 3, stride=2, padding=1), blocks(1, width), nn.SiLU())
        self.to_coarse = nn.Conv2d(width, 2 * config.coarse_latent, 1)
        self.up = nn.Sequential(
            nn.Conv2d(config.coarse_latent, 4 * width, 1), nn.PixelShuffle(2), blocks(1, width), nn.SiLU()
        )
        self.to_posterior = nn.Conv2d(2 * width, 2 * config.latent, 1)
        self.to_prior = nn.Conv2d(width, 2 * config.latent, 1)

    def forward(self, features: Tensor, condition: Tensor | None, draw: bool) -> Codes:  # noqa: ARG002
        coarse_mean, coarse_logvar = split(self.to_coarse(self.down(features)))
        coarse_kl = gaussian_kl(coarse_mean, coarse_logvar)
        context = self.up(draw_gaussian(coarse_mean, coarse_logvar) if draw else coarse_mean)
        mean, logvar = split(self.to_posterior(torch.cat([features, context], dim=1)))
        kl = gaussian_kl(mean, logvar, *split(self.to_prior(context)))
        fine = draw_gaussian(mean, logvar) if draw else mean
        return Codes(torch.cat([fine, context], dim=1), mean, logvar, (kl, coarse_kl))

    def start(self, logvar: Tensor) -> None:
        pass_first(self.to_posterior, logvar)

    def prior(self, shape: tuple[int, int, int], condition: Tensor | None, temperature: float) -> Tensor:  # noqa: ARG002
        count, height, width = shape
        coarse = self.to_prior.weight.new_zeros(count, self.coarse, height // 2, width // 2)
        context = self.up(draw_gaussian(coarse, coarse, temperature))
        return torch.cat([draw_gaussian(*split(self.to_prior(context)), temperature), context], dim=1)


class Quantised(nn.Module):
    """A codebook learnt by exponential moving averages (van den Oord et al. 2017, eq. 3 and app. A.1).

    The prior is how often each word was used lately, so that the posterior, which is sure of its word k, has
    KL(q || p) = -log p(k). A word that dies out is put where a feature of the current batch lies.
    """

    words: Tensor
    sums: Tensor
    counts: Tensor
    _DECAY = 0.99
    _DEAD = 0.03

    def __init__(self, config: VaeConfig, width: int) -> None:
        super().__init__()
        self.channels, self.beta = config.latent, config.beta
        self.to_code = nn.Conv2d(width, config.latent, 1)
        words = torch.randn(config.codebook, config.latent)
        self.register_buffer("words", words)
        self.register_buffer("sums", words.clone())
        self.register_buffer("counts", torch.ones(config.codebook))

    def forward(self, features: Tensor, condition: Tensor | None, draw: bool) -> Codes:  # noqa: ARG002
        code = self.to_code(features).float()
        flat = code.movedim(1, -1)
        chosen = torch.cdist(flat.flatten(0, 2), self.words).argmin(1).view(flat.shape[:3])
        found = self.words[chosen].movedim(-1, 1)
        kl = -self.log_usage()[chosen][:, None]
        commitment = self.beta * (code - found).square().sum((1, 2, 3))
        if self.training:
            self._learn(flat.detach().flatten(0, 2), chosen.flatten())
        straight_through = code + (found - code).detach()
        return Codes(straight_through, found, None, (kl,), commitment)

    def start(self, logvar: Tensor) -> None:  # noqa: ARG002
        pass_first(self.to_code)

    def log_usage(self) -> Tensor:
        """log p(k) of each word, from its recent use, with one use in a thousand spread over all words."""
        share = 0.999 * self.counts / self.counts.sum() + 0.001 / len(self.counts)
        return share.log()

    def prior(self, shape: tuple[int, int, int], condition: Tensor | None, temperature: float) -> Tensor:  # noqa: ARG002
        count, height, width = shape
        odds = torch.softmax(self.log_usage() / max(temperature, 1e-6), dim=0)
        chosen = torch.multinomial(odds, math.prod(shape), replacement=True)
        return self.words[chosen].view(count, height, width, -1).movedim(-1, 1)

    @torch.no_grad()
    def _learn(self, flat: Tensor, chosen: Tensor) -> None:
        used = F.one_hot(chosen, len(self.words)).to(flat.dtype)
        self.counts.mul_(self._DECAY).add_(used.sum(0), alpha=1 - self._DECAY)
        self.sums.mul_(self._DECAY).add_(used.T @ flat, alpha=1 - self._DECAY)
        dead = self.counts < self._DEAD
        fresh = flat[torch.randint(len(flat), (int(dead.sum()),), device=flat.device)]
        self.sums[dead], self.counts[dead] = fresh, 1.0
        self.words.copy_(self.sums / self.counts[:, None])


BOTTLENECKS: dict[str, Callable[[VaeConfig, int], Plain | Gaussian | Hierarchical | Quantised]] = {
    "ae": Plain,
    "vae": Gaussian,
    "beta-vae": Gaussian,
    "hierarchical": Hierarchical,
    "vq-vae": Quantised,
    "conditional": Gaussian,
}
"""kind -> (config, width of the encoder's features) -> bottleneck."""
