"""Pictures: one file to upright RGB of 8 bits, through Pillow.

Pillow answers bad files with a dozen kinds of exception and with warnings; both end here.
"""

from __future__ import annotations

import io
import struct
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from detector.errors import MediaError
from detector.media.kinds import Format
from detector.media.limits import MediaLimits
from detector.media.turn import Turn
from detector.types import Pixels

GROUND = 128
"""What is seen through transparent pixels: mid-grey, which no face stands out against."""

ROWS = 256
"""Rows that are converted at a time, so that a large picture costs its own memory and one copy, not five."""

_TURNS = {
    2: Turn(columns=True),
    3: Turn(rows=True, columns=True),
    4: Turn(rows=True),
    5: Turn(swap=True),
    6: Turn(swap=True, columns=True),
    7: Turn(swap=True, rows=True, columns=True),
    8: Turn(swap=True, rows=True),
}
"""EXIF orientation to what turns the picture upright; 1 and nonsense leave it as it is."""

_WIDE = ("I;16", "I;16B", "I;16L", "I;16N")
_FAULTS = (OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, EOFError, struct.error)
"""What Pillow raises over a bad file."""
_quiet_lock = threading.Lock()


@contextmanager
def open_picture(stream: BinaryIO, found: Format, limits: MediaLimits) -> Iterator[Image.Image]:
    """Open a picture and read its header; nothing is decoded before its size is known to be within the limit.

    Faults of Pillow inside the block become `MediaError`s too, and no warning leaves it.

    Raises:
        MediaError: too_many_pixels, truncated or unreadable.
    """
    tap = _Tap(stream)
    # The filters of `warnings` belong to the process: one thread at a time may set and restore them.
    with _quiet_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(cast(BinaryIO, tap), formats=[found.decoder]) as picture:
                limits.check_pixels(*picture.size)
                tap.reads_header = False
                yield picture
        except Image.DecompressionBombError as error:
            raise MediaError("too_many_pixels", f"{str(error).partition(',')[0]}; make the picture smaller") from error
        except MemoryError as error:
            raise MediaError("too_many_pixels", "the picture does not fit in memory; make it smaller") from error
        except _FAULTS as error:
            ends = tap.short or "truncated" in str(error).lower()
            reason, what = ("truncated", "ends too early") if ends else ("unreadable", "is damaged")
            why = "its header cannot be read" if isinstance(error, UnidentifiedImageError) else error
            raise MediaError(reason, f"the {found.name} {what}: {why}") from error


def has_more(picture: Image.Image) -> bool:
    """Whether there are further pictures in the file. Those of a JPEG are depth maps, thumbnails and the like."""
    return picture.format != "MPO" and bool(getattr(picture, "is_animated", False))


def upright_rgb(picture: Image.Image) -> Pixels:
    """Decode a picture to (H, W, 3) uint8 RGB: turned upright, 16 bits scaled to 8, transparency over mid-grey."""
    picture.load()
    if picture.mode in ("I", "F"):
        raise MediaError("unsupported", "32 bits a sample have no known range; save the picture with 8 or 16")
    width, height = picture.size
    turn = _TURNS.get(_orientation(picture), Turn())
    upright = np.empty((width, height, 3) if turn.swap else (height, width, 3), np.uint8)
    stored = turn.stored(upright)
    for top in range(0, height, ROWS):
        bottom = min(top + ROWS, height)
        stored[top:bottom] = _rgb(picture.crop((0, top, width, bottom)))
    return upright


def _rgb(picture: Image.Image) -> Pixels:
    if picture.mode in _WIDE:
        picture = Image.fromarray(_to_8_bits(picture))
    elif picture.has_transparency_data:
        ground = Image.new("RGBA", picture.size, (GROUND, GROUND, GROUND, 255))
        picture = Image.alpha_composite(ground, picture.convert("RGBA"))
    return np.asarray(picture.convert("RGB"), np.uint8)


def _to_8_bits(picture: Image.Image) -> Pixels:
    """0 .. 65535 to 0 .. 255, rounded: 65535 = 255 * 257."""
    wide = np.asarray(picture).astype(np.uint32)
    return ((wide + 128) // 257).astype(np.uint8)


def _orientation(picture: Image.Image) -> int:
    """The EXIF orientation of a decoded picture (Pillow's TIFF reader has applied and removed it by then)."""
    try:
        return int(picture.getexif().get(ExifTags.Base.Orientation, 1))
    except _FAULTS:
        return 1


class _Tap(io.RawIOBase):
    """A stream that remembers whether somebody asked for more header than there was. Pixels are read in blocks, whose
    last one is always too large: there, decoders tell."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.short, self.reads_header = False, True

    def read(self, count: int = -1) -> bytes:
        data = self._stream.read(count)
        self.short |= self.reads_header and len(data) < count
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True
