"""What the readers of folders share: subfolders, splits by their names, loose pictures, parts that are missing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from detector.benchmark.datasets.layout import media_below
from detector.errors import ConfigError
from detector.media.find import natural
from detector.types import Sample

CAMERA = "camera"
"""The generator of a real picture."""

SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
"""The split that a folder's name means."""


def folders(folder: Path) -> list[Path]:
    """The visible subfolders in natural order; none where there is no such folder."""
    if not folder.is_dir():
        return []
    return sorted((path for path in folder.iterdir() if path.is_dir() and path.name[0] != "."), key=natural)


def need(path: Path, why: str) -> Path:
    """The path itself.

    Raises:
        ConfigError: it is not there; `why` says what it is for.
    """
    if not path.exists():
        raise ConfigError(f"{path}: not found; expected {why}")
    return path


def whole(read: Callable[[Path], Iterator[Sample]], expected: str) -> Callable[[Path], list[Sample]]:
    """A reader that raises `ConfigError` where the root is no folder, or where a class has no picture at all."""

    def read_all(root: Path) -> list[Sample]:
        samples = list(read(root)) if root.is_dir() else []
        if missing := [word for label, word in enumerate(("real", "fake")) if label not in {s.label for s in samples}]:
            raise ConfigError(f"{root}: no {' and no '.join(missing)} pictures found; expected {expected}")
        return samples

    return read_all


def loose(folder: Path, base: Path, source: str, generator: str, split: str) -> Iterator[Sample]:
    """The pictures below a folder, each a group of its own, named by its path below `base`.

    Args:
        folder: where the pictures are.
        base: the root of the dataset.
        source: dataset/set; the dataset keeps the groups of two datasets apart.
        generator: `CAMERA` for real pictures.
        split: of all of them.
    """
    dataset = source.split("/", maxsplit=1)[0]
    for path in media_below(folder):
        group = f"{dataset}/{Path(os.path.relpath(path, base)).as_posix()}"
        yield Sample(str(path), int(generator != CAMERA), generator, source, group, split)
