"""The files of one request, on their way into the spool, within the limits while they come."""

from __future__ import annotations

import errno
import unicodedata
from typing import TYPE_CHECKING

from detector.errors import MediaError
from detector.media.kinds import tell_format
from detector.service.problems import Problem
from detector.service.records import Upload
from detector.service.settings import Limits
from detector.types import MediaKind

if TYPE_CHECKING:
    from detector.service.spool import Spool, Writer

NAMELESS = "upload"
MOST_CHARACTERS = 200
FRAMING = 64 * 1024
"""Bytes that the boundaries and headers of a multipart body may take."""
SPARE = 64 * 1024**2
"""Bytes of the disk that uploads leave free: the database and the pictures need some."""
LOOK_EVERY = 64 * 1024
"""After so many bytes it is looked again how much is free: others write at the same time. A thousand of them, as many
as `Limits.requests` lets in, so take no more than `SPARE` between two looks."""
FULL = "the disk of the service is full; try again later, and tell who runs it"


class Intake:
    """Close it at the end of the request: then nothing is left on disk unless it was handed over.

    Args:
        spool: where the files go.
        limits: of bytes.
        files: how many there may be.
        images_only: whether a video is refused.

    Attributes:
        uploads: the files that have come whole.
    """

    def __init__(self, spool: Spool, limits: Limits, files: int, images_only: bool) -> None:
        self._spool, self._limits, self._files, self._images_only = spool, limits, files, images_only
        self._writer: Writer | None = None
        self._name = NAMELESS
        self._unlooked = 0
        self.uploads: list[Upload] = []

    def check_length(self, length: int) -> None:
        """Refuse a body that says itself that it is too large, before any of it is read.

        Raises:
            Problem: too-large; not-ready, the disk has no room.
        """
        limit = self._files * max(self._limits.image_bytes, 0 if self._images_only else self._limits.video_bytes)
        if length > limit + FRAMING:
            detail = f"expected a body of at most {limit:,} bytes, the request says {length:,}; send less at once"
            raise Problem("too-large", detail, field="Content-Length", limit=limit, value=length)
        self._check_room(length)

    def begin(self, name: str) -> None:
        """A file begins.

        Raises:
            Problem: too-large, there are too many.
        """
        if len(self.uploads) == self._files:
            detail = f"expected at most {self._files} files in the request, there are more"
            raise Problem("too-large", detail, field="file", limit=self._files, value=self._files + 1)
        self._name = displayed(name)
        self._writer = self._spool.writer()

    def write(self, chunk: bytes) -> None:
        """Some more of it.

        Raises:
            Problem: too-large; wrong-type, a video where only images are taken; not-ready, the disk is full.
        """
        writer = self._begun()
        self._unlooked += len(chunk)
        if self._unlooked >= LOOK_EVERY:
            self._unlooked = 0
            self._check_room(len(chunk))
        try:
            writer.write(chunk)
        except OSError as error:
            raise _of_disk(error) from error
        self._check(writer)

    def end(self) -> None:
        """The file is whole.

        Raises:
            Problem: invalid, it is empty; not-ready, the disk is full.
        """
        writer = self._begun()
        if not writer.size:
            raise Problem("invalid", "expected a file, got no bytes", field="file", limit=1, value=0)
        try:
            blob = writer.keep()
        except OSError as error:
            raise _of_disk(error) from error
        self.uploads.append(Upload(self._name, blob, writer.size, writer.sha256, _media(writer.head)))
        self._discard()

    def hand_over(self) -> None:
        """The files are somebody else's now."""
        self.uploads.clear()

    def close(self) -> None:
        """Delete what is left."""
        self._discard()
        for upload in self.uploads:
            self._spool.delete(upload.blob)

    def _begun(self) -> Writer:
        if self._writer is None:
            raise RuntimeError("expected a file to have begun")
        return self._writer

    def _discard(self) -> None:
        if self._writer is not None:
            self._writer.__exit__(None, None, None)
            self._writer = None

    def _check_room(self, more: int) -> None:
        if more + SPARE > self._spool.free_bytes():
            raise Problem("not-ready", FULL, retry_after_s=60)

    def _check(self, writer: Writer) -> None:
        is_video = _media(writer.head) == "video"
        if is_video and self._images_only:
            detail = "expected an image, got a video; send videos to /v1/jobs"
            raise Problem("wrong-type", detail, field="file", value=tell_format(writer.head).name)
        limit = self._limits.video_bytes if is_video else self._limits.image_bytes
        if writer.size > limit:
            what = "a video" if is_video else "an image"
            detail = f"expected {what} of at most {limit:,} bytes, got more; send a smaller one"
            raise Problem("too-large", detail, field="file", limit=limit, value=writer.size)


def displayed(name: str) -> str:
    """A client's name for a file as people may see it: no folders, nothing unprintable, at most 200 characters.

    It is shown, and never used as a path. What Unicode calls a control, a format (that turns the reading direction) or
    half a pair goes.
    """
    base = name.replace("\\", "/").rsplit("/", 1)[-1]
    printable = "".join(letter for letter in base if not unicodedata.category(letter).startswith("C"))
    return printable.strip()[:MOST_CHARACTERS] or NAMELESS


def _media(head: bytes) -> MediaKind:
    """By a file's first bytes. What is not known is let in: the report says so then, as the command's does."""
    try:
        return tell_format(head).kind
    except MediaError:
        return "unknown"


def _of_disk(error: OSError) -> Exception:
    return Problem("not-ready", FULL, retry_after_s=60) if error.errno in (errno.ENOSPC, errno.EDQUOT) else error
