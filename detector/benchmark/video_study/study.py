"""What time adds to frames, measured: `python experiments/video_ablation.py experiments/video-ablation.toml`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from detector.benchmark.extraction.code import code_digest, digest
from detector.benchmark.extraction.store import FeatureStore, Unit
from detector.benchmark.measures.held_out import Known, Recipe
from detector.benchmark.video_study.describing import Describer, Pieces
from detector.benchmark.video_study.material import CAMERA, Made, Photos
from detector.errors import ConfigError, MediaError
from detector.faces import load_face_detector
from detector.features import load_backbone
from detector.types import Array, FeatureTable, Sample
from detector.vae import load_reconstructor
from detector.vae.video.frames import FrameByFrame

CODE = (
    "features",
    "features/motion",
    *(f"faces/{name}.py" for name in ("clips", "crops", "looks", "runs", "shots", "stabilise", "tracks")),
    *(f"fakes/moving{name}.py" for name in ("", "_codec", "_mouth", "_round_trip", "_still", "_swap")),
    *(f"benchmark/video_study/{name}.py" for name in ("containers", "describing", "material")),
)
"""What rows depend on beside the models and the files."""
Log = Callable[[str], None]


@dataclass(frozen=True)
class VideoStudy:
    """What is compared.

    Attributes:
        rows: name -> patterns of the columns that are fitted; each is a row of the table.
        base: the row that the others are compared with.
        photos: which photos are set in motion.
        pieces: how videos are cut up.
        recipe: how to fit.
        face_detector, reconstructor: what looks.
        traced: the autoencoder whose traces the fakes have. One that also looks would know its own work.
        report: folder of the tables.
        work: folder for what can be made again.
    """

    rows: Mapping[str, tuple[str, ...]]
    base: str
    photos: Photos = field(default_factory=Photos)
    pieces: Pieces = field(default_factory=Pieces)
    recipe: Recipe = field(default_factory=Recipe)
    face_detector: str = "yunet"
    reconstructor: str = "face-vae"
    traced: str = "taesd"
    report: Path = Path("reports/video")
    work: Path = Path("runs/video-study")

    def __post_init__(self) -> None:
        if self.base not in self.rows:
            raise ConfigError(f"base: expected one of {', '.join(self.rows)}, got {self.base!r}")

    def describer(self) -> Describer:
        """What looks at the clips."""
        model = FrameByFrame(load_reconstructor(self.reconstructor))
        return Describer(load_face_detector(self.face_detector), model, load_backbone(), self.pieces)

    def store(self, describer: Describer) -> FeatureStore:
        """Where the rows are that this code and these models make."""
        words = (repr(self.pieces), self.traced, *describer.versions, code_digest(*CODE))
        return FeatureStore(self.work / digest(*words))


@dataclass(frozen=True, eq=False)
class Rows:
    """One row a piece.

    Attributes:
        samples: (N,) the photo or file of each.
        generators: (N,) what made it a fake, or `CAMERA`.
        starts: (N,) the number of its first frame.
        table: N rows.
        missing: what has no row, and why, and how often.
    """

    samples: tuple[Sample, ...]
    generators: tuple[str, ...]
    starts: tuple[int, ...]
    table: FeatureTable
    missing: Mapping[str, int] = field(default_factory=dict)

    def known(self) -> Known:
        """For the fit: a real clip comes from its set, a fake from its generator; the photo is the group."""
        real = np.array([name == CAMERA for name in self.generators])
        origins = [
            one.source if name == CAMERA else name for one, name in zip(self.samples, self.generators, strict=True)
        ]
        everything = np.full(len(real), True)
        groups = np.array([one.group for one in self.samples])
        return Known((~real).astype(np.int64), groups, np.array(origins), everything, everything)

    def columns(self, patterns: Sequence[str]) -> Array:
        """(N, F) those whose name fits one of some patterns with ``*``; `ConfigError` where there is none."""
        names = self.table.names
        places = [i for i, name in enumerate(names) if any(fnmatchcase(name, one) for one in patterns)]
        if not places:
            raise ConfigError(f"{', '.join(patterns)}: no column fits, e.g. {names[0]}")
        return np.ascontiguousarray(self.table.values[:, places])


def extract(made: Iterable[Made], describer: Describer, store: FeatureStore, log: Log) -> None:
    """Describe what is not yet in the store; a clip is written as soon as it is done."""
    for number, one in enumerate(made, 1):
        if one.unit in store:
            continue
        try:
            found = describer(one.file())
        except MediaError as error:
            found = Unit((0,), (error.reason,), None)
        store.add([(one.unit, found)])
        told = ", ".join(reason or "ok" for reason in found.reasons) or "no piece"
        log(f"{number}: {one.generator} of {Path(one.sample.path).name}: {told}")


def gather(made: Iterable[Made], store: FeatureStore) -> Rows:
    """The rows of those clips that are in the store, for photos of which every clip is."""
    everything = list(made)
    unfinished = {one.sample.path for one in everything if one.unit not in store}
    kept = [one for one in everything if one.sample.path not in unfinished]
    units = store.read(one.unit for one in kept)
    samples, generators, starts, tables = [], [], [], []
    missing: dict[str, int] = {}
    for one in kept:
        unit = units[one.unit]
        good = [start for start, reason in zip(unit.frames, unit.reasons, strict=True) if not reason]
        for reason in filter(None, unit.reasons):
            missing[f"{one.generator}: {reason}"] = missing.get(f"{one.generator}: {reason}", 0) + 1
        samples += [one.sample] * len(good)
        generators += [one.generator] * len(good)
        starts += good
        tables += [unit.table] if unit.table is not None else []
    if not tables:
        raise ConfigError("no clip is finished yet; run the extraction first")
    table = FeatureTable(np.concatenate([part.values for part in tables]), tables[0].names)
    return Rows(tuple(samples), tuple(generators), tuple(starts), table, missing)
