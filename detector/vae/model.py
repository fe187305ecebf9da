"""A member of the family, put together, and the bound that it is trained on."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from detector.errors import ShapeError
from detector.types import check_shape
from detector.vae.bottleneck import BOTTLENECKS, Codes
from detector.vae.config import VaeConfig
from detector.vae.likelihood import PLANES, Logistic, to_levels
from detector.vae.networks import Decoder, make_encoder, to_pixels, to_signal

_FIRST_NOISE = 2 / 64
"""Standard deviation of the first posterior along each principal component: two grey levels."""


@dataclass(frozen=True, eq=False)
class Decoded:
    """What the decoder says: the mean picture (N, 3, S, S) in [0, 1], and its distribution where it has one."""

    pixels: Tensor
    distribution: Logistic | None


@dataclass(frozen=True, eq=False)
class Bound:
    """The terms of the evidence lower bound in bits per dimension, each (N,), and what is minimised.

    Attributes:
        loss: scalar; for the plain autoencoder the mean squared error of pixels in [0, 1].
        nll: -log2 p(x|z); None without a likelihood.
        kl: KL(q(z|x) || p(z)), of all scales; None without a prior.
        pixels: (N, 3, S, S) in [0, 1], the mean picture for this draw.
    """

    loss: Tensor
    nll: Tensor | None
    kl: Tensor | None
    pixels: Tensor

    @property
    def bits_per_dim(self) -> Tensor | None:
        """-ELBO (N,): an upper bound on what it takes to send each crop without loss."""
        return None if self.nll is None or self.kl is None else self.nll + self.kl


class FaceVae(nn.Module):
    """Encoder, bottleneck and decoder as a config describes them."""

    def __init__(self, config: VaeConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = make_encoder(config)
        self.analysis = nn.Conv2d(3 * config.reduction**2, self.encoder.width, 1)
        self.bottleneck = BOTTLENECKS[config.kind](config, self.encoder.width)
        self.decoder = Decoder(config, self.bottleneck.channels, 3 if config.kind == "ae" else PLANES)

    @torch.no_grad()
    def start_from(self, pixels: Tensor) -> None:
        """Begin as the linear model that suits these crops (N, 3, S, S): their principal components, whitened.

        The eigenvalues of face patches span five decades, which gradient descent takes thousands of steps to
        learn; the deep paths begin at zero and learn what the linear one cannot do.
        """
        folded = F.pixel_unshuffle(to_signal(pixels), self.config.reduction).movedim(1, -1).flatten(0, 2)
        mean = folded.mean(0)
        variance, basis = torch.linalg.eigh(torch.cov(folded.T))
        deviation = variance.clamp(min=1e-6).sqrt().flip(0)[: self.encoder.width]
        basis = basis.flip(1)[:, : self.encoder.width]
        _fill(self.analysis, (basis / deviation).T, -(basis / deviation).T @ mean)
        _fill(self.decoder.synthesis, (basis * deviation)[:, : self.config.latent], mean)
        self.bottleneck.start(2 * math.log(_FIRST_NOISE) - 2 * deviation.log())

    def encode(self, pixels: Tensor, condition: Tensor | None = None, draw: bool = False) -> tuple[Codes, Tensor]:
        """The codes of (N, 3, S, S) pixels in [0, 1], and the hidden activations of the encoder.

        Args:
            pixels: the crops; S is a multiple of the stride.
            condition: (N, R, S, S), soft masks of which part each pixel shows; for the kind "conditional". A crop
                of which it is all zero, and every crop without it, is one of which nothing is known.
            draw: draw from the posterior rather than take its mean.

        Raises:
            ShapeError: a crop side that is no multiple of the stride, or a condition that does not fit.
        """
        if pixels.shape[-1] % self.config.stride or pixels.shape[-2] % self.config.stride:
            side = " x ".join(str(n) for n in pixels.shape[-2:])
            raise ShapeError(f"crops: expected sides that are multiples of {self.config.stride}, got {side}")
        condition = self.known(condition, pixels)
        features, hidden = self.encoder(pixels, condition)
        linear = self.analysis(F.pixel_unshuffle(to_signal(pixels), self.config.reduction))
        return self.bottleneck(linear + features, condition, draw), hidden

    def decode(self, decodable: Tensor, condition: Tensor | None = None) -> Decoded:
        """What the decoder makes of `Codes.decodable` (N, D, h, w)."""
        count, _, height, width = decodable.shape
        reduction = self.config.reduction
        condition = self.known(condition, decodable.new_empty(count, 0, height * reduction, width * reduction))
        planes = self.decoder(decodable, condition)
        if self.config.kind == "ae":
            return Decoded(to_pixels(planes).clamp(0, 1), None)
        distribution = Logistic.of(planes)
        return Decoded(distribution.pixels, distribution)

    def mean(self, decodable: Tensor, condition: Tensor | None = None) -> Tensor:
        """The mean picture (N, 3, S, S) in [0, 1] of `decode`, without the rest of its distribution."""
        count, _, height, width = decodable.shape
        reduction = self.config.reduction
        condition = self.known(condition, decodable.new_empty(count, 0, height * reduction, width * reduction))
        return to_pixels(self.decoder(decodable, condition, mean_only=True).float()).clamp(0, 1)

    def known(self, condition: Tensor | None, pixels: Tensor) -> Tensor | None:
        """The condition for these pixels: checked, all zero where a conditional model was told nothing."""
        count, _, height, width = pixels.shape
        planes = self.config.condition_planes
        if condition is not None:
            check_shape("condition", condition, (count, planes, height, width))
            return condition
        return pixels.new_zeros(count, planes, height, width) if planes else None

    def bound(
        self,
        pixels: Tensor,
        condition: Tensor | None = None,
        kl_weight: float = 1.0,
        seen: Tensor | None = None,
    ) -> Bound:
        """The bound of crops (N, 3, S, S) in [0, 1], with one draw from the posterior.

        Args:
            pixels: the crops; their likelihood is that of the nearest of 256 grey levels.
            condition: as for `encode`.
            kl_weight: multiplies beta: below 1 while the KL term is annealed.
            seen: what the encoder is shown in place of the crops, e.g. with parts hidden: any q(z|.) gives a bound.
        """
        codes, _ = self.encode(pixels if seen is None else seen, condition, draw=True)
        decoded = self.decode(codes.decodable, condition)
        if decoded.distribution is None:
            return Bound((decoded.pixels - pixels).square().mean(), None, None, decoded.pixels)
        per_dim = math.log(2) * pixels[0].numel()
        nll = decoded.distribution.nll(to_levels(pixels)).mean((1, 2, 3))
        kl = sum((part.sum((1, 2, 3)) for part in codes.kl), start=nll.new_zeros(len(nll))) / per_dim
        loss = nll.mean() + kl_weight * self._cost(codes) / per_dim
        return Bound(loss, nll, kl, decoded.pixels)

    def distance(self, one: Tensor, other: Tensor, condition: Tensor | None = None) -> Tensor:
        """How far apart pictures (N, 3, S, S) are as the encoder's first stage sees them, (N,) in [0, 4].

        The distance of LPIPS (Zhang et al. 2018, eq. 1) with unit weights.
        """
        known = self.known(condition, one)
        seen, seen_too = (F.normalize(self.encoder(pixels, known)[1].float(), dim=1) for pixels in (one, other))
        return (seen - seen_too).square().sum(1).mean((1, 2))

    def _cost(self, codes: Codes) -> Tensor:
        """What the codes cost in the loss, in nats per crop."""
        if codes.penalty is not None:
            return codes.penalty.mean()
        free = self.config.free_bits * math.log(2)
        # Free bits are given per channel, on the mean over the batch, so that single positions may carry nothing.
        parts = [part.mean((0, 2, 3)).clamp(min=free).sum() * part[0, 0].numel() for part in codes.kl]
        return self.config.beta * torch.stack(parts).sum()


def _fill(conv: nn.Conv2d, weight: Tensor, bias: Tensor) -> None:
    """Set a 1 x 1 convolution; rows and columns that are not given become zero."""
    rows, columns = weight.shape
    for values in conv.parameters():
        nn.init.zeros_(values)
    conv.weight[:rows, :columns, 0, 0] = weight
    conv.bias[:rows] = bias  # type: ignore[index]
