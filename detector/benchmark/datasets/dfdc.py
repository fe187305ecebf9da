"""The Deepfake Detection Challenge (Dolhansky et al., 2020) and its preview (2019)."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detector.benchmark.datasets.footage import (
    clip_name,
    fake,
    listed_clips,
    read_json,
    read_text,
    real,
    samples_of,
)
from detector.benchmark.datasets.layout import Layout, portable
from detector.errors import ConfigError
from detector.types import Sample

DATASET = "dfdc"
PREVIEW = "dfdc-preview"
METADATA = "metadata.json"
LABELS_CSV = "labels.csv"
PREVIEW_LIST = "dataset.json"
LABELS = {"real": 0, "fake": 1, "0": 0, "1": 1}
SPLITS = {"train": "train", "validation": "val", "test": "test"}
"""What a folder's name says of the split of its clips, where its list does not."""
EXPECTED = "the list of a part of DFDC, what each file is"


@dataclass(frozen=True)
class Entry:
    """What a list says of one clip.

    Attributes:
        where: the list and the name in it, for messages.
        path: the video's path from the list's folder.
        told: what is said of it.
    """

    where: str
    path: Path
    told: Mapping[str, Any]

    @property
    def label(self) -> int:
        """1 for fake. Raises `ConfigError` where the list does not say."""
        told = self.told.get("label", self.told.get("is_fake"))
        if (label := LABELS.get(str(told).lower())) is None:
            raise ConfigError(f"{self.where}: label: expected one of {', '.join(LABELS)}, got {told!r}")
        return label


def read_dfdc(root: Path) -> list[Sample]:
    """Every part with a list: metadata.json of a training part, and metadata.json or labels.csv of a test set.

    A fake is of its original's group; a clip whose original is not told is a group of its own. Every clip that a list
    names is a sample, whether it is there or not.

    Raises:
        ConfigError: there is no list, one is damaged, its clips are not there, or a clip has no label.
    """
    lists = _lists(root)
    if not lists:
        raise ConfigError(f"{root}: expected dfdc_train_part_*/{METADATA}, or test/{LABELS_CSV}; found neither")
    return [
        sample
        for path in lists
        for entry, files in _clips(path)
        for sample in samples_of(files, root, DATASET, _about(entry, SPLITS.get(path.parent.name, "test")))
    ]


def read_preview(root: Path) -> list[Sample]:
    """What dataset.json names, in its split, whether it is there or not; a group is the person whose clip it is.

    The face swapped into a clip is another person's, who has clips of their own.

    Raises:
        ConfigError: the list is missing or damaged, its clips are not there, or one has no label, set or person.
    """
    return [
        sample
        for entry, files in _clips(root / PREVIEW_LIST)
        for sample in samples_of(files, root, PREVIEW, _about_preview(entry))
    ]


def _lists(root: Path) -> list[Path]:
    """The list of each part: where a part has both, metadata.json says more."""
    homes = [root, *_folders(root), *_folders(root / "train")]
    found = ([path for path in (home / METADATA, home / LABELS_CSV) if path.is_file()] for home in homes)
    return [lists[0] for lists in found if lists]


def _folders(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []


def _clips(path: Path) -> Iterator[tuple[Entry, list[Path]]]:
    """What a list names, each with its files."""
    entries = {clip_name(entry.path.with_suffix("")): entry for entry in _entries(path)}
    listed = {name: entry.path for name, entry in entries.items()}
    for name, files in listed_clips(path.parent, listed, path.name):
        yield entries[name], files


def _entries(path: Path) -> list[Entry]:
    rows = _csv_rows(path) if path.suffix == ".csv" else _json_rows(path)
    return [Entry(f"{path}: {name}", Path(portable(name)), told) for name, told in rows]


def _csv_rows(path: Path) -> list[tuple[str, dict[str, Any]]]:
    rows = list(csv.DictReader(read_text(path, EXPECTED).splitlines()))
    if not rows or not {"filename", "label"} <= rows[0].keys():
        raise ConfigError(f"{path}: expected {EXPECTED}, with the columns filename and label")
    return [(row["filename"], dict(row)) for row in rows]


def _json_rows(path: Path) -> list[tuple[str, dict[str, Any]]]:
    entries = read_json(path, EXPECTED)
    if not isinstance(entries, dict) or not all(isinstance(told, dict) for told in entries.values()):
        raise ConfigError(f"{path}: expected {EXPECTED}, an object by file name")
    return list(entries.items())


def _about(entry: Entry, split: str) -> Sample:
    original = Path(portable(entry.told.get("original") or entry.path.name))
    group, split = f"{DATASET}/{original.stem}", entry.told.get("split") or split
    return fake(DATASET, DATASET, group, split) if entry.label else real(DATASET, group, split)


def _about_preview(entry: Entry) -> Sample:
    parts, split = entry.path.parts, SPLITS.get(str(entry.told.get("set")))
    if len(parts) < 3 or split is None:
        raise ConfigError(f"{entry.where}: expected method/person/.../clip and a set, train or test; got {entry.told}")
    group = f"{PREVIEW}/{parts[1]}"
    return fake(parts[0], PREVIEW, group, split) if entry.label else real(PREVIEW, group, split)


def _looks_like(root: Path) -> bool:
    training = any(path.parent.name.startswith("dfdc_train_part") for path in _lists(root))
    return training or any(
        (home / LABELS_CSV).is_file() and (home / "videos").is_dir() for home in (root, root / "test")
    )


def _looks_like_preview(root: Path) -> bool:
    return (root / PREVIEW_LIST).is_file() and (root / "original_videos").is_dir()


LAYOUTS = {
    DATASET: Layout(
        read_dfdc, _looks_like, f"dfdc_train_part_*/{METADATA}, or {LABELS_CSV} beside videos/ in test/", "dfdc.md"
    ),
    PREVIEW: Layout(read_preview, _looks_like_preview, f"{PREVIEW_LIST} beside original_videos/", "dfdc-preview.md"),
}
"""The challenge's training parts and test sets, and the preview."""
