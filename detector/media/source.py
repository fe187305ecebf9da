"""Where the bytes come from: a file or memory, checked before anybody decodes them."""

from __future__ import annotations

import errno
import io
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from detector.errors import MediaError
from detector.media.limits import MediaLimits

CHUNK = 1 << 20


@dataclass(frozen=True)
class Source:
    """Bytes that can be opened again and again.

    Attributes:
        origin: the file, or the bytes themselves.
        size: how many bytes there are.
    """

    origin: Path | bytes
    size: int

    @property
    def suffix(self) -> str:
        """The extension of the file's name in lower case; empty for bytes."""
        return self.origin.suffix.lower() if isinstance(self.origin, Path) else ""

    def open(self) -> BinaryIO:
        """The bytes from the start, seekable."""
        return io.BytesIO(self.origin) if isinstance(self.origin, bytes) else _open_file(self.origin)


def open_source(origin: Path | bytes, limits: MediaLimits) -> Source:
    """Check that there are bytes, and not too many.

    Raises:
        MediaError: not_found, unreadable, empty or too_many_bytes.
    """
    size = len(origin) if isinstance(origin, bytes) else _file_size(origin)
    if size == 0:
        raise MediaError("empty", "expected a picture or a video, got no bytes")
    _check_size(size, limits)
    return Source(origin, size)


def read_stream(stream: BinaryIO, limits: MediaLimits | None = None) -> bytes:
    """All bytes of a stream (e.g. `sys.stdin.buffer`), read until its end or the limit.

    Raises:
        MediaError: too_many_bytes.
    """
    limits = limits or MediaLimits()
    parts = bytearray()
    while chunk := stream.read(CHUNK):
        parts += chunk
        _check_size(len(parts), limits)
    return bytes(parts)


def _check_size(size: int, limits: MediaLimits) -> None:
    if size > limits.max_bytes:
        raise MediaError(
            "too_many_bytes", f"expected at most {limits.max_bytes:,} bytes, got {size:,} or more; raise max_bytes"
        )


def _file_size(path: Path) -> int:
    """The size of a regular file. A pipe or a device is refused: it would block or never end."""
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        raise _as_media_error(path, error) from error
    if not stat.S_ISREG(status.st_mode):
        what = "a folder without media that can be read" if stat.S_ISDIR(status.st_mode) else "no regular file"
        raise MediaError("unreadable", f"expected a file, {path} is {what}")
    with _open_file(path):
        return status.st_size


def _open_file(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except (OSError, ValueError) as error:
        raise _as_media_error(path, error) from error


def _as_media_error(path: Path, error: Exception) -> MediaError:
    """What the system said about a path. A ValueError is a name that no file can have (a NUL in it)."""
    code = error.errno if isinstance(error, OSError) else errno.ENOENT
    if code in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):
        return MediaError("not_found", f"there is no file {path}")
    return MediaError("unreadable", f"{path} cannot be read: {os.strerror(code or errno.EIO)}")
