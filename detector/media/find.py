"""Files, folders and globs to a list of files."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from detector.errors import MediaError
from detector.media.kinds import HEAD, SUFFIXES, tell_format


def find_media(patterns: Sequence[str]) -> list[Path]:
    """The files that patterns name: in the order of the patterns, each once, in natural order within one.

    A folder stands for the media below it (told by content or by extension; hidden ones are left out), links are
    followed and loops of links are not. What names nothing, such as a glob without a match or a folder without
    media, is returned as it is, so that its report says why there is no score.

    Args:
        patterns: files, folders and globs (`**` goes down into folders).
    """
    found: dict[str, Path] = {}
    for pattern in patterns:
        for path in _expand(pattern):
            found.setdefault(os.path.realpath(path), path)
    return list(found.values())


def _expand(pattern: str) -> list[Path]:
    path = Path(pattern)
    if not os.path.lexists(path):  # a name may hold brackets of its own
        matches = sorted(glob.glob(pattern, recursive=True), key=natural)  # noqa: PTH207 (Path.glob needs a relative pattern)
        files = [file for match in matches for file in _files(Path(match))]
    else:
        files = _files(path)
    return files or [path]


def _files(path: Path) -> list[Path]:
    return sorted(_below(path), key=natural) if path.is_dir() else [path]


def _below(folder: Path) -> Iterator[Path]:
    seen: set[str] = set()
    unreadable: list[Path] = []
    for root, names, files in os.walk(folder, followlinks=True, onerror=lambda e: unreadable.append(Path(e.filename))):
        names[:] = [name for name in _visible(names) if not _entered(Path(root, name), seen)]
        yield from (Path(root, name) for name in _visible(files) if _is_media(Path(root, name)))
    yield from unreadable


def _visible(names: Iterable[str]) -> list[str]:
    return [name for name in names if not name.startswith(".")]


def _entered(folder: Path, seen: set[str]) -> bool:
    """Whether a folder was entered before; it counts as entered from now on."""
    real = os.path.realpath(folder)
    before = real in seen
    seen.add(real)
    return before


def _is_media(path: Path) -> bool:
    """By extension, so that a damaged picture is reported, or by content, so that a nameless one is found."""
    if path.suffix.lower() in SUFFIXES:
        return True
    try:
        with path.open("rb") as stream:
            tell_format(stream.read(HEAD))
    except (OSError, MediaError):
        return False
    return True


def natural(path: str | Path) -> list[tuple[int, int | str]]:
    """A key that sorts frame2 before frame10."""
    parts = re.split(r"(\d+)", str(path))
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts]
