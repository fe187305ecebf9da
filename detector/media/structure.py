"""Does a file end where its own structure says that it ends?

Decoders stop silently at the end of the bytes, so that half a clip looks like a short one. Containers write how long
their outermost parts are; this looks at those lengths alone.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import BinaryIO

from detector.errors import MediaError
from detector.media.limits import Stopwatch

_ELEMENTS = (b"\x1aE\xdf\xa3", b"\x18S\x80g")


def check_whole(name: str, stream: BinaryIO, size: int, watch: Stopwatch) -> None:
    """Raise `MediaError` (truncated) when the outermost part of a container ends beyond the file.

    Args:
        name: of the format, a key of `detector.media.kinds.FORMATS`; formats without such lengths pass.
        stream: the file.
        size: its length in bytes.
        watch: the time that is left.
    """
    if name not in _ENDS:
        return
    end = _ENDS[name](stream, watch)
    if end > size:
        raise MediaError("truncated", f"expected {end:,} bytes, the file has {size:,}; fetch it again")


def _end_of_riff(stream: BinaryIO, watch: Stopwatch) -> int:
    """AVI beyond 1 GB is several RIFF chunks in a row. The pad byte of an odd chunk is often left out at the end."""
    at = end = 0
    while len(head := _read(stream, at, 8)) == 8 and head.startswith(b"RIFF"):
        watch.check()
        end = at + 8 + int.from_bytes(head[4:], "little")
        at = end + end % 2
    return end


def _end_of_boxes(stream: BinaryIO, watch: Stopwatch) -> int:
    """MP4 and MOV are boxes in a row. What does not look like a box is something appended, which players skip."""
    at = 0
    while len(head := _read(stream, at, 16)) >= 8 and head[4:8].isascii() and head[4:8].decode("ascii").isprintable():
        watch.check()
        length = struct.unpack(">I", head[:4])[0]
        if length == 1 and len(head) == 16:
            length = struct.unpack(">Q", head[8:])[0]
        if length < 8:  # 0: the box goes on to the end of the file
            break
        at += length
    return at


def _end_of_segment(stream: BinaryIO, watch: Stopwatch) -> int:
    """Matroska is two elements in a row, a header and a segment. Live recordings write "unknown" (all value bits
    set) for the length of the segment."""
    end = 0
    for name in _ELEMENTS:
        watch.check()
        head = _read(stream, end, 12)
        width = 9 - head[4].bit_length() if len(head) == 12 and head.startswith(name) else 9
        length = int.from_bytes(head[4 : 4 + width]) - (1 << 7 * width)
        if width > 8 or length == (1 << 7 * width) - 1:
            return 0
        end += 4 + width + length
    return end


def _read(stream: BinaryIO, at: int, count: int) -> bytes:
    stream.seek(at)
    return stream.read(count)


_ENDS: dict[str, Callable[[BinaryIO, Stopwatch], int]] = {
    "WebP": _end_of_riff,
    "AVI": _end_of_riff,
    "MP4/MOV": _end_of_boxes,
    "Matroska/WebM": _end_of_segment,
}
