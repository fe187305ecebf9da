"""A dataset to features, under one protocol for every picture: open, detect, give a history, crop, describe.

The work is done in chunks of pictures. What each VAE and each baseline says of a chunk is kept on disk by itself,
under a key of all that it depends on: an interrupted run goes on where it stopped, another VAE costs its own time
only, and a change of weights or code never meets stale numbers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial, reduce
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

import detector
from detector.benchmark.baselines import BASELINES
from detector.benchmark.datasets import origin
from detector.benchmark.extraction.meeting import Histories, Met, Miss, Tools, meet
from detector.faces import concat_crops, crop_faces
from detector.features import Backbone
from detector.score.judge import describe, versions
from detector.types import MADE, FeatureTable, Sample
from detector.vae import Reconstructor
from detector.weights import sha256

CHUNK = 12
"""Pictures at a time."""
FACES = ("faces/crops.py", "faces/limits.py", "benchmark/histories/history.py", "benchmark/extraction/meeting.py")
"""What the re-made faces depend on beside the models."""
CODE = ("features", *FACES)
"""What the features of a VAE depend on beside the models."""
OURS = "detector"
"""The name of our own features among the tables."""

Bools = npt.NDArray[np.bool_]
Words = npt.NDArray[np.str_]


@dataclass(frozen=True, eq=False)
class Extract:
    """Rows of features: one for each picture and history whose face could be judged.

    Attributes:
        tables: `OURS`, where there are VAEs, and the baselines, each with N rows.
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
        tools: detectors, reconstructors, baselines, makers of fakes.
        folder: where finished chunks are kept.
        seed: of the histories. A picture's draws depend on it and on the picture's group alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    chunks = [samples[start : start + CHUNK] for start in range(0, len(samples), CHUNK)]
    return concat([_chunk(chunk, histories, tools, folder, seed) for chunk in tqdm(chunks, desc="features")])


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


@dataclass(frozen=True)
class _Part:
    """One approach's numbers of a chunk: what they depend on beside the faces, and what makes them of the faces."""

    words: str
    make: Callable[[Sequence[Met]], FeatureTable]


def _parts(tools: Tools) -> dict[str, _Part]:
    """Every part by its name; those of the VAEs come first, in their order."""
    parts = {}
    for place, model in enumerate(tools.reconstructors):
        size, backbone = tools.reconstructors[0].size, None if place else tools.backbone
        words = f"{versions([model], backbone)} {size} {code_digest('features')}"
        parts[f"{OURS} {model.name}"] = _Part(words, partial(_described, model=model, backbone=backbone, size=size))
    for name in tools.baselines:
        words = f"{name} {code_digest('features', 'benchmark/baselines/__init__.py')}"
        parts[name] = _Part(words, partial(_measured, name=name))
    return parts


def _described(met: Sequence[Met], model: Reconstructor, backbone: Backbone | None, size: int) -> FeatureTable:
    crops = [crop_faces(one.made.frame, [one.made.face], size) for one in met]
    numbered = [replace(part, faces=part.faces + row) for row, part in enumerate(crops)]
    return describe(concat_crops(numbered, size), [model], backbone)[0]


def _measured(met: Sequence[Met], name: str) -> FeatureTable:
    rows = [BASELINES[name](Path(one.sample.path), one.made) for one in met]
    return FeatureTable(np.array([list(row.values()) for row in rows], np.float32), tuple(rows[0]))


def _chunk(samples: Sequence[Sample], histories: Histories, tools: Tools, folder: Path, seed: int) -> Extract:
    """Every part of a chunk: read where an earlier run has made it, and made of faces that are met once otherwise."""
    faces = _key(samples, histories, tools, seed)
    parts = {name: (part, folder / f"{_digest(faces, part.words)}.npz") for name, part in _parts(tools).items()}
    met: list[Met | Miss] | None = None
    for part, path in parts.values():
        if not path.exists():
            met = list(meet(samples, histories, tools, seed)) if met is None else met
            _write(path, met, part)
    kept = {name: _read(path) for name, (_, path) in parts.items()}
    return _joined(samples, kept)


def _joined(samples: Sequence[Sample], kept: dict[str, dict[str, Any]]) -> Extract:
    """The parts of a chunk side by side; all were made of the same faces."""
    first = next(iter(kept.values()))
    tables: dict[str, FeatureTable] = {}
    if len(first["rows"]):
        found = {name: FeatureTable(arrays["values"], tuple(arrays["names"])) for name, arrays in kept.items()}
        ours = [table for name, table in found.items() if name.startswith(f"{OURS} ")]
        tables = {OURS: reduce(FeatureTable.join, ours)} if ours else {}
        tables |= {name: table for name, table in found.items() if not name.startswith(f"{OURS} ")}
    return Extract(
        tables=tables,
        samples=tuple(samples[row] for row in first["rows"]),
        histories=first["histories"],
        missed=tuple((samples[int(row)], str(name), str(reason)) for row, name, reason in first["missed"]),
    )


def _write(path: Path, met: Sequence[Met | Miss], part: _Part) -> None:
    found = [one for one in met if isinstance(one, Met)]
    missed = [(str(one.place), one.history, one.reason) for one in met if isinstance(one, Miss)]
    arrays: dict[str, Any] = {
        "rows": np.array([one.place for one in found], np.int64),
        "histories": np.array([one.history for one in found], np.str_),
        "missed": np.array(missed, np.str_).reshape(-1, 3),
    }
    if found:
        table = part.make(found)
        arrays |= {"values": table.values, "names": np.array(table.names)}
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as file:
        np.savez(file, **arrays)
    unfinished.rename(path)


def _read(path: Path) -> dict[str, Any]:
    with np.load(path, allow_pickle=False) as kept:
        return dict(kept)


def _key(samples: Sequence[Sample], histories: Histories, tools: Tools, seed: int) -> str:
    """What the faces of a chunk depend on."""
    made = any(sample.generator.startswith(MADE) for sample in samples)
    return _digest(
        *(f"{sample.group} {Path(sample.path).name} {sha256(Path(sample.path))}" for sample in samples),
        *(sample.generator for sample in samples if made),
        *((tools.bench, code_digest("fakes")) if made else ()),
        *(f"{name} {history}" for name, history in histories.items()),
        *(f"{model.name} {model.version}" for model in tools.detectors),
        str(seed),
        code_digest(*FACES),
    )


def _digest(*words: str) -> str:
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:24]


@cache
def code_digest(*parts: str) -> str:
    """A digest of code that makes numbers: files and folders of the package."""
    package = Path(detector.__file__).parent
    files = sorted(file for part in parts for file in _files(package / part))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _files(path: Path) -> Iterator[Path]:
    yield from path.glob("*.py") if path.is_dir() else [path]
