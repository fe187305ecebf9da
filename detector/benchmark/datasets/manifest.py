"""A CSV manifest, and a plain folder: the layouts of data of one's own."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from detector.benchmark.datasets.layout import Layout, media_below, portable
from detector.errors import ConfigError
from detector.types import Sample

LABELS = {"real": 0, "fake": 1, "0": 0, "1": 1}
COLUMNS = ("path", "label", "generator", "set", "group", "split")


def from_manifest(path: Path) -> list[Sample]:
    """Samples of a CSV file with the `COLUMNS`; paths are relative to its folder, with / or \\ between the parts.

    Labels are "real" and "fake", or 0 and 1. A column "clip" names the clip that a picture is a frame of. Other
    columns are allowed.
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


LAYOUTS = {
    "manifest": Layout(from_manifest, lambda path: path.suffix.lower() == ".csv", "a .csv file"),
    "folder": Layout(
        from_folder, lambda path: (path / "real").is_dir() and (path / "fake").is_dir(), "real/ beside fake/"
    ),
}
"""The layouts of data of one's own."""


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
        clip=row.get("clip") or "",
    )


def _fakes(folder: Path, root: Path) -> Iterator[Sample]:
    for generator in sorted(folder.iterdir()) if folder.is_dir() else ():
        if generator.is_dir():
            yield from _below(generator, root, 1, generator.name)


def _below(folder: Path, root: Path, label: int, generator: str) -> Iterator[Sample]:
    for path in media_below(folder):
        name = path.relative_to(root).as_posix()
        yield Sample(str(path), label, generator, folder.relative_to(root).as_posix(), name, "test")
