"""The video autoencoders of `diffusers` that are understood: what shapes each takes, and how it is called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from detector.vae.video.clips import Grid


@dataclass(frozen=True)
class Family:
    """What differs between the classes of `diffusers`.

    Attributes:
        grid: of the shapes that a model of this config takes.
        decode: the model, its latents and the length T, to pixels in [-1, 1].
        in_a_row: whether it takes and gives frames (T, 3, S, S) rather than a clip (1, 3, T, S, S).
    """

    grid: Callable[[Any], Grid]
    decode: Callable[[Any, Tensor, int], Tensor] = lambda model, latents, _: model.decode(latents).sample
    in_a_row: bool = False

    def given(self, clip: Tensor) -> Tensor:
        """A clip (T, 3, S, S) as a model is given it."""
        return clip if self.in_a_row else clip.movedim(0, 1)[None]

    def taken(self, made: Tensor) -> Tensor:
        """What a model gives, pixels or latents, as (1, C, T, h, w)."""
        return made.movedim(0, 1)[None] if self.in_a_row else made


def _by_ratios(config: Any) -> Grid:
    return Grid(config.spatial_compression_ratio, config.temporal_compression_ratio, first_alone=True)


def _ltx(config: Any) -> Grid:
    """Each stage that scales does so in space, in time or in both, and patches do the rest."""
    scales = config.spatio_temporal_scaling
    scaling = [scales] * len(config.downsample_type) if isinstance(scales, bool) else scales
    kinds = [kind for kind, does in zip(config.downsample_type, scaling, strict=True) if does]
    space, time = (sum(kind != other for kind in kinds) for other in ("temporal", "spatial"))
    return Grid(config.patch_size * 2**space, config.patch_size_t * 2**time, first_alone=True)


def _ltx2(config: Any) -> Grid:
    grid = _ltx(config)
    return replace(grid, least=2 * grid.side)  # its decoder mirrors latents at the edges, which takes two of them


def _cogvideox(config: Any) -> Grid:
    # Its decoder takes latents two by two and is one frame short in the first pair: their number must be odd.
    return Grid(2 ** (len(config.block_out_channels) - 1), 2 * int(config.temporal_compression_ratio), first_alone=True)


def _wan(config: Any) -> Grid:
    return Grid(2 ** len(config.temperal_downsample) * (config.patch_size or 1), 4, first_alone=True)


def _magvit(config: Any) -> Grid:
    stages = len(config.block_out_channels)
    return Grid(2 ** (stages - 1), 2 ** (stages - 2), first_alone=True)


def _pictures(config: Any) -> Grid:
    return Grid(2 ** (len(config.block_out_channels) - 1))


def _decode_at_no_noise(model: Any, latents: Tensor, _: int) -> Tensor:
    """The later LTX decoders also remove noise, and are told how much there is: none."""
    told = latents.new_zeros(len(latents)) if model.config.timestep_conditioning else None
    made: Tensor = model.decode(latents, told).sample
    return made


def _decode_in_a_row(model: Any, latents: Tensor, length: int) -> Tensor:
    made: Tensor = model.decode(latents, num_frames=length).sample
    return made


FAMILIES: dict[str, Family] = {
    "AutoencoderKLCogVideoX": Family(_cogvideox),
    "AutoencoderKLCosmos": Family(_by_ratios),
    "AutoencoderKLHunyuanVideo": Family(_by_ratios),
    "AutoencoderKLHunyuanVideo15": Family(_by_ratios),
    "AutoencoderKLLTX2Video": Family(_ltx2, _decode_at_no_noise),
    "AutoencoderKLLTXVideo": Family(_ltx, _decode_at_no_noise),
    "AutoencoderKLMagvit": Family(_magvit),
    "AutoencoderKLTemporalDecoder": Family(_pictures, _decode_in_a_row, in_a_row=True),
    "AutoencoderKLWan": Family(_wan),
}
"""Every class of `diffusers` that is understood, by the ``_class_name`` of its config."""
