"""One history for every picture, so that no classifier can read the file instead of the face.

Real and fake pictures reach a dataset through other cameras, codecs and sizes. A detector that reads those
scores 0.99 and is worth nothing. Every picture, of either class, is therefore given the same random history
before any feature is computed: a square cut around its face, a first codec pass, a reduction, a face size drawn from
one distribution, a random offset against the codec's 8 x 8 grid, and a last codec pass.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from detector.faces.crops import cut
from detector.types import Array, Face, Frame, Pixels


@dataclass(frozen=True)
class History:
    """A distribution of histories, in the order in which they happen.

    Attributes:
        context: the side of the square that is kept around the face, in face sizes. Outside the picture its edge is
            repeated: the shape of the result must not tell how tightly a source frames its faces. Little more
            than the face keeps what is repeated small.
        first_px: the range that the longer side of the face box is brought into before the first pass, in px; None
            for the size that it has. A pass at the source's own size leaves coarser traces in sources of small faces.
        first_quality: JPEG quality of the first pass; None for no such pass.
        small_px: the picture is reduced until the longer side of the face box is this many px, drawn from the range;
            a smaller face stays as it is. Some sources have small faces only, and those are then enlarged: with
            this, the others are too. None for no such step.
        face_px: the range that the longer side of the face box is brought into, in px.
        last_quality: range of the JPEG quality of the last pass; None for no such pass.
        scale: the finished picture is resized by this factor, and judged at that size; None for no such step.
        blur: standard deviation of a Gaussian blur of what is there then, in px; None for none.
        noise: standard deviation of Gaussian noise on top of that, in grey levels; None for none.
    """

    context: float = 1.3
    first_px: tuple[float, float] | None = None
    first_quality: int | None = None
    small_px: tuple[float, float] | None = None
    face_px: tuple[float, float] = (200.0, 320.0)
    last_quality: tuple[int, int] | None = None
    scale: float | None = None
    blur: float | None = None
    noise: float | None = None


STRICT = History(first_px=(200.0, 320.0), first_quality=75, face_px=(200.0, 320.0), last_quality=(80, 95))
"""The protocol of the published control, q75, face at 200-320 px, random grid offset, q80-95, but with the face at
200-320 px before the first pass too: at each source's own size, that pass told the sources apart."""


@dataclass(frozen=True, eq=False)
class Remade:
    """A picture after its history.

    Attributes:
        frame: what is judged.
        face: the face in its coordinates.
        encoded: the JPEG file that the last pass wrote; None without such a pass.
    """

    frame: Frame
    face: Face
    encoded: bytes | None = None


def apply_history(frame: Frame, face: Face, history: History, rng: np.random.Generator) -> tuple[Frame, Face]:
    """The re-made picture and the face in its coordinates; see `remake`."""
    made = remake(frame, face, history, rng)
    return made.frame, made.face


def remake(frame: Frame, face: Face, history: History, rng: np.random.Generator) -> Remade:
    """Give one face of a picture a random history.

    Args:
        frame: the picture as it was found.
        face: the face to keep; the rest of the picture is kept around it as far as `History.context` says.
        history: what to draw from.
        rng: the source of randomness; the same state gives the same history.
    """
    pixels, face = _around(frame.pixels, face, history.context)
    if history.first_px is not None:
        pixels, face = _sized(pixels, face, history, rng.uniform(*history.first_px))
    if history.first_quality is not None:
        pixels = jpeg(pixels, history.first_quality)
    if history.small_px is not None and (wanted := rng.uniform(*history.small_px)) < face.size:
        pixels, face = _sized(pixels, face, history, wanted)
    pixels, face = _sized(pixels, face, history, rng.uniform(*history.face_px))
    shift = rng.integers(0, 8, size=2)
    pixels, face = np.ascontiguousarray(pixels[shift[1] :, shift[0] :]), _moved(face, shift.astype(np.float32))
    encoded = None
    if history.last_quality is not None:
        encoded = _encoded(pixels, int(rng.integers(*history.last_quality, endpoint=True)))
        pixels = _decoded(encoded)
    pixels, face = _disturbed(pixels, face, history, rng)
    return Remade(replace(frame, pixels=pixels), face, encoded)


def jpeg(pixels: Pixels, quality: int) -> Pixels:
    """Encode and decode (H, W, 3) uint8 RGB pixels as JPEG at `quality` (1-100)."""
    return _decoded(_encoded(pixels, quality))


def resize(pixels: Pixels, width: int, height: int) -> Pixels:
    """Resize (H, W, 3) uint8 pixels: averaged over areas to reduce, bicubic to enlarge."""
    interpolation = cv2.INTER_AREA if width < pixels.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=interpolation), np.uint8)


def _around(pixels: Pixels, face: Face, context: float) -> tuple[Pixels, Face]:
    side = round(face.size * context)
    corner = np.round((face.box[:2] + face.box[2:] - side) / 2).astype(int)
    return cut(pixels, int(corner[0]), int(corner[1]), side), _moved(face, corner.astype(np.float32))


def _sized(pixels: Pixels, face: Face, history: History, wanted: float) -> tuple[Pixels, Face]:
    """The square with its face at `wanted` px; its side depends on nothing else, not even by rounding."""
    side = round(wanted * history.context)
    return resize(pixels, side, side), _scaled(face, (wanted / face.size, wanted / face.size))


def _disturbed(pixels: Pixels, face: Face, history: History, rng: np.random.Generator) -> tuple[Pixels, Face]:
    """What happens to the finished picture: resized, then blurred, then noisy."""
    if history.scale is not None:
        height, width = pixels.shape[:2]
        new = max(1, round(width * history.scale)), max(1, round(height * history.scale))
        pixels, face = resize(pixels, *new), _scaled(face, (new[0] / width, new[1] / height))
    if history.blur is not None:
        pixels = np.asarray(cv2.GaussianBlur(pixels, (0, 0), history.blur), np.uint8)
    if history.noise is not None:
        noisy = pixels + rng.normal(0, history.noise, pixels.shape)
        pixels = np.clip(np.round(noisy), 0, 255).astype(np.uint8)
    return pixels, face


def _encoded(pixels: Pixels, quality: int) -> bytes:
    encoded = cv2.imencode(".jpg", pixels[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return bytes(encoded)


def _decoded(encoded: bytes) -> Pixels:
    return np.asarray(cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR_RGB), np.uint8)


def _scaled(face: Face, scale: tuple[float, float]) -> Face:
    """The face after its picture was scaled by factors across and down."""
    factor = np.array(scale, np.float32)
    return replace(
        face,
        box=(face.box * np.tile(factor, 2)).astype(np.float32),
        landmarks=(face.landmarks * factor).astype(np.float32),
    )


def _moved(face: Face, corner: Array) -> Face:
    """The face after its picture was cut at `corner` (x, y)."""
    return replace(face, box=face.box - np.tile(corner, 2), landmarks=face.landmarks - corner)
