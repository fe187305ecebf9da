"""What a fake is, and what its makers may use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from detector.errors import ConfigError, ShapeError
from detector.types import Array, Face, Frame, Reconstruction, check_shape

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Fake:
    """A picture whose face is synthetic, in whole or in part.

    Attributes:
        frame: of the size of its source, and equal to it wherever `mask` is 0.
        face: the face of the source: its box and landmarks stay.
        mask: (H, W) float32 in [0, 1]: how synthetic each pixel is.
    """

    frame: Frame
    face: Face
    mask: Array

    def __post_init__(self) -> None:
        check_shape("Fake.mask", self.mask, self.frame.pixels.shape[:2])
        if self.mask.dtype != np.float32:
            raise ShapeError(f"Fake.mask: expected float32, got {self.mask.dtype}")


FakeMaker = Callable[[Frame, Face, np.random.Generator], Fake]
"""A real picture and its face to a fake one; the same state of the generator gives the same fake."""

MovingFakeMaker = Callable[[Sequence[Frame], Sequence[Face], np.random.Generator], tuple[Fake, ...]]
"""The frames of a real clip, with the face in each of them that is to be faked, to as many fakes; the same state of the
generator gives the same ones."""

Decode = Callable[["Tensor"], "Tensor"]
"""The second half of an autoencoder: codes (N, C, h, w), as in `Reconstruction.mean`, to pixels in [0, 1]."""


class Autoencoder(Protocol):
    """What makers need of a trained autoencoder; every `detector.vae.Reconstructor` is one."""

    name: str

    def __call__(self, pixels: Array, second_pass: bool = True) -> Reconstruction:
        """Reconstruct (N, 3, S, S) pixels in [0, 1], S a multiple of `square.STRIDE`."""
        ...


@dataclass(frozen=True, eq=False)
class Workshop:
    """What makers need beside the picture; each part may be empty, and then some makers are not to be had.

    Attributes:
        reconstructors: the autoencoders whose traces are to be made.
        donors: other real faces, for swaps. Take them from the split of the picture: a fake tells of its donor.
        samplers: autoencoders with what makes pixels of their codes, for those that can be sampled.
    """

    reconstructors: tuple[Autoencoder, ...] = ()
    donors: tuple[tuple[Frame, Face], ...] = ()
    samplers: tuple[tuple[Autoencoder, Decode], ...] = ()

    def require_reconstructors(self) -> tuple[Autoencoder, ...]:
        """The autoencoders; `ConfigError` when there is none."""
        if not self.reconstructors:
            raise ConfigError("this generator needs an autoencoder, and the workshop has none: name a reconstructor")
        return self.reconstructors

    def require_donors(self) -> tuple[tuple[Frame, Face], ...]:
        """The other faces; `ConfigError` when there is none."""
        if not self.donors:
            raise ConfigError(
                "this generator needs other people's faces, and the workshop has none: give more pictures"
            )
        return self.donors

    def require_samplers(self) -> tuple[tuple[Autoencoder, Decode], ...]:
        """The autoencoders that can decode a code; `ConfigError` when there is none."""
        if not self.samplers:
            raise ConfigError("this generator needs an autoencoder that can decode a code, and the workshop has none")
        return self.samplers
