"""Motion from a still: a clip that a camera might have taken of a photo's face. Real material to train on, no fake."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from detector.errors import UsageError
from detector.fakes.moving import log_uniform
from detector.fakes.moving_codec import through_h264
from detector.fakes.outline import elastic
from detector.fakes.square import Rng
from detector.types import Array, Face, Frame

FACE_PX = (80.0, 320.0)
"""The size that the face is reduced to, px; none is enlarged."""
CRF = (16.0, 32.0)
"""x264's constant rate factor of the clip."""

_VIEW = (1.8, 3.0)
_DRIFT = np.array([0.12, 0.08, 0.03, 0.02])
_SWAY = np.array([0.05, 0.04, 0.015, 0.02])
_SHAKE = np.array([0.002, 0.002, 0.0003, 0.0006])
_SLOW_HZ, _FAST_HZ = (0.2, 1.5), (3.0, 8.0)
_BASE_ZOOM = (0.82, 0.97)
_BEND, _CELLS = (0.001, 0.004), (4, 9)
_SHOT, _READ = (2e-5, 8e-4), (0.3 / 255, 1.5 / 255)

Path = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Scene:
    """A picture (H, W, 3) in 0-255 with its face, two fields (S, S, 2) that bend it, px, and the side S of the view."""

    pixels: Array
    face: Face
    bends: tuple[Array, Array]
    side: int


def motion_from_still(
    frame: Frame, face: Face, rng: Rng, count: int = 16, fps: float = 25.0
) -> tuple[tuple[Frame, ...], tuple[Face, ...]]:
    """A clip of `count` frames: a hand-held camera that pans, zooms and turns, and a face that is not quite rigid.

    Everything that is smooth in time is a sum of sinusoids and a drift, given per second. Each frame has noise of its
    own, of variance a I + b (Foi et al., "Practical Poissonian-Gaussian noise modeling", 2008), and the clip goes
    through H.264. What the photo's own noise and compression left moves with the face, which no camera does: photos
    are therefore reduced, never enlarged, and better much than little.

    Args:
        frame: the photo.
        face: the face that is followed; box and landmarks are moved with it.
        rng: what is drawn from.
        count: how many frames, 1 or more.
        fps: frames per second, above 0.

    Returns:
        the frames, square, with times from 0, and the face of each.

    Raises:
        UsageError: an impossible count or rate, or as `through_h264` does.
    """
    if count < 1 or not fps > 0:
        raise UsageError(f"expected 1 or more frames at a rate above 0, got {count} at {fps}")
    scene = _scene(frame, face, rng)
    path, swell = camera_path(count, fps, rng), camera_path(count, fps, rng)[:, :2]
    swell = np.clip(swell / _SWAY[:2], -2, 2)
    noise = log_uniform(*_SHOT, rng), log_uniform(*_READ, rng)
    views = [_viewed(scene, pose, bend) for pose, bend in zip(path, swell, strict=True)]
    frames = [Frame(_grain(pixels, *noise, rng), n / fps, n) for n, (pixels, _) in enumerate(views)]
    return through_h264(frames, float(rng.uniform(*CRF))), tuple(found for _, found in views)


def camera_path(count: int, fps: float, rng: Rng) -> Path:
    """(T, 4): shift x y in sizes of the face, logarithm of the zoom and turn in radians, smooth and about 0."""
    times = np.arange(count) / fps
    path = np.outer(times - times.mean(), rng.normal(0, _DRIFT))
    for reach, band in ((_SWAY, _SLOW_HZ), (_SWAY, _SLOW_HZ), (_SHAKE, _FAST_HZ)):
        rate, phase = rng.uniform(*band, 4), rng.uniform(0, 2 * np.pi, 4)
        path += rng.normal(0, reach) * np.sin(2 * np.pi * np.outer(times, rate) + phase)
    return np.asarray(path)


def _scene(frame: Frame, face: Face, rng: Rng) -> _Scene:
    """The photo at the size at which it is seen."""
    scale = min(1.0, log_uniform(*FACE_PX, rng) / max(face.size, 1e-6))
    height, width = (max(2, round(length * scale)) for length in frame.pixels.shape[:2])
    small = cv2.resize(frame.pixels, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    ratio = np.array([width / frame.pixels.shape[1], height / frame.pixels.shape[0]], np.float32)
    moved = replace(face, box=face.box * np.tile(ratio, 2), landmarks=face.landmarks * ratio)
    side = 2 * max(8, round(min(moved.size * rng.uniform(*_VIEW), min(height, width) * _BASE_ZOOM[0]) / 2))
    still = np.moveaxis(np.indices((side, side), np.float32)[::-1], 0, 2)
    reach, cells = log_uniform(*_BEND, rng) * moved.size, int(rng.integers(*_CELLS))
    first, second = (elastic(side, cells, reach, rng) - still for _ in range(2))
    return _Scene(small, moved, (first, second), side)


def _viewed(scene: _Scene, pose: npt.NDArray[np.float64], swell: npt.NDArray[np.float64]) -> tuple[Array, Face]:
    """(S, S, 3) in 0-255 and the face in it: the scene from one pose, bent by so much of each field."""
    zoom = float(np.clip(np.exp(pose[2]) * np.mean(_BASE_ZOOM), *_BASE_ZOOM))
    cosine, sine = np.cos(pose[3]) / zoom, np.sin(pose[3]) / zoom
    linear = np.array([[cosine, -sine], [sine, cosine]])
    centre = _aim(scene, zoom) + pose[:2] * scene.face.size
    bend = sum(np.float32(share) * field for share, field in zip(swell, scene.bends, strict=True))
    grid = np.moveaxis(np.indices((scene.side, scene.side), np.float64)[::-1], 0, 2) + 0.5 - scene.side / 2
    source = ((grid + bend) @ linear.T + centre - 0.5).astype(np.float32)
    pixels = cv2.remap(
        scene.pixels, source[..., 0], source[..., 1], cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REFLECT_101
    )
    return np.asarray(pixels, np.float32), _found(scene, np.linalg.inv(linear), centre, np.asarray(bend))


def _aim(scene: _Scene, zoom: float) -> npt.NDArray[np.float64]:
    """Where the camera looks: at the face, but as far from the edge of the photo as half of the view is."""
    half = scene.side / zoom / 2
    longest = np.array(scene.pixels.shape[1::-1], np.float64)
    middle = (scene.face.box[:2] + scene.face.box[2:]) / 2
    return np.where(longest > 2 * half, np.clip(middle, half, np.maximum(longest - half, half)), longest / 2)


def _found(scene: _Scene, inverse: npt.NDArray[np.float64], centre: npt.NDArray[np.float64], bend: Array) -> Face:
    """The face of the scene where the view shows it."""
    flat = (scene.face.landmarks - centre) @ inverse.T + scene.side / 2
    columns, rows = np.clip(np.floor(flat).astype(int), 0, scene.side - 1).T
    middle = ((scene.face.box[:2] + scene.face.box[2:]) / 2 - centre) @ inverse.T + scene.side / 2
    half = (scene.face.box[2:] - scene.face.box[:2]) / 2 * np.sqrt(np.linalg.det(inverse))
    box = np.concatenate([middle - half, middle + half]).astype(np.float32)
    return replace(scene.face, box=box, landmarks=(flat - bend[rows, columns]).astype(np.float32))


def _grain(pixels: Array, shot: float, read: float, rng: Rng) -> npt.NDArray[np.uint8]:
    """(S, S, 3) in 0-255 with the noise of one exposure; the deviation of what is read out is given in units of 1."""
    light = np.clip(pixels / 255, 0, 1)
    noisy = light + np.sqrt(shot * light + read**2) * rng.standard_normal(light.shape, np.float32)
    return np.round(255 * np.clip(noisy, 0, 1)).astype(np.uint8)
