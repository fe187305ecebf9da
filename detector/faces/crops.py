"""Faces to square crops: pixels are cut, not resampled, wherever a cut will do.

Resampling erases the trace that a generator leaves in the finest pixels. A face therefore is cut out at the
scale it has, in as many tiles as it takes, and only a face above `MAX_FACE_PX` is reduced first, because
nobody has calibrated the detector there. Faces are never rotated either: the region masks turn instead.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from detector.types import Array, Crops, Face, Frame, Pixels

MAX_FACE_PX = 320
"""Faces above this size (px, longer side of the box) are reduced to `REDUCED_FACE_PX`."""
REDUCED_FACE_PX = 256
MAX_TILES = 3
MARGIN = 1.1


def crop_faces(frame: Frame, faces: Sequence[Face], size: int = 128) -> Crops:
    """Cut every face of a frame into crops of `size` px.

    A face whose window (`MARGIN` times its box) is about n crops wide gives n x n native tiles and, for n > 1,
    one whole view: the same window averaged over n x n pixel blocks. Pixels outside the frame repeat its edge.

    Args:
        frame: the picture.
        faces: the faces in it; `Crops.faces` counts them from 0.
        size: S, the side of a crop in px.

    Returns:
        the crops of all faces, face by face, the whole view first.
    """
    parts = [_crop_face(frame.pixels, face, row, size) for row, face in enumerate(faces)]
    return concat_crops(parts, size)


def concat_crops(parts: Sequence[Crops], size: int) -> Crops:
    """All crops in one batch. `Crops.faces` is kept: give every part its own numbers."""
    empty = Crops(
        np.empty((0, 3, size, size), np.float32),
        np.empty((0, 5, 2), np.float32),
        np.empty((0, 4), np.float32),
        np.empty(0, np.int64),
        np.empty(0, np.bool_),
        np.empty(0, np.bool_),
    )
    columns = ("pixels", "landmarks", "boxes", "faces", "whole", "native")
    return Crops(*(np.concatenate([getattr(part, name) for part in (empty, *parts)]) for name in columns))


def _crop_face(pixels: Pixels, face: Face, row: int, size: int) -> Crops:
    scale = 1.0 if face.size <= MAX_FACE_PX else REDUCED_FACE_PX / face.size
    n = int(np.clip(round(MARGIN * face.size * scale / size), 1, MAX_TILES))
    window, origin = _window(pixels, face, scale, n * size)
    landmarks = face.landmarks * scale - origin
    tiles = [(x, y) for y in range(0, n * size, size) for x in range(0, n * size, size)]
    views = [window[y : y + size, x : x + size].astype(np.float32) for x, y in tiles]
    corners = [(x, y, x + size, y + size) for x, y in tiles]
    marks = [landmarks - (x, y) for x, y in tiles]
    if n > 1:
        views.insert(0, window.reshape(size, n, size, n, 3).mean(axis=(1, 3), dtype=np.float32))
        corners.insert(0, (0, 0, n * size, n * size))
        marks.insert(0, landmarks / n)
    whole = np.zeros(len(views), np.bool_)
    whole[0] = True
    return Crops(
        pixels=np.ascontiguousarray(np.stack(views).transpose(0, 3, 1, 2)) / np.float32(255),
        landmarks=np.stack(marks).astype(np.float32),
        boxes=((np.array(corners) + np.tile(origin, 2)) / scale).astype(np.float32),
        faces=np.full(len(views), row, np.int64),
        whole=whole,
        native=np.full(n * n, True) if n == 1 else ~whole,
    )


def _window(pixels: Pixels, face: Face, scale: float, side: int) -> tuple[Pixels, Array]:
    """The side x side window around the face at the working scale, and its origin there (x, y)."""
    centre = (face.box[:2] + face.box[2:]) / 2
    if scale == 1.0:
        x0, y0 = np.round(centre - side / 2).astype(int)
        return cut(pixels, x0, y0, side), np.array([x0, y0], np.float32)
    reach = side / scale
    x0, y0 = np.round(centre - reach / 2).astype(int)
    patch = cut(pixels, x0, y0, round(reach))
    reduced = cv2.resize(patch, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(reduced, np.uint8), np.array([x0, y0], np.float32) * np.float32(scale)


def cut(pixels: Pixels, x0: int, y0: int, side: int) -> Pixels:
    """A square of `side` px of a picture, with its corner at (x0, y0); outside, the nearest edge pixel stands in."""
    height, width = pixels.shape[:2]
    rows = np.clip(np.arange(y0, y0 + side), 0, height - 1)
    columns = np.clip(np.arange(x0, x0 + side), 0, width - 1)
    return pixels[rows[:, None], columns]
