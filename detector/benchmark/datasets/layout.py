"""What a dataset's layout on disk is: how to tell it, and what reads it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from detector.media import find_media
from detector.types import Sample


@dataclass(frozen=True)
class Layout:
    """One way in which a dataset lies on disk.

    Attributes:
        read: the samples below a root. Raises `ConfigError` where the root is none of this layout or is incomplete in
            a way that would make the figures wrong.
        looks_like: whether a root is of this layout; looks at a few names only, never at a picture.
        marks: what tells it, in words: "manipulated_sequences/ beside original_sequences/".
        card: the file in data/ that describes the dataset.
    """

    read: Callable[[Path], list[Sample]]
    looks_like: Callable[[Path], bool]
    marks: str
    card: str = "README.md"


def origin(sample: Sample) -> str:
    """What the sample's traces come from: the generator of a fake, the source of a real face."""
    return sample.generator if sample.label else sample.source


def leaks(samples: Sequence[Sample]) -> dict[str, tuple[str, ...]]:
    """The groups that lie in more than one split, each with its splits: a classifier would know them by heart."""
    splits: defaultdict[str, set[str]] = defaultdict(set)
    for sample in samples:
        splits[sample.group].add(sample.split)
    return {group: tuple(sorted(found)) for group, found in splits.items() if len(found) > 1}


def portable(path: str) -> str:
    """A path with / between its parts, whichever system wrote it."""
    return PureWindowsPath(path).as_posix()


def media_below(folder: Path) -> Iterator[Path]:
    """The pictures and videos below a folder, in natural order; none where there is no such folder."""
    if folder.is_dir():
        yield from (path for path in find_media([str(folder)]) if path.is_file())
