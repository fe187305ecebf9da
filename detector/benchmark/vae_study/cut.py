"""Faces of a dataset after one strict history each, cut once and kept: many models are then run over the same crops."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import detector
from detector.benchmark.datasets import origin
from detector.benchmark.extraction.code import CODE
from detector.benchmark.histories.history import STRICT, apply_history
from detector.errors import MediaError
from detector.faces import FaceDetector, FaceLimits, concat_crops, crop_faces, unusable
from detector.media import open_media
from detector.types import Crops, Sample

CHUNK = 24
"""Pictures in a file."""
Arrays = dict[str, Any]


@dataclass(frozen=True, eq=False)
class CutFaces:
    """The crops of some pictures.

    Attributes:
        samples: F pictures, those whose largest face could be judged.
        crops: of these faces; `Crops.faces` counts `samples`.
        key: of all that they depend on.
    """

    samples: tuple[Sample, ...]
    crops: Crops
    key: str


def thinned(samples: Sequence[Sample], most: Mapping[str, int]) -> list[Sample]:
    """Of each origin in `most` at most so many samples, evenly taken; of another none."""
    kept: list[Sample] = []
    for name, count in most.items():
        own = [sample for sample in samples if origin(sample) == name]
        kept += [own[int(place)] for place in np.linspace(0, len(own), min(count, len(own)), endpoint=False)]
    return kept


def cut_faces(samples: Sequence[Sample], detect: FaceDetector, size: int, folder: Path) -> Iterator[CutFaces]:
    """The largest face of each picture under `STRICT`, chunk by chunk; cut now, or read where an earlier run has cut.

    Args:
        samples: the pictures; of a video, the first frame.
        detect: finds the faces.
        size: side of a crop in px.
        folder: where finished chunks are kept.
    """
    for start in range(0, len(samples), CHUNK):
        some = samples[start : start + CHUNK]
        key = digest(*(f"{sample.group} {sample.path}" for sample in some), detect.name, detect.version, str(size))
        kept = cached(folder / f"{key}.npz", lambda some=some: _cut(some, detect, size))  # type: ignore[misc]
        rows = kept.pop("rows")
        yield CutFaces(tuple(some[row] for row in rows), Crops(**kept), key)


def cached(path: Path, make: Callable[[], Arrays]) -> Arrays:
    """The arrays in a file; made first, and the file written whole or not at all, where it is not there."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".part")
        with partial.open("wb") as file:
            np.savez(file, **make())
        partial.rename(path)
    with np.load(path, allow_pickle=False) as kept:
        return dict(kept)


def digest(*words: str) -> str:
    """A short name for some words and for the code that features and crops depend on."""
    return hashlib.sha256("\n".join([*words, _code()]).encode()).hexdigest()[:24]


def _cut(samples: Sequence[Sample], detect: FaceDetector, size: int) -> Arrays:
    parts, rows = [], []
    for row, sample in enumerate(samples):
        try:
            frame = next(iter(open_media(Path(sample.path)).frames()))
        except MediaError:
            continue
        for face in detect([frame])[0][:1]:
            made, moved = apply_history(frame, face, STRICT, _rng(sample))
            if not unusable(made, moved, FaceLimits()):
                parts.append(crop_faces(made, [moved], size))
                rows.append(row)
    faces = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    crops = concat_crops(parts, size)
    return {**vars(crops), "faces": faces, "rows": np.array(rows, np.int64)}


def _rng(sample: Sample) -> np.random.Generator:
    """Draws that depend on the picture alone, not on what else is cut."""
    words = f"{sample.group}/{Path(sample.path).name}"
    return np.random.default_rng(int.from_bytes(hashlib.sha256(words.encode()).digest()[:8], "big"))


@cache
def _code() -> str:
    package = Path(detector.__file__).parent
    files = sorted(file for part in CODE for file in [package / part, *(package / part).glob("*.py")] if file.is_file())
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
