"""What happens to a picture on its way to a viewer, one step a function.

Each takes a level, the picture, the face in it and a source of randomness, and gives the picture and the face as
they are then; what came in is not changed. What levels there are is in `disturbances.DISTURBANCES`.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from detector.benchmark.histories.codecs import h264, webp
from detector.benchmark.histories.history import jpeg, resize
from detector.types import Array, Face, Frame, Pixels

PHONE_PX = 1080
"""The width of a common phone's screen, in px."""
MESSENGER_SHARE = 0.75
"""What a messenger leaves of each side. Real ones limit the longer side, to 1280 or 1600 px, which no small picture
would ever meet; a share disturbs every picture alike."""
SAVED_QUALITY = 85
"""JPEG quality of whoever saves what the messenger sent."""
GREYS = np.arange(256) / 255
"""The 256 grey levels, in [0, 1]."""


def through_jpeg(quality: float, frame: Frame, face: Face, _: np.random.Generator) -> tuple[Frame, Face]:
    """Saved as JPEG at `quality`, chroma halved in both directions."""
    return replace(frame, pixels=jpeg(frame.pixels, int(quality))), face


def through_webp(quality: float, frame: Frame, face: Face, _: np.random.Generator) -> tuple[Frame, Face]:
    """Saved as lossy WebP at `quality`."""
    return replace(frame, pixels=webp(frame.pixels, int(quality))), face


def through_h264(crf: float, frame: Frame, face: Face, rng: np.random.Generator) -> tuple[Frame, Face]:
    """Filmed, and stored as H.264 at constant rate factor `crf`; see `codecs.h264`."""
    return replace(frame, pixels=h264(frame.pixels, crf, rng)), face


def resized(factor: float, frame: Frame, face: Face, _: np.random.Generator) -> tuple[Frame, Face]:
    """The picture at `factor` times its size; it is judged at that size."""
    return _shown(frame, face, resize(frame.pixels, *_size(frame.pixels, factor)))


def cropped(share: float, frame: Frame, face: Face, rng: np.random.Generator) -> tuple[Frame, Face]:
    """Cut at random to a share of each side, around as much of the face's box as fits: the codec's grid moves too."""
    kept = _size(frame.pixels, share)
    x, y = (_start(face.box[axis::2], frame.pixels.shape[1 - axis], kept[axis], rng) for axis in (0, 1))
    pixels = frame.pixels[y : y + kept[1], x : x + kept[0]].copy()
    corner = np.array([x, y], np.float32)
    return replace(frame, pixels=pixels), replace(
        face, box=face.box - np.tile(corner, 2), landmarks=face.landmarks - corner
    )


def blurred(sigma: float, frame: Frame, face: Face, _: np.random.Generator) -> tuple[Frame, Face]:
    """Out of focus: a Gaussian of standard deviation `sigma`, in px; the edge is mirrored."""
    return replace(frame, pixels=np.asarray(cv2.GaussianBlur(frame.pixels, (0, 0), sigma), np.uint8)), face


def noisy(sigma: float, frame: Frame, face: Face, rng: np.random.Generator) -> tuple[Frame, Face]:
    """Gaussian noise of standard deviation `sigma`, in grey levels, on each pixel and colour by itself."""
    values = frame.pixels + rng.normal(0, sigma, frame.pixels.shape)
    return replace(frame, pixels=np.clip(np.round(values), 0, 255).astype(np.uint8)), face


def toned(exponent: float, frame: Frame, face: Face, _: np.random.Generator) -> tuple[Frame, Face]:
    """Grey v in [0, 1] becomes v ** exponent: below 1 the picture gets lighter."""
    return replace(frame, pixels=_toned(frame.pixels, GREYS**exponent)), face


def screenshot(scale: float, frame: Frame, face: Face, _: np.random.Generator) -> tuple[Frame, Face]:
    """Shown on a scaled screen, captured, sent to a phone.

    The screen scales bilinearly and turns sRGB (IEC 61966-2-1) into its own power of 2.2, in 8 bits; the capture is
    a PNG, which loses nothing; what is wider than the phone is reduced to `PHONE_PX`.
    """
    size = _size(frame.pixels, scale)
    pixels = np.asarray(cv2.resize(frame.pixels, size, interpolation=cv2.INTER_LINEAR), np.uint8)
    light = np.where(GREYS <= 0.04045, GREYS / 12.92, ((GREYS + 0.055) / 1.055) ** 2.4)
    pixels = _toned(pixels, light ** (1 / 2.2))
    if size[0] > PHONE_PX:
        pixels = resize(pixels, *_size(pixels, PHONE_PX / size[0]))
    return _shown(frame, face, pixels)


def messenger(quality: float, frame: Frame, face: Face, _: np.random.Generator) -> tuple[Frame, Face]:
    """Sent through a messenger, which reduces and compresses it, and saved again by whoever received it."""
    sent = jpeg(resize(frame.pixels, *_size(frame.pixels, MESSENGER_SHARE)), int(quality))
    return _shown(frame, face, jpeg(sent, SAVED_QUALITY))


def _size(pixels: Pixels, factor: float) -> tuple[int, int]:
    """Width and height times a factor, in whole px; none vanishes."""
    height, width = pixels.shape[:2]
    return max(1, round(width * factor)), max(1, round(height * factor))


def _start(span: Array, length: int, kept: int, rng: np.random.Generator) -> int:
    """Where a random cut of `kept` px starts on a side of `length`: around the span, or inside it if that is longer."""
    low, high = np.clip(sorted((int(span[0]), int(np.ceil(span[1])) - kept)), 0, length - kept)
    return int(rng.integers(low, high, endpoint=True))


def _shown(frame: Frame, face: Face, pixels: Pixels) -> tuple[Frame, Face]:
    """The frame as `pixels` that show all of it at another size, and the face at that size."""
    factor = (np.array(pixels.shape[1::-1]) / frame.pixels.shape[1::-1]).astype(np.float32)
    return replace(frame, pixels=pixels), replace(
        face, box=face.box * np.tile(factor, 2), landmarks=face.landmarks * factor
    )


def _toned(pixels: Pixels, curve: npt.NDArray[np.float64]) -> Pixels:
    """Replace each of the 256 grey levels by what a curve (256,) in [0, 1] says."""
    return np.round(255 * curve).astype(np.uint8)[pixels]
