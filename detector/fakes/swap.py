"""Face swaps: another person's face, warped onto the landmarks, given the colours of the target and blended in."""

from __future__ import annotations

import cv2
import numpy as np

from detector.fakes.outline import fit_affine, fit_similarity, hull_mask
from detector.fakes.square import Rng, Square, cut_square, paste, resize
from detector.fakes.workshop import Fake, FakeMaker, Workshop
from detector.types import Array, Face, Frame

_TRIED = 10
_COARSE = (64.0, 224.0)
_POISSON = 0.2
_SHEAR = 1.4
"""Beyond this ratio of its axes an affine map smears the face: the two heads are turned differently."""


def swap(workshop: Workshop) -> FakeMaker:
    """A donor's face in place of the person's own.

    Of a few random donors the one whose landmarks fit best is taken. As in common face swaps, the donor's face
    has a coarser resolution of its own, and masks, feathering and the strength of the colour transfer vary.

    Raises:
        ConfigError: the workshop has no donor.
    """
    donors = workshop.require_donors()

    def make(frame: Frame, face: Face, rng: Rng) -> Fake:
        square = cut_square(frame, face)
        donor = fitting(donors, square, rng)
        mask = hull_mask(square.landmarks, square.side, rng, ("face", "face", "with forehead", "inner"))
        warped = aligned(donor, square, float(rng.uniform(*_COARSE)), rng)
        made = transfer_colours(warped, square.pixels, mask, rng.uniform(0.6, 1.0))
        if rng.random() < _POISSON:
            made = _poisson(made, square.pixels, mask)
        return paste(frame, face, square, made, mask)

    return make


def fitting(donors: tuple[tuple[Frame, Face], ...], target: Square, rng: Rng) -> Square:
    """The square of a random donor: of a few, the one whose landmarks fit best."""
    tried = rng.permutation(len(donors))[:_TRIED]
    return min((cut_square(*donors[place]) for place in tried), key=lambda one: misfit(one, target))


def misfit(donor: Square, target: Square) -> float:
    """How badly a similarity takes the landmarks of one face to those of another, in sizes of the target's face."""
    matrix = fit_similarity(donor.landmarks, target.landmarks)
    moved = donor.landmarks @ matrix[:, :2].T + matrix[:, 2]
    return float(np.linalg.norm(moved - target.landmarks) / target.face_px)


def aligned(donor: Square, target: Square, face_px: float, rng: Rng) -> Array:
    """(S, S, 3): the donor's face, at `face_px` or less, warped so that its landmarks lie where the target's do."""
    side = max(16, round(donor.side * min(face_px / donor.face_px, 1)))
    landmarks = donor.landmarks * (side / donor.side)
    pixels = resize(donor.pixels, side, rng)
    flags = (cv2.INTER_LINEAR, cv2.INTER_CUBIC)[int(rng.integers(2))]
    size = (target.side, target.side)
    matrix = fit_affine(landmarks, target.landmarks)
    if rng.random() < 0.5 or np.linalg.cond(matrix[:, :2]) > _SHEAR:
        matrix = fit_similarity(landmarks, target.landmarks)
    warped = cv2.warpAffine(pixels, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, np.float32).clip(0, 1)


def transfer_colours(pixels: Array, target: Array, mask: Array, strength: float) -> Array:
    """Give pixels the mean and deviation that the target has in Lab, each weighted by the mask.

    Reinhard et al., "Color transfer between images", 2001, eq. 10-11, in CIE Lab.

    Args:
        pixels, target: (S, S, 3) in [0, 1].
        mask: (S, S) weights.
        strength: 0 leaves the pixels as they are, 1 is the full transfer.
    """
    lab, goal = (_lab(picture) for picture in (pixels, target))
    (mean, deviation), (wanted, spread) = _moments(lab, mask), _moments(goal, mask)
    moved = (lab - mean) * np.clip(spread / np.maximum(deviation, 1e-3), 0.5, 2.0) + wanted
    mixed = lab + np.float32(strength) * (moved - lab)
    return np.asarray(cv2.cvtColor(mixed.astype(np.float32), cv2.COLOR_LAB2RGB), np.float32).clip(0, 1)


def _lab(pixels: Array) -> Array:
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB), np.float32)


def _moments(lab: Array, mask: Array) -> tuple[Array, Array]:
    weights = mask[..., None] / max(float(mask.sum()), 1e-6)
    mean = (lab * weights).sum(axis=(0, 1))
    return mean, np.sqrt(((lab - mean) ** 2 * weights).sum(axis=(0, 1)))


def _poisson(made: Array, target: Array, mask: Array) -> Array:
    """Gradients of the one inside the borders of the other (Pérez et al., "Poisson image editing", 2003)."""
    inside = (mask > 0.05).astype(np.uint8) * 255
    inside[[0, -1]] = inside[:, [0, -1]] = 0
    x, y, width, height = cv2.boundingRect(inside)
    source, goal = (np.round(picture * 255).astype(np.uint8) for picture in (made, target))
    cloned = cv2.seamlessClone(source, goal, inside, (x + width // 2, y + height // 2), cv2.NORMAL_CLONE)
    return np.asarray(cloned, np.float32) / np.float32(255)
