"""ArtiFact: a folder with a metadata.csv for each real set and each generator."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from detector.benchmark.datasets.layout import Layout, portable
from detector.benchmark.datasets.tree import CAMERA, folders, need, whole
from detector.errors import ConfigError
from detector.types import Sample

COLUMNS = ("image_path", "target")


def from_artifact(root: Path) -> Iterator[Sample]:
    """ArtiFact (Rahman et al., ICIP 2023): ``<source>/metadata.csv`` with `COLUMNS`; target 0 is real, above is fake.

    Which number above 0 a fake has means nothing (the authors say so), so the generator is the folder. There are no
    splits, and nothing tells which pictures belong together: each is a group of its own.
    """
    for metadata in _metadata(root):
        try:
            yield from _samples(metadata)
        except (UnicodeDecodeError, csv.Error) as error:
            raise ConfigError(f"{metadata}: no CSV in UTF-8: {error}") from error


LAYOUTS = {
    "artifact": Layout(
        whole(from_artifact, "<source>/metadata.csv"),
        lambda root: next(_metadata(root), None) is not None,
        "<source>/metadata.csv",
        "artifact.md",
    )
}
"""The layouts that are read here."""


def _metadata(root: Path) -> Iterator[Path]:
    return (file for folder in folders(root) if (file := folder / "metadata.csv").is_file())


def _samples(metadata: Path) -> Iterator[Sample]:
    with metadata.open(newline="", encoding="utf-8-sig") as lines:
        rows = csv.DictReader(lines)
        if missing := [name for name in COLUMNS if name not in (rows.fieldnames or ())]:
            raise ConfigError(f"{metadata}: expected the columns {', '.join(COLUMNS)}; missing {', '.join(missing)}")
        for number, row in enumerate(rows, 2):
            sample = _sample(metadata, number, row)
            if number == 2:  # looking for each of 2.5 million files would take longer than it is worth
                need(Path(sample.path), f"the pictures that {metadata.name} lists beside it")
            yield sample


def _sample(metadata: Path, number: int, row: dict[str, str]) -> Sample:
    target, name = row["target"] or "", portable(row["image_path"] or "")
    if not (target.isdecimal() and name != "."):
        raise ConfigError(
            f"{metadata}, line {number}: expected image_path and a target of 0 or above, got "
            f"{row['image_path']!r} and {target!r}"
        )
    folder = metadata.parent
    generator = folder.name if int(target) else CAMERA
    source, group = f"artifact/{folder.name}", f"artifact/{folder.name}/{name}"
    return Sample(str(folder / name), int(generator != CAMERA), generator, source, group, "test")
