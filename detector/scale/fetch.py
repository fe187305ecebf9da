"""A file within reach: itself where it is here, a copy that lasts for a moment where it is behind a URL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import NamedTemporaryFile
from typing import IO

from detector.errors import MediaError
from detector.media import MediaLimits
from detector.media.limits import Stopwatch
from detector.media.source import CHUNK
from detector.scale.inputs import file_system, is_url


@contextmanager
def fetched(path: str, limits: MediaLimits) -> Iterator[Path]:
    """The file, for as long as the context lasts.

    A copy keeps the extension: the warning about one that lies depends on it.

    Raises:
        MediaError: behind a URL: not_found, unreadable, too_many_bytes or timeout.
    """
    if not is_url(path):
        yield Path(path)
        return
    system, name = file_system(path)
    with NamedTemporaryFile(prefix="detector-", suffix=PurePosixPath(name).suffix) as copy:
        try:
            with system.open(name, "rb") as stream:
                _copy(stream, copy.file, limits)
        except FileNotFoundError as error:
            raise MediaError("not_found", f"there is no file {path}") from error
        except PermissionError as error:
            raise MediaError("unreadable", f"{path} cannot be read: permission denied") from error
        yield Path(copy.name)


def _copy(stream: IO[bytes], copy: IO[bytes], limits: MediaLimits) -> None:
    """Copy until the end or a limit; `Stopwatch` and the size are checked at every step."""
    watch, size = Stopwatch(limits.timeout_s), 0
    while chunk := stream.read(CHUNK):
        watch.check()
        size += len(chunk)
        if size > limits.max_bytes:
            raise MediaError(
                "too_many_bytes", f"expected at most {limits.max_bytes:,} bytes, got more; raise max_bytes"
            )
        copy.write(chunk)
    copy.flush()
