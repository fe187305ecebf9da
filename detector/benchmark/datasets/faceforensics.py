"""FaceForensics++ (Rössler et al., ICCV 2019), FaceShifter's part of it, and its tree of sequences."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from detector.benchmark.datasets.footage import fake, listed_clips, read_json, real, samples_of
from detector.benchmark.datasets.layout import Layout
from detector.errors import ConfigError
from detector.types import Sample

DATASET = "faceforensics"
ORIGINALS = "original_sequences"
FAKES = "manipulated_sequences"
CLASSIC = ("Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures")
FACESHIFTER = "FaceShifter"
SPLITS = ("train", "val", "test")
SPLIT_FOLDERS = (".", "splits", "dataset/splits")
COMPRESSIONS = {"": ("raw", "c0", "c23", "c40"), "-c0": ("raw", "c0"), "-c23": ("c23",), "-c40": ("c40",)}
"""What a layout's name ends with, and which folders of compression it reads."""


class Sequences(NamedTuple):
    """The clips of one kind at one compression: where they lie, and whether they are fake."""

    name: str
    compression: str
    folder: Path
    fake: bool

    @property
    def source(self) -> str:
        """One history of codecs."""
        return f"{self.name}/{self.compression}"


class Place(NamedTuple):
    """Where a clip belongs."""

    group: str
    split: str


def read_faceforensics(root: Path, manipulations: tuple[str, ...], compressions: tuple[str, ...]) -> list[Sample]:
    """Originals and manipulations in the official split; a swap, its reverse and both originals are one group.

    Every clip that the split files name is a sample, in each manipulation and compression that is there at all.

    Raises:
        ConfigError: a split file is missing or damaged, fakes lie there without originals of their compression, or a
            clip is in no split.
    """
    found = sequences(root, "youtube", manipulations, compressions)
    places = read_places(root)
    return [sample for kind in found for sample in _samples(root, kind, places)]


def sequences(
    root: Path, originals: str, manipulations: tuple[str, ...], compressions: tuple[str, ...]
) -> list[Sequences]:
    """The originals, then the manipulations. Originals at a compression that no fake has are left out: they would
    only show how the classes were compressed.

    Raises:
        ConfigError: there are no fakes, or some without originals of their compression.
    """
    fakes = list(_present(root / FAKES, manipulations, compressions, True))
    used = {kind.compression for kind in fakes}
    reals = [kind for kind in _present(root / ORIGINALS, (originals,), compressions, False) if kind.compression in used]
    alone = used - {kind.compression for kind in reals}
    if not fakes or alone:
        raise ConfigError(
            f"{root}: expected {FAKES}/<{' or '.join(manipulations)}>/<{' or '.join(compressions)}>/videos and"
            f" {ORIGINALS}/{originals} of the same compression; "
            + (f"there are no originals of {', '.join(sorted(alone))}" if alone else "there are no such fakes")
        )
    return [*reals, *fakes]


def has_sequences(root: Path, originals: str, manipulations: tuple[str, ...], compressions: tuple[str, ...]) -> bool:
    """Whether `sequences` finds what it needs."""
    try:
        return bool(sequences(root, originals, manipulations, compressions))
    except ConfigError:
        return False


def read_places(root: Path) -> dict[str, Place]:
    """The group and split of every clip that the split files name, originals ("000") and swaps ("000_003")."""
    folder = next((root / name for name in SPLIT_FOLDERS if (root / name / "test.json").is_file()), root)
    places: dict[str, Place] = {}
    for split in SPLITS:
        path = folder / f"{split}.json"
        for one, other in _pairs(path):
            place = Place(f"{DATASET}/{min(one, other)}+{max(one, other)}", split)
            for name in (one, other, f"{one}_{other}", f"{other}_{one}"):
                if name in places:
                    raise ConfigError(f"{path}: {name} is in {places[name].split}.json too; expected each clip once")
                places[name] = place
    return places


def _present(top: Path, names: tuple[str, ...], compressions: tuple[str, ...], faked: bool) -> Iterator[Sequences]:
    for name in names:
        for compression in compressions:
            if (folder := top / name / compression).is_dir():
                yield Sequences(name, compression, folder, faked)


def _pairs(path: Path) -> list[tuple[str, str]]:
    expected = 'an official split file of FaceForensics++, a list of pairs like ["071", "054"], here or in splits/'
    rows: Any = read_json(path, expected)
    if not isinstance(rows, list) or not all(isinstance(row, list) and len(row) == 2 for row in rows):
        raise ConfigError(f"{path}: expected {expected}")
    return [(str(one), str(other)) for one, other in rows]


def _samples(root: Path, kind: Sequences, places: dict[str, Place]) -> Iterator[Sample]:
    listed = {name: Path("videos", f"{name}.mp4") for name in places if ("_" in name) == kind.fake}
    for name, files in listed_clips(kind.folder, listed, "train.json, val.json or test.json"):
        about = fake(kind.name, kind.source, *places[name]) if kind.fake else real(kind.source, *places[name])
        yield from samples_of(files, root, DATASET, about)


def _layouts(dataset: str, manipulations: tuple[str, ...], told_by: tuple[str, ...]) -> dict[str, Layout]:
    return {
        dataset + ending: Layout(
            partial(read_faceforensics, manipulations=manipulations, compressions=compressions),
            partial(has_sequences, originals="youtube", manipulations=told_by, compressions=compressions),
            f"{FAKES}/{told_by[0]}/ beside {ORIGINALS}/youtube/, with {' or '.join(compressions)} in both",
            f"{dataset}.md",
        )
        for ending, compressions in COMPRESSIONS.items()
    }


LAYOUTS = {
    **_layouts(DATASET, (*CLASSIC, FACESHIFTER), CLASSIC),
    **_layouts("faceshifter", (FACESHIFTER,), (FACESHIFTER,)),
}
"""FaceForensics++ with every manipulation that is there, and FaceShifter alone."""
