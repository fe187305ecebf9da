"""Face swaps frame by frame: the same donor throughout, put in place anew in each frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from detector.fakes.moving import check_clip, log_uniform, same_draws, steady
from detector.fakes.outline import hull_mask
from detector.fakes.square import Rng, cut_square, paste
from detector.fakes.swap import aligned, fitting, transfer_colours
from detector.fakes.workshop import Fake, MovingFakeMaker, Workshop
from detector.types import Face, Frame

_COARSE = (64.0, 224.0)
_SHAKE = (0.003, 0.02)
_TINT = (0.001, 0.012)
_STRENGTH = (0.6, 1.0)
_HULLS = ("face", "face", "with forehead", "inner")


def swap_jitter(workshop: Workshop) -> MovingFakeMaker:
    """A donor's face in place of the person's own, with landmarks and colours that tremble from frame to frame.

    Donor, mask, resolution and interpolation are those of the whole clip, as in a swap of one model. The landmarks
    are moved in each frame by 0.3-2% of the face and the colours by 0.1-1.2%, independently: the flicker of a swap
    whose frames know nothing of each other.

    Raises:
        ConfigError: the workshop has no donor.
    """
    donors = workshop.require_donors()

    def make(frames: Sequence[Frame], faces: Sequence[Face], rng: Rng) -> tuple[Fake, ...]:
        check_clip(frames, faces)
        held = steady(faces)
        donor = fitting(donors, cut_square(frames[0], held[0]), rng)
        face_px, strength = rng.uniform(*_COARSE), rng.uniform(*_STRENGTH)
        shake, tint, again = log_uniform(*_SHAKE, rng), log_uniform(*_TINT, rng), same_draws(rng)

        def swapped(frame: Frame, face: Face, place: Face) -> Fake:
            square, draws = cut_square(frame, place), again()
            marks = square.landmarks + rng.normal(0, shake * square.face_px, (5, 2))
            shaken = replace(square, landmarks=marks.astype(np.float32))
            mask = hull_mask(shaken.landmarks, square.side, draws, _HULLS)
            matched = transfer_colours(aligned(donor, shaken, face_px, draws), square.pixels, mask, strength)
            return paste(frame, face, square, matched + rng.normal(0, tint, 3).astype(np.float32), mask)

        return tuple(map(swapped, frames, faces, held))

    return make
