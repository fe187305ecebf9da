"""A dataset to features, under one protocol for every picture: open, detect, give a history, crop, describe.

The work is done in chunks of pictures, each kept on disk under a key of all that it depends on: an interrupted run
goes on where it stopped, and a change of weights or code never meets stale numbers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

import detector
from detector.benchmark.baselines import BASELINES
from detector.benchmark.datasets import origin
from detector.benchmark.history import History, apply_history
from detector.errors import MediaError
from detector.faces import FaceDetector, FaceLimits, concat_crops, crop_faces, unusable
from detector.media import open_media
from detector.score.judge import describe
from detector.types import Face, FeatureTable, Frame, Sample
from detector.vae import Reconstructor
from detector.weights import sha256

CHUNK = 12
"""Pictures at a time."""
CODE = ("features", "faces/crops.py", "faces/limits.py", "benchmark/history.py", "benchmark/baselines.py")
"""What numbers depend on beside the models."""
OURS = "detector"
"""The name of our own features among the tables."""

Bools = npt.NDArray[np.bool_]
Words = npt.NDArray[np.str_]
Histories = Mapping[str, History | None]
"""Name to what is drawn from; None is the picture as it was found."""


@dataclass(frozen=True)
class Tools:
    """What turns pictures into numbers; of several face detectors, one is drawn for each picture and history."""

    detectors: tuple[FaceDetector, ...]
    reconstructors: tuple[Reconstructor, ...]
    baselines: tuple[str, ...] = tuple(BASELINES)

    @property
    def versions(self) -> dict[str, str]:
        """Every model, name -> version."""
        detectors = {model.name: model.version for model in self.detectors}
        return detectors | {model.name: model.version for model in self.reconstructors}


@dataclass(frozen=True, eq=False)
class Extract:
    """Rows of features: one for each picture and history whose face could be judged.

    Attributes:
        tables: `OURS` and the baselines, each with N rows.
        samples: (N,) what each row's picture is.
        histories: (N,) the name of each row's history.
        missed: (sample, name of the history, reason) of every row that could not be.
    """

    tables: dict[str, FeatureTable]
    samples: tuple[Sample, ...]
    histories: Words
    missed: tuple[tuple[Sample, str, str], ...] = ()

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """(N,) 1 for synthetic."""
        return np.array([sample.label for sample in self.samples], np.int64)

    @property
    def groups(self) -> Words:
        """(N,) identity or source clip."""
        return np.array([sample.group for sample in self.samples], np.str_)

    @property
    def origins(self) -> Words:
        """(N,) generator of a fake, source of a real face."""
        return np.array([origin(sample) for sample in self.samples], np.str_)

    def where(self, keep: Bools) -> Extract:
        """The rows where (N,) `keep` holds; what was missed stays."""
        tables = {name: FeatureTable(table.values[keep], table.names) for name, table in self.tables.items()}
        samples = tuple(sample for sample, kept in zip(self.samples, keep, strict=True) if kept)
        return replace(self, tables=tables, samples=samples, histories=self.histories[keep])


def extract(samples: Sequence[Sample], histories: Histories, tools: Tools, folder: Path, seed: int = 0) -> Extract:
    """The features of every sample under every history; of the largest face in each picture.

    Args:
        samples: the pictures; of a video, the first frame.
        histories: what is done to each of them.
        tools: detectors, reconstructors, baselines.
        folder: where finished chunks are kept.
        seed: of the histories. A picture's draws depend on it and on the picture's group alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    chunks = [samples[start : start + CHUNK] for start in range(0, len(samples), CHUNK)]
    return concat([_cached(chunk, histories, tools, folder, seed) for chunk in tqdm(chunks, desc="features")])


def concat(parts: Sequence[Extract]) -> Extract:
    """All rows in one; a part without rows has no tables, and only adds what it missed."""
    full = [part for part in parts if part.samples]
    return Extract(
        tables={
            name: FeatureTable(np.concatenate([part.tables[name].values for part in full]), table.names)
            for name, table in (full[0].tables if full else {}).items()
        },
        samples=tuple(sample for part in full for sample in part.samples),
        histories=np.concatenate([part.histories for part in full]) if full else np.empty(0, np.str_),
        missed=tuple(miss for part in parts for miss in part.missed),
    )


@dataclass(frozen=True, eq=False)
class _Met:
    """One face after one history."""

    sample: Sample
    history: str
    frame: Frame
    face: Face


def _describe(samples: Sequence[Sample], histories: Histories, tools: Tools, seed: int) -> Extract:
    missed: list[tuple[Sample, str, str]] = []
    met = [one for sample in samples for one in _meet(sample, histories, tools.detectors, seed, missed)]
    if not met:
        return Extract({}, (), np.empty(0, np.str_), tuple(missed))
    size = tools.reconstructors[0].size
    parts = [crop_faces(one.frame, [one.face], size) for one in met]
    numbered = [replace(part, faces=part.faces + row) for row, part in enumerate(parts)]
    table, _ = describe(concat_crops(numbered, size), tools.reconstructors)
    tables = {OURS: table}
    for name in tools.baselines:
        rows = [BASELINES[name](Path(one.sample.path), one.frame, one.face) for one in met]
        tables[name] = FeatureTable(np.array([list(row.values()) for row in rows], np.float32), tuple(rows[0]))
    return Extract(tables, tuple(one.sample for one in met), np.array([one.history for one in met]), tuple(missed))


def _meet(
    sample: Sample,
    histories: Histories,
    detectors: Sequence[FaceDetector],
    seed: int,
    missed: list[tuple[Sample, str, str]],
) -> Iterator[_Met]:
    """The largest face of a picture under every history; each detector looks once."""
    try:
        frame = next(iter(open_media(Path(sample.path)).frames()))
    except MediaError as error:
        missed += [(sample, name, error.reason) for name in histories]
        return
    found = [detect([frame])[0][:1] for detect in detectors]
    for name, history in histories.items():
        rng = _rng(seed, sample, name)
        faces = found[rng.integers(len(found))]
        made, moved = _made(frame, faces[0], history, rng) if faces else (frame, None)
        reason = "no_face" if moved is None else unusable(made, moved, FaceLimits())
        if moved is None or reason:
            missed.append((sample, name, str(reason)))
        else:
            yield _Met(sample, name, made, moved)


def _made(frame: Frame, face: Face, history: History | None, rng: np.random.Generator) -> tuple[Frame, Face]:
    return (frame, face) if history is None else apply_history(frame, face, history, rng)


def _rng(seed: int, sample: Sample, history: str) -> np.random.Generator:
    """Draws that depend on nothing but the seed, the picture and the history: not on order, machine or folder."""
    words = f"{seed}/{sample.group}/{Path(sample.path).name}/{history}"
    return np.random.default_rng(int.from_bytes(hashlib.sha256(words.encode()).digest()[:8], "big"))


def _cached(samples: Sequence[Sample], histories: Histories, tools: Tools, folder: Path, seed: int) -> Extract:
    """What `_describe` gives, or gave."""
    path = folder / f"{_key(samples, histories, tools, seed)}.npz"
    if path.exists():
        return _read(path, samples)
    done = _describe(samples, histories, tools, seed)
    places = {sample: place for place, sample in enumerate(samples)}
    missed = [(str(places[sample]), name, reason) for sample, name, reason in done.missed]
    arrays: dict[str, Any] = {
        "rows": np.array([places[sample] for sample in done.samples], np.int64),
        "histories": done.histories,
        "missed": np.array(missed, np.str_).reshape(-1, 3),
        **{f"values {name}": table.values for name, table in done.tables.items()},
        **{f"names {name}": np.array(table.names) for name, table in done.tables.items()},
    }
    partial = path.with_suffix(".part")
    with partial.open("wb") as file:
        np.savez(file, **arrays)
    partial.rename(path)
    return done


def _read(path: Path, samples: Sequence[Sample]) -> Extract:
    with np.load(path, allow_pickle=False) as kept:
        names = [key.removeprefix("values ") for key in kept if key.startswith("values ")]
        return Extract(
            tables={name: FeatureTable(kept[f"values {name}"], tuple(kept[f"names {name}"])) for name in names},
            samples=tuple(samples[row] for row in kept["rows"]),
            histories=kept["histories"],
            missed=tuple((samples[int(row)], str(name), str(reason)) for row, name, reason in kept["missed"]),
        )


def _key(samples: Sequence[Sample], histories: Histories, tools: Tools, seed: int) -> str:
    parts = [
        *(f"{sample.group} {Path(sample.path).name} {sha256(Path(sample.path))}" for sample in samples),
        *(f"{name} {history}" for name, history in histories.items()),
        *(f"{name} {version}" for name, version in tools.versions.items()),
        *tools.baselines,
        str(seed),
        _code(),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]


@cache
def _code() -> str:
    """A digest of the `CODE` that makes the numbers."""
    package = Path(detector.__file__).parent
    files = sorted(file for part in CODE for file in [package / part, *(package / part).glob("*.py")] if file.is_file())
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
