"""A face through an autoencoder and back: same content, same format, only the generator's trace differs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from detector.fakes.outline import region_mask
from detector.fakes.square import Rng, Square, at_a_scale, cut_square, paste, whole
from detector.fakes.workshop import Autoencoder, Fake, FakeMaker, Workshop
from detector.types import Array, Face, Frame

_TWICE = 0.2


def round_trip(workshop: Workshop) -> FakeMaker:
    """The whole square through a random autoencoder, once or twice, at a random scale.

    "Aligned" fakes, as in Rajan et al., "Aligned datasets improve detection of latent diffusion-generated
    images", 2025.

    Raises:
        ConfigError: the workshop has no autoencoder.
    """
    return _maker(workshop, lambda square, _: whole(square.side))


def round_trip_region(workshop: Workshop) -> FakeMaker:
    """As `round_trip`, but only one facial region is kept of it, softly blended into the real face.

    Raises:
        ConfigError: the workshop has no autoencoder.
    """
    return _maker(workshop, lambda square, rng: region_mask(square.landmarks, square.side, rng))


def _maker(workshop: Workshop, mask: Callable[[Square, Rng], Array]) -> FakeMaker:
    models = workshop.require_reconstructors()

    def make(frame: Frame, face: Face, rng: Rng) -> Fake:
        square = cut_square(frame, face, rng)
        made = at_a_scale(square, partial(pass_through, _any(models, rng), _passes(rng)), rng)
        return paste(frame, face, square, made, mask(square, rng))

    return make


def pass_through(model: Autoencoder, passes: int, pixels: Array) -> Array:
    """What an autoencoder makes of (S, S, 3) pixels in [0, 1] in so many passes."""
    batch = to_batch(pixels)
    for _ in range(passes):
        batch = np.asarray(model(batch, second_pass=False).pixels.cpu().numpy(), np.float32)
    return from_batch(batch)


def to_batch(pixels: Array) -> Array:
    """(S, S, 3) to (1, 3, S, S), within [0, 1]."""
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None]).clip(0, 1)


def from_batch(batch: Array) -> Array:
    """(1, 3, S, S) to (S, S, 3)."""
    return np.ascontiguousarray(batch[0].transpose(1, 2, 0))


def _any(models: tuple[Autoencoder, ...], rng: Rng) -> Autoencoder:
    return models[int(rng.integers(len(models)))]


def _passes(rng: Rng) -> int:
    return 2 if rng.random() < _TWICE else 1
