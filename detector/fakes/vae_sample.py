"""Samples of an autoencoder near a real face: its code disturbed, or drawn towards another person's."""

from __future__ import annotations

from functools import partial

import numpy as np

from detector.fakes.outline import hull_mask
from detector.fakes.round_trip import from_batch, to_batch
from detector.fakes.square import Rng, Square, at_a_scale, cut_square, draw_side, paste, resize, whole
from detector.fakes.swap import aligned, fitting, transfer_colours
from detector.fakes.workshop import Autoencoder, Decode, Fake, FakeMaker, Workshop
from detector.types import Array, Face, Frame

_FACE_PX = (96.0, 208.0)
"""Small, for a sample takes up to five passes through halves of an autoencoder."""
_SHARES = (0.03, 0.15)
_TEMPERATURES = (1.0, 4.0)


def vae_sample(workshop: Workshop) -> FakeMaker:
    """What a decoder makes of a code that no picture has.

    Either the code of the face with noise, white or smooth: one to four deviations of the posterior, or, where there
    is none, 3-15% of each channel's deviation. Or, where the workshop has donors, a blend of the codes of two faces
    whose landmarks were brought together: a morph.

    Raises:
        ConfigError: the workshop has no autoencoder that can decode a code.
    """
    models = workshop.require_samplers()

    def make(frame: Frame, face: Face, rng: Rng) -> Fake:
        square = cut_square(frame, face, rng)
        model, decode = models[int(rng.integers(len(models)))]
        if workshop.donors and rng.random() < 0.5:
            made = _morph(square, workshop.donors, model, decode, rng)
            mask = hull_mask(square.landmarks, square.side, rng, ("face", "with forehead"))
            return paste(frame, face, square, made, mask)
        made = at_a_scale(square, partial(disturbed, model, decode, rng), rng, _FACE_PX)
        return paste(frame, face, square, made, whole(square.side))

    return make


def disturbed(model: Autoencoder, decode: Decode, rng: Rng, pixels: Array) -> Array:
    """(S, S, 3) pixels by way of their code with noise in it."""
    found = model(to_batch(pixels), second_pass=False)
    codes, (_, channels, height, _) = found.mean, found.mean.shape
    cells = height if rng.random() < 0.5 else max(2, height // 4)
    white = rng.normal(size=(cells, cells, channels)).astype(np.float32)
    noise = resize(white, height, rng).reshape(height, height, channels).transpose(2, 0, 1)
    deviation = codes.std(dim=(0, 2, 3), keepdim=True) if found.logvar is None else (found.logvar / 2).exp()
    strength = float(np.exp(rng.uniform(*np.log(_SHARES if found.logvar is None else _TEMPERATURES))))
    made = decode(codes + strength * deviation * codes.new_tensor(noise))
    return from_batch(np.asarray(made.cpu().numpy(), np.float32))


def _morph(
    square: Square, donors: tuple[tuple[Frame, Face], ...], model: Autoencoder, decode: Decode, rng: Rng
) -> Array:
    side = draw_side(square, rng, _FACE_PX)
    warped = aligned(fitting(donors, square, rng), square, _FACE_PX[1], rng)
    matched = transfer_colours(warped, square.pixels, whole(square.side), 1.0)
    own, other = (resize(pixels, side, rng) for pixels in (square.pixels, matched))
    first, second = (model(to_batch(pixels), second_pass=False).mean for pixels in (own, other))
    share = float(rng.uniform(0.25, 0.75))
    made = decode(first + share * (second - first))
    return resize(from_batch(np.asarray(made.cpu().numpy(), np.float32)), square.side, rng)
