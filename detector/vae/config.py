"""What a model of the family is made of and how it is trained: the keys of a config file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from detector.errors import ConfigError

Kind = Literal["ae", "vae", "beta-vae", "hierarchical", "vq-vae", "conditional"]


@dataclass(frozen=True)
class VaeConfig:
    """One member of the family.

    Attributes:
        kind: "ae" is the control without likelihood or prior; "vae" and "beta-vae" have one Gaussian latent;
            "hierarchical" has two, the finer one's prior made from the coarser; "vq-vae" has a codebook;
            "conditional" is a VAE that is told which part of the face each pixel shows.
        size: S, the side of the crops it is meant for; it takes any multiple of `stride`.
        stem: how many pixels per side are folded into channels at the door, and unfolded at the exit.
        widths: channels of each stage; each stage after the first has half the resolution.
        encoder_blocks, decoder_blocks: residual blocks of each stage.
        latent: channels of the latent, or the length of a code word.
        coarse_latent: channels of the coarser latent of "hierarchical".
        codebook: code words of "vq-vae".
        beta: weight of the KL term, or of the commitment term of "vq-vae"; any but 1 needs a kind other than "vae".
        free_bits: KL in bits per latent channel and position that costs nothing (Kingma et al. 2016, eq. 15).
        condition_planes: planes of the condition, for "conditional".
        encoder: "conv", or "timm:NAME" for any timm backbone that gives feature maps.
        encoder_pretrained: start the timm backbone from its published weights (needs the network once).
    """

    kind: Kind = "vae"
    size: int = 128
    stem: int = 4
    widths: tuple[int, ...] = (64, 96)
    encoder_blocks: tuple[int, ...] = (1, 2)
    decoder_blocks: tuple[int, ...] = (2, 2)
    latent: int = 32
    coarse_latent: int = 16
    codebook: int = 512
    beta: float = 1.0
    free_bits: float = 0.0
    condition_planes: int = 0
    encoder: str = "conv"
    encoder_pretrained: bool = False

    def __post_init__(self) -> None:
        if not len(self.widths) == len(self.encoder_blocks) == len(self.decoder_blocks):
            raise ConfigError("widths, encoder_blocks and decoder_blocks: expected one number per stage in each")
        if self.kind == "vae" and self.beta != 1.0:
            raise ConfigError(f'kind "vae" is the plain bound: expected beta 1, got {self.beta}; use kind "beta-vae"')
        if (self.kind == "conditional") != (self.condition_planes > 0):
            raise ConfigError('condition_planes: expected some for kind "conditional", and none for the others')
        if self.size % self.stride:
            raise ConfigError(f"size: expected a multiple of the stride {self.stride}, got {self.size}")

    @property
    def reduction(self) -> int:
        """Pixels per latent position, each way."""
        return self.stem << (len(self.widths) - 1)

    @property
    def stride(self) -> int:
        """The side of a crop must be a multiple of this."""
        return self.reduction * (2 if self.kind == "hierarchical" else 1)


@dataclass(frozen=True)
class VaeTrainConfig:
    """A training: the keys of a config file.

    Attributes:
        model: the member of the family.
        name: of the experiment and of the weights' file.
        steps: of the optimiser.
        batch: patches a step.
        patch: side of the square cut from each crop at random, in px; a multiple of the model's stride.
        rate: highest learning rate (AdamW); it falls to zero on a cosine.
        warmup: steps over which the rate rises to it.
        anneal: steps over which the weight of the KL term rises from 0 to beta.
        clip: largest norm of the gradient.
        ema: decay of the averaged weights, which are the ones that are kept.
        condition_drop: how often a conditional model is told nothing, so that it can do without.
        hide: side in px of the squares of a chessboard; the encoder sees only one colour of every second patch, and
            the loss is that of the whole patch: the rest is to be predicted. 0 to hide nothing.
        perceptual: weight in the loss of `FaceVae.distance` between patch and mean picture; 0 for none.
        every: steps between checkpoints, each with validation and grids.
        val_crops: crops used for validation, evenly taken.
        bfloat16: compute in bfloat16 where that is safe.
        threads: CPU threads.
        seed: of everything random.
    """

    model: VaeConfig = field(default_factory=VaeConfig)
    name: str = "face-vae"
    steps: int = 20_000
    batch: int = 16
    patch: int = 96
    rate: float = 1e-3
    warmup: int = 300
    anneal: int = 1000
    clip: float = 1.0
    ema: float = 0.999
    condition_drop: float = 0.2
    hide: int = 0
    perceptual: float = 0.0
    every: int = 500
    val_crops: int = 192
    bfloat16: bool = True
    threads: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.patch % self.model.stride:
            raise ConfigError(f"patch: expected a multiple of the stride {self.model.stride}, got {self.patch}")
