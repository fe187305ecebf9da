"""Faces through an autoencoder frame by frame: each frame is well made, and none knows of the one before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from detector.fakes.moving import check_clip, same_draws, steady
from detector.fakes.outline import hull_mask, region_mask
from detector.fakes.round_trip import pass_through
from detector.fakes.square import Rng, at_a_scale, cut_square, paste, whole
from detector.fakes.workshop import Fake, MovingFakeMaker, Workshop
from detector.types import Array, Face, Frame

MASKS: tuple[Callable[[Array, int, Rng], Array], ...] = (
    lambda _, side, __: whole(side),
    region_mask,
    hull_mask,
)
"""Which part of the face is kept of what was made: all of the square, a region, or the hull of the face."""

_TWICE = 0.2


def round_trip_frames(workshop: Workshop) -> MovingFakeMaker:
    """The face through one autoencoder, at one scale and in one part, in each frame by itself.

    The grid of the autoencoder lies elsewhere on the face in each frame, as it does where a face is cut out by its
    detected box: its errors then do not move with the face.

    Raises:
        ConfigError: the workshop has no autoencoder.
    """
    models = workshop.require_reconstructors()

    def make(frames: Sequence[Frame], faces: Sequence[Face], rng: Rng) -> tuple[Fake, ...]:
        check_clip(frames, faces)
        model, mask = models[int(rng.integers(len(models)))], MASKS[int(rng.integers(len(MASKS)))]
        change = partial(pass_through, model, 2 if rng.random() < _TWICE else 1)
        scale, shape = same_draws(rng), same_draws(rng)

        def passed(frame: Frame, face: Face, place: Face) -> Fake:
            square = cut_square(frame, place, rng)
            made = at_a_scale(square, change, scale())
            return paste(frame, face, square, made, mask(square.landmarks, square.side, shape()))

        return tuple(map(passed, frames, faces, steady(faces)))

    return make
