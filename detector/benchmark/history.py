"""One history for every picture, so that no classifier can read the file instead of the face.

Real and fake pictures reach a dataset through other cameras, codecs and sizes. A detector that reads those
scores 0.99 and is worth nothing. Every picture, of either class, is therefore given the same random history
before any feature is computed: a first codec pass, a reduction, a face size drawn from one distribution, a random
offset against the codec's 8 x 8 grid, and a last codec pass.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from detector.types import Array, Face, Frame, Pixels


@dataclass(frozen=True)
class History:
    """A distribution of histories, in the order in which they happen.

    Attributes:
        context: how much of the picture around the face is kept, in face sizes.
        first_quality: JPEG quality of the first pass; None for no such pass.
        small_px: the picture is reduced until the longer side of the face box is this many px, drawn from the range;
            a smaller face stays as it is. Some sources have small faces only, and those are then enlarged: with
            this, the others are too. None for no such step.
        face_px: the range that the longer side of the face box is brought into, in px.
        last_quality: range of the JPEG quality of the last pass; None for no such pass.
    """

    context: float = 2.0
    first_quality: int | None = None
    small_px: tuple[float, float] | None = None
    face_px: tuple[float, float] = (200.0, 320.0)
    last_quality: tuple[int, int] | None = None


STRICT = History(first_quality=75, face_px=(200.0, 320.0), last_quality=(80, 95))
"""The protocol of the published control: q75, face at 200-320 px, random grid offset, q80-95."""


def apply_history(frame: Frame, face: Face, history: History, rng: np.random.Generator) -> tuple[Frame, Face]:
    """Give one face of a picture a random history.

    Args:
        frame: the picture as it was found.
        face: the face to keep; the rest of the picture is kept around it as far as `History.context` says.
        history: what to draw from.
        rng: the source of randomness; the same state gives the same history.

    Returns:
        the re-made picture and the face in its coordinates.
    """
    pixels, offset = _around(frame.pixels, face, history.context)
    if history.first_quality is not None:
        pixels = jpeg(pixels, history.first_quality)
    size = face.size
    if history.small_px is not None and (wanted := rng.uniform(*history.small_px)) < size:
        pixels, size = resize(pixels, wanted / size), wanted
    wanted = rng.uniform(*history.face_px)
    pixels = resize(pixels, wanted / size)
    shift = rng.integers(0, 8, size=2)
    pixels = np.ascontiguousarray(pixels[shift[1] :, shift[0] :])
    if history.last_quality is not None:
        pixels = jpeg(pixels, int(rng.integers(*history.last_quality, endpoint=True)))
    return replace(frame, pixels=pixels), _moved(face, offset, wanted / face.size, shift.astype(np.float32))


def jpeg(pixels: Pixels, quality: int) -> Pixels:
    """Encode and decode (H, W, 3) uint8 RGB pixels as JPEG at `quality` (1-100)."""
    encoded = cv2.imencode(".jpg", pixels[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR_RGB)
    return np.asarray(decoded, np.uint8)


def resize(pixels: Pixels, scale: float) -> Pixels:
    """Resize (H, W, 3) uint8 pixels: averaged over areas to reduce, bicubic to enlarge."""
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=interpolation), np.uint8)


def _around(pixels: Pixels, face: Face, context: float) -> tuple[Pixels, Array]:
    centre, reach = (face.box[:2] + face.box[2:]) / 2, face.size * context / 2
    height, width = pixels.shape[:2]
    x0, y0 = np.clip(np.floor(centre - reach), 0, None).astype(int)
    x1, y1 = np.minimum(np.ceil(centre + reach), (width, height)).astype(int)
    return np.ascontiguousarray(pixels[y0:y1, x0:x1]), np.array([x0, y0], np.float32)


def _moved(face: Face, offset: Array, scale: float, shift: Array) -> Face:
    """The face after its picture was cut at `offset`, scaled, and cut at `shift`."""
    return replace(
        face,
        box=((face.box - np.tile(offset, 2)) * scale - np.tile(shift, 2)).astype(np.float32),
        landmarks=((face.landmarks - offset) * scale - shift).astype(np.float32),
    )
