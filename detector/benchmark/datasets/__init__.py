"""Datasets on disk -> samples: what each file is, and which files must stay together."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PureWindowsPath

from detector.errors import ConfigError, UnknownNameError
from detector.media import find_media
from detector.types import Sample

LABELS = {"real": 0, "fake": 1, "0": 0, "1": 1}
COLUMNS = ("path", "label", "generator", "set", "group", "split")


def load_dataset(kind: str, path: Path) -> list[Sample]:
    """Read a dataset.

    Args:
        kind: an entry of `DATASETS`.
        path: what that entry reads.

    Raises:
        UnknownNameError: no entry has that name.
        ConfigError: what is there is not what that entry reads.
    """
    if kind not in DATASETS:
        raise UnknownNameError("dataset kind", kind, DATASETS)
    return DATASETS[kind](path)


def from_manifest(path: Path) -> list[Sample]:
    """Samples of a CSV file with the `COLUMNS`; paths are relative to its folder, with / or \\ between the parts.

    Labels are "real" and "fake", or 0 and 1. Other columns are allowed.
    """
    try:
        with path.open(newline="", encoding="utf-8") as lines:
            rows = csv.DictReader(lines)
            if missing := [name for name in COLUMNS if name not in (rows.fieldnames or ())]:
                raise ConfigError(f"{path}: expected the columns {', '.join(COLUMNS)}; missing {', '.join(missing)}")
            return [_sample(path, number, row) for number, row in enumerate(rows, 2)]
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; expected a CSV manifest") from error


def from_folder(path: Path) -> list[Sample]:
    """Samples of a folder that holds ``real/`` and ``fake/<generator>/``, searched recursively.

    Every file is a group of its own, and all are of the split "test": nothing says which belong together.
    """
    samples = [*_below(path / "real", path, 0, "camera"), *_fakes(path / "fake", path)]
    if not samples:
        raise ConfigError(f"{path}: expected pictures below real/ or fake/<generator>/, found none")
    return samples


DATASETS: dict[str, Callable[[Path], list[Sample]]] = {"manifest": from_manifest, "folder": from_folder}
"""Each layout of a dataset: its name, and what reads it."""


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


def _sample(manifest: Path, number: int, row: dict[str, str]) -> Sample:
    if row["label"] not in LABELS:
        raise ConfigError(
            f"{manifest}, line {number}: label: expected one of {', '.join(LABELS)}, got {row['label']!r}"
        )
    return Sample(
        path=str(manifest.parent / portable(row["path"])),
        label=LABELS[row["label"]],
        generator=row["generator"],
        source=row["set"],
        group=row["group"],
        split=row["split"],
    )


def _fakes(folder: Path, root: Path) -> Iterator[Sample]:
    for generator in sorted(folder.iterdir()) if folder.is_dir() else ():
        if generator.is_dir():
            yield from _below(generator, root, 1, generator.name)


def _below(folder: Path, root: Path, label: int, generator: str) -> Iterator[Sample]:
    for path in find_media([str(folder)]) if folder.is_dir() else ():
        name = path.relative_to(root).as_posix()
        yield Sample(str(path), label, generator, folder.relative_to(root).as_posix(), name, "test")
