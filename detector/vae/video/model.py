"""Our VAE of clips: the VAE of single frames, inflated by layers that look back in time.

Blattmann et al. 2023 (Align your latents, section 3.1): space is left to the layers of a trained image model, and
between them stand layers that mix frames and begin as the identity. Convolutions are thereby factorised, (2+1)-D
(Tran et al. 2018), and causal: nothing of a frame depends on a later one. Codes have a prior that knows the codes
before them (Chung et al. 2015, VRNN, eq. 5 and 11),

    log p(x) >= E_q [ sum_t log p(x_t | z_1..t) - KL(q(z_t | x_1..t) || p(z_t | z_1..t-1)) ],

so that the KL of a frame is what it adds to what was known, and not what it holds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import zip_longest

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from detector.errors import ConfigError
from detector.types import check_shape
from detector.vae.bottleneck import Gaussian, draw_gaussian, split
from detector.vae.likelihood import PLANES, Logistic, to_levels
from detector.vae.model import Bound, FaceVae
from detector.vae.networks import ConvEncoder, ResBlock, to_signal, zeroed
from detector.vae.posterior import gaussian_kl
from detector.vae.video.config import VideoVaeConfig


@dataclass(frozen=True, eq=False)
class ClipCodes:
    """What the encoder made of N clips of T frames.

    Attributes:
        decodable: (N, T, C, h, w), what the decoder is given: a draw from the posterior, or its mean.
        mean: (N, T, C, h, w), posterior mean.
        logvar: (N, T, C, h, w), its log variance.
        kl: (N, T, C, h, w), KL(q || p) in nats, given the `decodable` of the frames before.
    """

    decodable: Tensor
    mean: Tensor
    logvar: Tensor
    kl: Tensor


class Past(nn.Module):
    """x_t + sum_k W_k silu(x_{t-k}), k from 0 to `past`: a causal convolution over time that begins as the identity.

    There is nothing before the first frame: no padding stands for it.
    """

    def __init__(self, width: int, past: int) -> None:
        super().__init__()
        self.parts = past + 1
        self.mix = zeroed(nn.Conv2d(width, self.parts * width, 1))

    def forward(self, x: Tensor, length: int) -> Tensor:
        """Of the features (N T, W, h, w) of clips of T = `length` frames."""
        now, *before = in_clips(self.mix(F.silu(x)), length).chunk(self.parts, dim=2)
        mixed = in_clips(x, length) + now
        for ago, part in enumerate(before, start=1):
            mixed[:, ago:] += part[:, :-ago]
        return mixed.flatten(0, 1)


class Prior(nn.Module):
    """p(z_t | z_1..t-1), a diagonal Gaussian; N(0, 1) for the first frame, and for all before it has learnt."""

    def __init__(self, config: VideoVaeConfig) -> None:
        super().__init__()
        width = config.prior_width
        self.enter = nn.Conv2d(config.latent, width, 3, padding=1)
        self.stage = nn.ModuleList(ResBlock(width) for _ in range(2))
        self.pasts = pasts(self.stage, width, config.past)
        self.leave = zeroed(nn.Conv2d(width + config.latent, 2 * config.latent, 1))

    def forward(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance for codes (N, T, C, h, w), both of that shape."""
        length = codes.shape[1]
        if length == 1:
            return torch.zeros_like(codes), torch.zeros_like(codes)
        known = codes[:, :-1].flatten(0, 1)
        features = through(self.stage, self.pasts, self.enter(known), length - 1)
        planes = self.leave(torch.cat([F.silu(features), known], dim=1))
        mean, logvar = (F.pad(in_clips(part, length - 1), (0, 0) * 3 + (1, 0)) for part in split(planes))
        return mean, logvar


class VideoVae(FaceVae):
    """The VAE of single frames, and what looks back in time.

    The methods of `FaceVae` are those of that VAE, which knows nothing of time.
    """

    config: VideoVaeConfig
    encoder: ConvEncoder
    bottleneck: Gaussian

    def __init__(self, config: VideoVaeConfig) -> None:
        super().__init__(config)
        widths, past = config.widths, config.past
        ends = zip(self.encoder.stages, widths, strict=True), zip(self.decoder.stages, widths[::-1], strict=True)
        self.encoder_pasts, self.decoder_pasts = (
            nn.ModuleList(pasts(stage, width, past) for stage, width in end) for end in ends
        )
        self.prior = Prior(config) if past else None

    def inflate(self, image: FaceVae) -> None:
        """Begin as `image`, frame by frame; a `ConfigError` when that is of another make."""
        try:
            wrong = self.load_state_dict(image.state_dict(), strict=False).unexpected_keys
        except RuntimeError as error:
            wrong = [" ".join(str(error).split())]
        if wrong:
            raise ConfigError(f"the VAE to start from is of another make than the VAE of clips: {'; '.join(wrong)}")

    def encode_clips(self, pixels: Tensor, draw: bool = False) -> ClipCodes:
        """The codes of clips (N, T, 3, S, S) in [0, 1], S a multiple of the stride."""
        check_shape("clips", pixels, (None, None, 3, None, None))
        length = pixels.shape[1]
        frames = pixels.flatten(0, 1)
        linear = self.analysis(F.pixel_unshuffle(to_signal(frames), self.config.reduction))
        planes = self.bottleneck.to_posterior(linear + self._features(frames, length))
        mean, logvar = (in_clips(part, length) for part in split(planes))
        decodable = draw_gaussian(mean, logvar) if draw else mean
        expected = self.prior(decodable) if self.prior is not None else (0.0, 0.0)
        return ClipCodes(decodable, mean, logvar, gaussian_kl(mean, logvar, *expected))

    def decode_clips(self, codes: Tensor) -> Logistic:
        """The distribution of the N T frames of codes (N, T, C, h, w), in a row."""
        decoder, length = self.decoder, codes.shape[1]
        flat = codes.flatten(0, 1)
        x = through(decoder.stages[0], self.decoder_pasts[0], decoder.enter(flat), length)
        for up, stage, looks in zip(decoder.ups, decoder.stages[1:], self.decoder_pasts[1:], strict=True):
            x = through(stage, looks, F.pixel_shuffle(up(x), 2), length)
        with torch.autocast(x.device.type, enabled=False):  # as in `Decoder`: grey levels need the digits
            deep = F.pixel_shuffle(decoder.leave(F.silu(x.float())), decoder.stem)
            linear = F.pixel_shuffle(decoder.synthesis(flat.float()), decoder.reduction)
        return Logistic.of(deep + F.pad(linear, (0, 0, 0, 0, 0, PLANES - 3)))

    def bound_clips(self, pixels: Tensor) -> Bound:
        """The bound of clips (N, T, 3, S, S) in [0, 1] in bits per dimension, with one draw from the posterior.

        `Bound.pixels` are the N T frames in a row.
        """
        codes = self.encode_clips(pixels, draw=True)
        likelihood = self.decode_clips(codes.decodable)
        nll = in_clips(likelihood.nll(to_levels(pixels.flatten(0, 1))), pixels.shape[1]).mean((1, 2, 3, 4))
        kl = codes.kl.sum((1, 2, 3, 4)) / (math.log(2) * pixels[0].numel())
        return Bound((nll + kl).mean(), nll, kl, likelihood.pixels)

    def _features(self, frames: Tensor, length: int) -> Tensor:
        """What the encoder's deep path makes of the frames of clips of `length`."""
        encoder = self.encoder
        x = encoder.enter(F.pixel_unshuffle(to_signal(frames), encoder.stem))
        x = through(encoder.stages[0], self.encoder_pasts[0], x, length)
        for down, stage, looks in zip(encoder.downs, encoder.stages[1:], self.encoder_pasts[1:], strict=True):
            x = through(stage, looks, down(F.pixel_unshuffle(x, 2)), length)
        leave: Tensor = encoder.leave(F.silu(x))
        return leave


def in_clips(frames: Tensor, length: int) -> Tensor:
    """Frames in a row (N T, ...) as clips (N, T, ...) of T = `length`."""
    return frames.view(-1, length, *frames.shape[1:])


def pasts(stage: nn.Module, width: int, past: int) -> nn.ModuleList:
    """A time layer for each block of a stage; none where there is no past to see."""
    return nn.ModuleList(Past(width, past) for _ in stage.children()) if past else nn.ModuleList()


def through(stage: nn.Module, looks: nn.Module, x: Tensor, length: int) -> Tensor:
    """Features (N T, W, h, w) through the blocks of a stage, each followed by its look back where there is one."""
    for block, look in zip_longest(stage.children(), looks.children()):
        x = block(x)
        x = x if look is None else look(x, length)
    return x
