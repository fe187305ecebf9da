"""Where on a face a fake is: soft masks from five landmarks, drawn anew for every fake.

Shapes are given in the face's own frame (origin between the eyes, the eyes one unit apart, y down the face).
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from detector.types import Array

TEMPLATE = np.array([[-0.5, 0.0], [0.5, 0.0], [0.0, 0.57], [-0.41, 1.16], [0.41, 1.16]], np.float32)
"""Where the five landmarks of an upright frontal face lie."""

HULLS: dict[str, tuple[float, float, float, float, float]] = {
    "face": (1.02, 0.55, 1.42, -0.48, 2.0),
    "with forehead": (1.06, 0.50, 1.48, -0.95, 2.0),
    "inner": (0.86, 0.60, 1.10, -0.36, 1.62),
    "lower": (0.95, 0.60, 1.38, 0.28, 1.95),
    "eyes": (1.00, 0.05, 0.62, -0.45, 0.42),
}
"""What a swap replaces: half width, middle and half height of an ellipse, cut off above and below a height."""

REGIONS: dict[str, tuple[tuple[float, float, float, float], ...]] = {
    "right eye": ((-0.5, -0.05, 0.40, 0.30),),
    "left eye": ((0.5, -0.05, 0.40, 0.30),),
    "eyes": ((-0.5, -0.05, 0.42, 0.32), (0.5, -0.05, 0.42, 0.32)),
    "nose": ((0.0, 0.40, 0.34, 0.48),),
    "mouth": ((0.0, 1.16, 0.58, 0.36),),
    "nose and mouth": ((0.0, 0.40, 0.34, 0.48), (0.0, 1.16, 0.58, 0.36)),
    "cheeks": ((-0.58, 0.60, 0.42, 0.48), (0.58, 0.60, 0.42, 0.48)),
    "right half": ((-0.52, 0.50, 0.55, 1.20),),
    "left half": ((0.52, 0.50, 0.55, 1.20),),
    "lower face": ((0.0, 1.15, 0.85, 0.75),),
    "inner face": ((0.0, 0.50, 0.85, 1.05),),
}
"""Facial regions as ellipses: centre x, y and half axes x, y. Smooth skin alone is none: nothing of it would change."""

_CORNERS = 64

Rng = np.random.Generator


def hull_mask(landmarks: Array, side: int, rng: Rng, hulls: Sequence[str] = ("face", *HULLS)) -> Array:
    """(S, S) in [0, 1]: the hull of a random part of the face, deformed, eroded and feathered.

    The mask of self-blended images (Shiohara & Yamasaki 2022, section 3.2), with ellipses in place of the
    convex hull of 68 landmarks: elastic deformation, blur, erosion by what the blur made less than one, blur.

    Args:
        landmarks: (5, 2) x y in px of the square.
        side: S.
        rng: what is drawn from.
        hulls: which of `HULLS` may be drawn.
    """
    width, middle, height, top, bottom = HULLS[hulls[int(rng.integers(len(hulls)))]]
    angle = np.linspace(0, 2 * np.pi, _CORNERS, endpoint=False)
    points = np.stack([width * np.cos(angle), middle + height * np.sin(angle)], axis=1) * rng.uniform(0.92, 1.08, 2)
    points[:, 1] = np.clip(points[:, 1], top, bottom)
    return _finish(_fill([points], landmarks, side), landmarks, rng)


def region_mask(landmarks: Array, side: int, rng: Rng) -> Array:
    """(S, S) in [0, 1]: one facial region, a little varied and softly ended; the arguments are those of `hull_mask`."""
    ellipses = REGIONS[list(REGIONS)[int(rng.integers(len(REGIONS)))]]
    angle = np.linspace(0, 2 * np.pi, _CORNERS, endpoint=False)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    grown = rng.uniform(0.85, 1.25, 2)
    shapes = [np.array([x, y]) + circle * np.array([a, b]) * grown for x, y, a, b in ellipses]
    return _finish(_fill(shapes, landmarks, side), landmarks, rng)


def face_frame(landmarks: Array) -> Array:
    """(2, 3): the map from the face's own frame to px, halfway between a similarity and an affine map.

    The affine one follows a head that is turned; the similarity keeps it sane where the eyes nearly meet.
    """
    both = fit_similarity(TEMPLATE, landmarks) + fit_affine(TEMPLATE, landmarks)
    return np.asarray(both / 2, np.float32)


def fit_similarity(source: Array, target: Array) -> Array:
    """(2, 3): the least-squares rotation, scale and shift of points (N, 2) onto others (Umeyama 1991, no mirror)."""
    middle, goal = source.mean(axis=0), target.mean(axis=0)
    (x, y), (u, v) = (source - middle).T, (target - goal).T
    spread = float((x * x + y * y).sum())
    cosine, sine = float((x * u + y * v).sum()) / spread, float((x * v - y * u).sum()) / spread
    linear = np.array([[cosine, -sine], [sine, cosine]])
    return np.hstack([linear, (goal - linear @ middle)[:, None]]).astype(np.float32)


def fit_affine(source: Array, target: Array) -> Array:
    """(2, 3): the least-squares affine map of points (N, 2) onto others."""
    ones = np.ones((len(source), 1))
    found = np.linalg.lstsq(np.hstack([source, ones]), target.astype(np.float64), rcond=None)[0]
    return np.asarray(found.T, np.float32)


def eye_distance(landmarks: Array) -> float:
    """The unit of the face's own frame in px."""
    return float(np.sqrt(abs(np.linalg.det(face_frame(landmarks)[:, :2]))))


def elastic(side: int, cells: int, reach: float, rng: Rng) -> Array:
    """(S, S, 2): where each pixel is taken from in a smooth random deformation of about `reach` px."""
    coarse = rng.normal(0, reach, (cells, cells, 2)).astype(np.float32)
    moved = np.asarray(cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC), np.float32)
    columns, rows = np.meshgrid(np.arange(side, dtype=np.float32), np.arange(side, dtype=np.float32))
    return moved + np.stack([columns, rows], axis=2)


def blur(mask: Array, sigma: float) -> Array:
    """A Gaussian blur with a deviation in px."""
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), max(sigma, 0.3)), np.float32)


def _fill(shapes: Sequence[np.ndarray[tuple[int, ...], np.dtype[np.float64]]], landmarks: Array, side: int) -> Array:
    """(S, S): 1 inside any of the polygons (K, 2) of the face's own frame."""
    matrix = face_frame(landmarks)
    mask = np.zeros((side, side), np.float32)
    for points in shapes:
        corners = points @ matrix[:, :2].T + matrix[:, 2]
        cv2.fillConvexPoly(mask, np.round(corners).astype(np.int32), (1.0,))
    return mask


def _finish(mask: Array, landmarks: Array, rng: Rng) -> Array:
    """Deform, blur, erode, blur: amounts in eye distances."""
    unit = eye_distance(landmarks)
    field = elastic(len(mask), int(rng.integers(4, 9)), 0.08 * unit * rng.random(), rng)
    bent = np.asarray(cv2.remap(mask, field[..., 0], field[..., 1], cv2.INTER_LINEAR), np.float32)
    first, second = 0.01 + 0.09 * rng.random(2)
    softened = blur(bent, first * unit)
    if rng.random() < 0.5:
        softened = np.clip(2 * softened - 1, 0, 1)
    softened = blur(softened, second * unit)
    return np.where(softened < 1 / 255, np.float32(0), np.minimum(softened, 1))
