"""What a container's own structure declares: where the file ends, and how long the film is.

Decoders stop silently at the end of the bytes, so that half a clip looks like a short one. Containers write how long
their outermost parts are; this looks at those lengths alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple

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


def declared_length(name: str, stream: BinaryIO, watch: Stopwatch) -> float:
    """The length in s that an MP4's movie header declares, which libav does not tell; 0 where there is none."""
    if name != "MP4/MOV":
        return 0.0
    movie = next((box for box in _boxes(stream, 0, watch) if box.name == b"moov"), None)
    header = next((box for box in _boxes(stream, movie.body, watch) if box.name == b"mvhd"), None) if movie else None
    if header is None:
        return 0.0
    fields = _read(stream, header.body, 32)
    wide = fields[:1] == b"\1"
    unit = int.from_bytes(fields[20:24] if wide else fields[12:16])
    length = int.from_bytes(fields[24:32] if wide else fields[16:20])
    unknown = length == (1 << (64 if wide else 32)) - 1
    return 0.0 if unknown or not unit else length / unit


class _Box(NamedTuple):
    name: bytes
    body: int
    end: int


def _boxes(stream: BinaryIO, at: int, watch: Stopwatch) -> Iterator[_Box]:
    """MP4 and MOV are boxes in a row. What does not look like a box is something appended, which players skip."""
    while len(head := _read(stream, at, 16)) >= 8 and head[4:8].isascii() and head[4:8].decode("ascii").isprintable():
        watch.check()
        length, width = int.from_bytes(head[:4]), 8
        if length == 1:
            length, width = int.from_bytes(head[8:]), 16
        yield _Box(head[4:8], at + width, at + length)
        if length < width:  # 0: the box goes on to the end of the file
            return
        at += length


def _end_of_boxes(stream: BinaryIO, watch: Stopwatch) -> int:
    return max((box.end for box in _boxes(stream, 0, watch)), default=0)


def _end_of_riff(stream: BinaryIO, watch: Stopwatch) -> int:
    """AVI beyond 1 GB is several RIFF chunks in a row. The pad byte of an odd chunk is often left out at the end."""
    at = end = 0
    while len(head := _read(stream, at, 8)) == 8 and head.startswith(b"RIFF"):
        watch.check()
        end = at + 8 + int.from_bytes(head[4:], "little")
        at = end + end % 2
    return end


def _end_of_segment(stream: BinaryIO, watch: Stopwatch) -> int:
    """Matroska is two elements in a row, a header and a segment. Live recordings write "unknown" (all value bits
    set) for the length of the segment."""
    end = 0
    for name in _ELEMENTS:
        watch.check()
        head = _read(stream, end, 12)
        if len(head) < 12:
            return end + 12
        width = 9 - head[4].bit_length() if head.startswith(name) else 9
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
