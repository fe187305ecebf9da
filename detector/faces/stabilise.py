"""The geometry of a clip: landmarks smoothed over time, and one similarity transform for each of its frames."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from detector.types import Array, Pixels

Times = npt.NDArray[np.float64]

SMOOTH_S = 0.08
"""Deviation of the Gaussian over time, s: about two frames of a film, nothing at a frame a second."""
MARGIN = 1.3
"""Side of the window in face sizes: the crop of the field's protocol (Rössler et al. 2019)."""

_UPRIGHT = np.array([[-0.5, -0.58], [0.5, -0.58], [0.0, -0.01], [-0.41, 0.58], [0.41, 0.58]])
"""Where the landmarks of an upright face lie, about their mean, in eye distances."""


def smoothed(values: npt.ArrayLike, times_s: Times) -> npt.NDArray[np.float64]:
    """Values (T, ...) at any times, smoothed with zero phase.

    A local line is fitted at each time, with Gaussian weights of deviation `SMOOTH_S` (Cleveland, "Robust locally
    weighted regression and smoothing scatterplots", 1979, without the robustness): what moves evenly stays where it is,
    at the ends too.
    """
    given = np.asarray(values, np.float64)
    flat = given.reshape(len(times_s), -1)
    gaps = times_s[None] - times_s[:, None]
    weights = np.exp(-((gaps / SMOOTH_S) ** 2) / 2)
    total, first, second = (weights.sum(1), (weights * gaps).sum(1), (weights * gaps**2).sum(1))
    spread = total * second - first**2
    lines = weights * (second[:, None] - first[:, None] * gaps) / np.maximum(spread, 1e-300)[:, None]
    kernel = np.where((spread > 1e-9 * SMOOTH_S**2)[:, None], lines, np.eye(len(times_s)))
    return (kernel @ flat).reshape(given.shape)


def upright(landmarks: npt.NDArray[np.float64], scale: float, size: int) -> npt.NDArray[np.float64]:
    """(2, 3): the similarity that puts landmarks (5, 2) upright in the middle of a window of `size` px, at a scale.

    The turn is that of the least-squares similarity (Umeyama, "Least-squares estimation of transformation parameters
    between two point patterns", 1991, eq. 39-43 in the plane); the scale is given, not fitted.
    """
    middle = landmarks.mean(axis=0)
    x, y = (landmarks - middle).T
    u, v = _UPRIGHT.T
    angle = np.arctan2((x * v - y * u).sum(), (x * u + y * v).sum())
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.hstack([linear, (size / 2 - linear @ middle)[:, None]])


def warped(patch: Pixels, matrix: npt.NDArray[np.float64], size: int, fine: int) -> Array:
    """(3, S, S) float32 in [0, 1]: a patch (H, W, 3) through a similarity (2, 3), averaged over `fine` x `fine` px."""
    # Pixel centres lie at halves: cv2 counts them from 0.
    shifted = matrix * fine
    shifted[:, 2] += shifted[:, :2] @ (0.5, 0.5) - 0.5
    side = (size * fine, size * fine)
    pixels = cv2.warpAffine(
        patch.astype(np.float32), shifted, side, flags=cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE
    )
    means = np.asarray(pixels, np.float32).reshape(size, fine, size, fine, 3).mean(axis=(1, 3), dtype=np.float32)
    return np.ascontiguousarray(means.transpose(2, 0, 1) / np.float32(255)).clip(0, 1)
