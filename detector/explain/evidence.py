"""What the pictures of one face are made from: its window, what the VAE made of it, and where the two differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detector.errors import ShapeError
from detector.types import Array, Crops, check_shape


@dataclass(frozen=True, eq=False)
class FaceEvidence:
    """One face as the VAE saw it: stitched from its native tiles, or else its whole view; W is the side in px.

    Attributes:
        pixels: (3, W, W) float32 RGB in [0, 1], what the VAE was given.
        reconstruction: (3, W, W) float32 RGB in [0, 1], what the VAE made of it.
        error: (W, W) float32, mean over RGB of the absolute difference, in [0, 1].
        box: (4,) float32, the window in its frame, x0 y0 x1 y1 in px; it may leave the frame.
    """

    pixels: Array
    reconstruction: Array
    error: Array
    box: Array

    def __post_init__(self) -> None:
        side = self.pixels.shape[-1]
        check_shape("FaceEvidence.pixels", self.pixels, (3, side, side))
        check_shape("FaceEvidence.reconstruction", self.reconstruction, (3, side, side))
        check_shape("FaceEvidence.error", self.error, (side, side))
        check_shape("FaceEvidence.box", self.box, (4,))


def face_evidence(crops: Crops, reconstruction: Array, face: int) -> FaceEvidence:
    """Gather the evidence of one face.

    Args:
        crops: the crops of one frame.
        reconstruction: (N, 3, S, S) in [0, 1], what the VAE made of each crop.
        face: the row of the face, a value of `Crops.faces`.

    Raises:
        ShapeError: the reconstruction has another shape than the crops, or the face no full window of tiles.
    """
    check_shape("reconstruction", reconstruction, crops.pixels.shape)
    boxes = crops.boxes[_tiles(crops, face)]
    return FaceEvidence(
        pixels=stitch(crops, crops.pixels, face),
        reconstruction=stitch(crops, reconstruction, face),
        error=stitch(crops, absolute_error(crops.pixels, reconstruction), face),
        box=np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)]),
    )


def absolute_error(pixels: Array, reconstruction: Array) -> Array:
    """(..., 3, H, W) and (..., 3, H, W) to (..., H, W): mean over RGB of the absolute difference."""
    return np.asarray(np.abs(pixels - reconstruction).mean(axis=-3), np.float32)


def stitch(crops: Crops, maps: Array, face: int) -> Array:
    """Lay the native tiles of one face side by side, or take its whole view where the VAE saw no others; nothing is
    resampled or blended.

    Args:
        crops: the crops of one frame.
        maps: (N, ..., S, S), one map or picture a crop.
        face: the row of the face, a value of `Crops.faces`.

    Returns:
        (..., W, W) float32 with W = n * S, where n x n is the number of native tiles of the face; 1 for a whole view.

    Raises:
        ShapeError: the face has no crop, or its tiles are no square grid.
    """
    check_shape("maps", maps, (len(crops), *maps.shape[1:-2], crops.size, crops.size))
    rows = _tiles(crops, face)
    n, size = round(len(rows) ** 0.5), crops.size
    window = np.zeros((*maps.shape[1:-2], n * size, n * size), np.float32)
    for row, (x, y) in zip(rows, _grid(crops.boxes[rows], n), strict=True):
        window[..., y * size : (y + 1) * size, x * size : (x + 1) * size] = maps[row]
    return window


def _tiles(crops: Crops, face: int) -> list[int]:
    """The rows of the native tiles of a face, or else of its whole view."""
    own = crops.faces == face
    rows = np.flatnonzero(own & (crops.native if (own & crops.native).any() else crops.whole))
    if not len(rows):
        raise ShapeError(f"expected crops of face {face}, got none; faces here: {sorted(set(crops.faces))}")
    return [int(row) for row in rows]


def _grid(boxes: Array, n: int) -> list[tuple[int, int]]:
    """Column and row of every tile in the n x n grid that the tiles of a face form."""
    steps = (boxes[:, :2] - boxes[:, :2].min(axis=0)) / (boxes[:, 2:] - boxes[:, :2])
    places = [(int(x), int(y)) for x, y in np.round(steps)]
    if sorted(places) != [(x, y) for x in range(n) for y in range(n)]:
        raise ShapeError(f"expected tiles that form an {n} x {n} grid, got tiles at {sorted(places)}")
    return places
