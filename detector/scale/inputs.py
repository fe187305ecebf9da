"""What is to be scored: files, folders and globs, here or behind a URL, and manifests that list them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, TypeVar

from detector.errors import ConfigError, UsageError
from detector.media import find_media
from detector.media.find import natural
from detector.media.kinds import SUFFIXES

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

T = TypeVar("T")
COLUMN = "path"


def find_inputs(patterns: Sequence[str]) -> list[str]:
    """The files that patterns name, each once, in the order of the patterns.

    Args:
        patterns: files, folders and globs as `find_media` takes them; the same behind a URL that fsspec knows
            (``s3://bucket/folder``, ``gs://bucket/**/*.jpg``), where a folder stands for what ends like media below
            it; and manifests: CSV files, here or behind a URL, whose column ``path`` names files from the manifest's
            own folder on.

    Raises:
        ConfigError: a manifest that cannot be read or has no such column.
        UsageError: a URL whose kind nobody here knows, or that does not let itself be listed.
    """
    return list(dict.fromkeys(path for pattern in patterns for path in _expand(pattern)))


def is_url(path: str) -> bool:
    """Whether fsspec is to open it."""
    return "://" in path


def file_system(url: str) -> tuple[AbstractFileSystem, str]:
    """Who opens a URL, and what it is called there.

    Raises:
        UsageError: nobody does; a package may be missing.
    """
    return _asked(url, lambda: _url_to_fs(url))


def _url_to_fs(url: str) -> tuple[AbstractFileSystem, str]:
    from fsspec.core import url_to_fs

    found: tuple[AbstractFileSystem, str] = url_to_fs(url)
    return found


def _expand(pattern: str) -> list[str]:
    if PurePosixPath(pattern).suffix.lower() == ".csv":
        return list(_listed(pattern))
    return _behind(pattern) if is_url(pattern) else [str(path) for path in find_media([pattern])]


def _behind(url: str) -> list[str]:
    """What a URL names; itself where it names nothing, so that its row says so."""
    system, name = file_system(url)
    found = _asked(url, lambda: _found(system, name))
    return [str(system.unstrip_protocol(one)) for one in sorted(found, key=natural)] or [url]


def _found(system: AbstractFileSystem, name: str) -> list[str]:
    if system.isfile(name):  # a name may hold brackets of its own
        return [name]
    matches: list[str] = system.glob(name) if any(letter in name for letter in "*?[") else [name]
    return [file for match in matches for file in ([match] if system.isfile(match) else _below(system, match))]


def _below(system: AbstractFileSystem, folder: str) -> list[str]:
    return [file for file in system.find(folder) if PurePosixPath(file).suffix.lower() in SUFFIXES]


def _listed(manifest: str) -> Iterator[str]:
    reader = csv.DictReader(io.StringIO(_text(manifest), newline=""))
    if COLUMN not in (reader.fieldnames or ()):
        raise ConfigError(
            f"{manifest}: expected a column {COLUMN!r}, got {', '.join(reader.fieldnames or ['nothing'])}"
        )
    folder = manifest.rpartition("/")[0] if is_url(manifest) else str(Path(manifest).parent)
    for row in reader:
        yield _from(folder, (row[COLUMN] or "").replace("\\", "/"))


def _from(folder: str, path: str) -> str:
    if is_url(path):
        return path
    return f"{folder}/{path}" if is_url(folder) else str(Path(folder, path))


def _text(manifest: str) -> str:
    try:
        if is_url(manifest):
            system, name = file_system(manifest)
            return bytes(_asked(manifest, lambda: system.cat_file(name))).decode("utf-8-sig")
        return Path(manifest).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{manifest}: expected a CSV manifest: {error}") from error


def _asked(url: str, ask: Callable[[], T]) -> T:
    """What storage answers; whatever it raises, in one line. Every kind of storage has errors of its own."""
    try:
        return ask()
    except ImportError as error:
        raise UsageError(f"{url}: a package is missing: {error}") from error
    except Exception as error:
        raise UsageError(f"{url}: it cannot be listed: {error}") from error
