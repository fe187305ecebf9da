"""What the VAE of clips is made of and how it is trained: the keys of a config file."""

from __future__ import annotations

from dataclasses import dataclass, field

from detector.errors import ConfigError
from detector.vae.config import VaeConfig


@dataclass(frozen=True)
class VideoVaeConfig(VaeConfig):
    """A VAE of clips: that of the single frames, and how far its time layers look back.

    Time keeps its full rate. Flicker from one frame to the next is the highest frequency a clip has; a stride of two
    in time would fold it onto slow motion.

    Attributes:
        length: T, the frames of the clips it is meant for; it takes any number.
        past: how many frames back each time layer sees; 0 for none, which leaves the VAE of single frames.
        prior_width: channels of the network that expects each code from those before it.
    """

    size: int = 96
    widths: tuple[int, ...] = (32, 48)
    length: int = 8
    past: int = 2
    prior_width: int = 48

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kind != "vae" or self.encoder != "conv":
            raise ConfigError(
                f'a VAE of clips: expected kind "vae" with encoder "conv", got {self.kind!r} with {self.encoder!r}'
            )
        if self.length < 1 or self.past < 0:
            raise ConfigError(f"length and past: expected at least 1 and 0, got {self.length} and {self.past}")


@dataclass(frozen=True)
class VideoTrainConfig:
    """A training: the keys of a config file.

    Attributes:
        model: the VAE of clips.
        name: of the experiment and of the weights' file.
        image: weights of the VAE of single frames to start from; empty for the embedded one.
        steps: of the optimiser.
        batch: clips a step.
        rate: highest learning rate (AdamW); it falls to zero on a cosine.
        warmup: steps over which the rate rises to it.
        clip: largest norm of the gradient.
        ema: decay of the averaged weights, which are the ones that are kept.
        every: steps between checkpoints, each with validation and a grid.
        val_clips: clips used for validation, the same each time.
        bfloat16: compute in bfloat16 where that is safe.
        threads: CPU threads.
        seed: of everything random.
    """

    model: VideoVaeConfig = field(default_factory=VideoVaeConfig)
    name: str = "video-vae"
    image: str = ""
    steps: int = 4_000
    batch: int = 4
    rate: float = 1e-3
    warmup: int = 200
    clip: float = 1.0
    ema: float = 0.999
    every: int = 250
    val_clips: int = 32
    bfloat16: bool = True
    threads: int = 1
    seed: int = 0
