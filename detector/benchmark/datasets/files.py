"""The files of a dataset as they lie on disk: their sizes, their formats, and which of them are the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from detector.errors import MediaError
from detector.media.kinds import HEAD, Format, mislabelled, tell_format
from detector.types import Sample
from detector.weights import sha256


@dataclass(frozen=True)
class File:
    """What a file is by its first bytes.

    Attributes:
        size: in bytes; None where there is no file that can be opened.
        format: None where it is none that is read here.
        warning: what is wrong with its extension; None where nothing is.
    """

    size: int | None
    format: Format | None = None
    warning: str | None = None


def look(samples: Sequence[Sample]) -> dict[str, File]:
    """Every file that the samples name, by its path; of each only the first `HEAD` bytes are read."""
    paths = dict.fromkeys(sample.path for sample in samples)
    return {path: _file(Path(path)) for path in tqdm(paths, desc="files", unit="file", disable=None)}


def copies(samples: Sequence[Sample], files: Mapping[str, File]) -> list[list[Sample]]:
    """The samples of each content (SHA-256) that lies in several splits or in both classes.

    Only files of one size can be copies, so that only those are read to their end.

    Args:
        samples: all of a dataset.
        files: what `look` says of them; those that are not there or empty are left out.

    Raises:
        MediaError: unreadable, where a file ends in a fault.
    """
    there = [sample for sample in samples if files[sample.path].size]
    suspects = [sample for some in _apart(there, lambda one: files[one.path].size) for sample in some]
    paths = dict.fromkeys(sample.path for sample in suspects)
    digests = {path: _digest(path) for path in tqdm(paths, desc="contents", unit="file", disable=None)}
    return _apart(suspects, lambda one: digests[one.path])


def _file(path: Path) -> File:
    try:
        if not path.is_file():  # to open a pipe would wait for ever
            return File(None)
        with path.open("rb") as stream:
            size, head = path.stat().st_size, stream.read(HEAD)
    except (OSError, ValueError):  # a name with a NUL in it is a ValueError
        return File(None)
    try:
        found = tell_format(head)
    except MediaError:
        return File(size)
    return File(size, found, mislabelled(path.suffix.lower(), found))


def _apart(samples: Iterable[Sample], key: Callable[[Sample], Hashable]) -> list[list[Sample]]:
    """The samples of each key under which they are not all of one split and class."""
    found: defaultdict[Hashable, list[Sample]] = defaultdict(list)
    for sample in samples:
        found[key(sample)].append(sample)
    return [some for some in found.values() if len({(one.split, one.label) for one in some}) > 1]


def _digest(path: str) -> str:
    try:
        return sha256(Path(path))
    except OSError as error:
        raise MediaError("unreadable", f"{path}: cannot be read to its end: {error.strerror}") from error
