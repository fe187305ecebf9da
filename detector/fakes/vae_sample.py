"""Samples of an autoencoder near a real face: its code disturbed, or drawn towards another person's."""

from __future__ import annotations

from functools import partial

import numpy as np

from detector.fakes.outline import hull_mask
from detector.fakes.round_trip import from_batch, to_batch
from detector.fakes.square import Rng, Square, at_a_scale, cut_square, draw_side, paste, resize, whole
from detector.fakes.swap import aligned, misfit
from detector.fakes.workshop import Autoencoder, Decode, Fake, FakeMaker, Workshop
from detector.types import Array, Face, Frame

_NOISE = (0.05, 0.4)
_TRIED = 12


def vae_sample(workshop: Workshop) -> FakeMaker:
    """What a decoder makes of a code that no picture has.

    Either the code of the face with noise, white or smooth, of 5-40% of each channel's deviation; or, where the
    workshop has donors, a blend of the codes of two faces whose landmarks were brought together: a morph.

    Raises:
        ConfigError: the workshop has no autoencoder that can decode a code.
    """
    models = workshop.require_samplers()

    def make(frame: Frame, face: Face, rng: Rng) -> Fake:
        square = cut_square(frame, face)
        model, decode = models[int(rng.integers(len(models)))]
        if workshop.donors and rng.random() < 0.5:
            made = _morph(square, workshop.donors, model, decode, rng)
            mask = hull_mask(square.landmarks, square.side, rng, ("face", "with forehead"))
            return paste(frame, face, square, made, mask)
        made = at_a_scale(square, partial(disturbed, model, decode, rng), rng)
        return paste(frame, face, square, made, whole(square.side))

    return make


def disturbed(model: Autoencoder, decode: Decode, rng: Rng, pixels: Array) -> Array:
    """(S, S, 3) pixels by way of their code with noise in it."""
    codes = model(to_batch(pixels), second_pass=False).mean
    count, channels, height, _ = codes.shape
    cells = height if rng.random() < 0.5 else max(2, height // 4)
    white = rng.normal(size=(cells, cells, channels)).astype(np.float32)
    noise = resize(white, height, rng).reshape(height, height, channels).transpose(2, 0, 1)
    deviation = codes.std(dim=(0, 2, 3), keepdim=True)
    strength = float(np.exp(rng.uniform(*np.log(_NOISE))))
    made = decode(codes + strength * deviation * codes.new_tensor(noise)[None].expand(count, -1, -1, -1))
    return from_batch(np.asarray(made.cpu().numpy(), np.float32))


def _morph(
    square: Square, donors: tuple[tuple[Frame, Face], ...], model: Autoencoder, decode: Decode, rng: Rng
) -> Array:
    tried = rng.permutation(len(donors))[:_TRIED]
    donor = min((cut_square(*donors[place]) for place in tried), key=lambda one: misfit(one, square))
    side = draw_side(square, rng)
    own, other = (resize(pixels, side, rng) for pixels in (square.pixels, aligned(donor, square, rng)))
    first, second = (model(to_batch(pixels), second_pass=False).mean for pixels in (own, other))
    share = float(rng.uniform(0.25, 0.75))
    made = decode(first + share * (second - first))
    return resize(from_batch(np.asarray(made.cpu().numpy(), np.float32)), square.side, rng)
