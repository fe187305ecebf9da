"""Real pictures to fakes on disk: lossless PNGs with a manifest that `detector.benchmark.datasets` reads.

A fake keeps the group and the split of its picture, and its donors are of the same split: what is made of a split
tells nothing of another one. Every draw depends on the seed, the picture and the generator alone, and a file is
there whole or not at all, so that a run that was stopped goes on where it was, and ends in the same table.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from detector.benchmark.datasets.manifest import COLUMNS, from_manifest
from detector.errors import ConfigError, MediaError, UnknownNameError
from detector.faces import FaceDetector, FaceLimits, unusable
from detector.fakes import FAKES, Fake, Workshop, load_fake_maker, servable
from detector.fakes.square import shrink
from detector.media import find_media, open_media
from detector.types import REASONS, Face, Frame, Pixels, Sample
from detector.vae import Reconstructor
from detector.weights import sha256

MANIFEST, SETTINGS, MASKS = "manifest.csv", "made.json", "masks"
SET = "made"
DONORS = 96
"""The most donors of a split."""
_LONGEST = 60

Found = tuple[Frame, Face]


@dataclass(frozen=True)
class FakePlan:
    """What is made.

    Attributes:
        out: folder of the PNGs, one folder a generator, and of the manifest; made if missing.
        generators: entries of `FAKES`; none stands for all that can be made of the pictures.
        per_image: fakes of each picture by each generator.
        seed: of everything random.
        masks: whether to write how synthetic each pixel is, as PNGs below ``masks/``: 0-255, 0 only where it is not.
    """

    out: Path
    generators: tuple[str, ...] = ()
    per_image: int = 1
    seed: int = 0
    masks: bool = False

    def __post_init__(self) -> None:
        for name in self.generators:
            if name not in FAKES:
                raise UnknownNameError("generator of fakes", name, FAKES)
        if self.per_image < 1:
            raise ConfigError(f"fakes of each picture: expected 1 or more, got {self.per_image}")


@dataclass(frozen=True)
class Made:
    """What a run left behind: how many fakes there now are of its pictures, and (path, reason code) of each without."""

    manifest: Path
    fakes: int
    missed: tuple[tuple[str, str], ...]


def real_files(patterns: Sequence[str], split: str, out: Path) -> list[Sample]:
    """Files, folders and globs as real samples of a split, each a group of its own; what lies in `out` is left out."""
    inside = out.resolve()
    return [  # a name that is no text is written with question marks: a manifest is UTF-8
        Sample(str(path), 0, "camera", "files", path.as_posix().encode(errors="replace").decode(), split)
        for path in find_media(patterns)
        if inside not in path.resolve().parents
    ]


def real_rows(manifest: Path, split: str | None) -> list[Sample]:
    """The real samples of a manifest, of one split or of all.

    Raises:
        ConfigError: there is none.
    """
    rows = [sample for sample in from_manifest(manifest) if sample.label == 0]
    chosen = [sample for sample in rows if split in (None, sample.split)]
    if not chosen:
        known = ", ".join(sorted({sample.split for sample in rows})) or "none"
        raise ConfigError(f"{manifest}: no real picture of the split {split}; the splits that have some: {known}")
    return chosen


def make_fakes(
    samples: Sequence[Sample], plan: FakePlan, detect: FaceDetector, reconstructors: Sequence[Reconstructor]
) -> Made:
    """Make what a plan says of the largest face of every picture, but for what is there already.

    Raises:
        ConfigError: a generator that was asked for lacks something, or `plan.out` holds fakes of other settings.
    """
    _settle(plan, detect, reconstructors)
    bench = _Bench(samples, plan, detect, reconstructors)
    rows = _rows(plan.out)
    missed: list[tuple[str, str]] = []
    count = 0
    try:
        for sample in tqdm(samples, desc="fakes", unit="picture", disable=None if len(samples) > 1 else True):
            try:
                for row in bench.fakes_of(sample):
                    rows[row.path] = row
                    count += 1
            except MediaError as error:
                missed.append((sample.path, error.reason))
    finally:
        _write_manifest(rows, plan.out)
    return Made(plan.out / MANIFEST, count, tuple(missed))


class _Bench:
    """Where one picture after the other is made into fakes."""

    def __init__(
        self, samples: Sequence[Sample], plan: FakePlan, detect: FaceDetector, models: Sequence[Reconstructor]
    ) -> None:
        self._samples, self._plan, self._detect = samples, plan, detect
        samplers = ((model, getattr(model, "decode", None)) for model in models)
        able = tuple((model, decode) for model, decode in samplers if decode is not None)
        self._workshop = Workshop(tuple(models), samplers=able)
        self._donors: dict[str, list[tuple[str, Found]]] = {}

    def fakes_of(self, sample: Sample) -> Iterator[Sample]:
        """Every fake of a picture; raises `MediaError` where the picture can give none."""
        open_media(Path(sample.path))
        digest = hashlib.sha256(f"{sample.group}/{sha256(Path(sample.path))}".encode()).hexdigest()[:8]
        stem = re.sub(r"[^\w-]+", "_", Path(sample.path).stem)[:_LONGEST]
        workshop = replace(self._workshop, donors=self._others(sample))
        found: Found | None = None
        for generator in self._plan.generators or servable(workshop):
            make = load_fake_maker(generator, workshop)
            for number in range(self._plan.per_image):
                name = f"{generator}/{stem}-{digest}-{number}.png"
                if not self._has(name):
                    found = found or self._look(sample)
                    self._save(make(*found, _rng(self._plan.seed, digest, generator, number)), name)
                yield Sample(name, 1, generator, SET, sample.group, sample.split)

    def _look(self, sample: Sample) -> Found:
        """The first frame of a file and its largest face; raises `MediaError` with the reason where there is none."""
        frame = next(iter(open_media(Path(sample.path)).frames()))
        faces = self._detect([frame])[0][:1]
        reason = unusable(frame, faces[0], FaceLimits()) if faces else "no_face"
        if reason:
            raise MediaError(reason, REASONS[reason])
        return frame, faces[0]

    def _others(self, sample: Sample) -> tuple[Found, ...]:
        """The donors of a picture: of its split, but of other groups."""
        if sample.split not in self._donors:
            self._donors[sample.split] = list(self._find_donors(sample.split))
        return tuple(donor for group, donor in self._donors[sample.split] if group != sample.group)

    def _find_donors(self, split: str) -> Iterator[tuple[str, Found]]:
        own = [sample for sample in self._samples if sample.split == split]
        if len({sample.group for sample in own}) < 2:
            return
        order = sorted(own, key=lambda sample: _digest(self._plan.seed, sample.group, Path(sample.path).name))
        for sample in tqdm(order[:DONORS], desc=f"donors {split}", unit="picture", disable=None, leave=False):
            try:
                yield sample.group, shrink(*self._look(sample))
            except MediaError:  # it is told of when its own turn comes
                continue

    def _has(self, name: str) -> bool:
        names = [name, f"{MASKS}/{name}"] if self._plan.masks else [name]
        return all((self._plan.out / name).exists() for name in names)

    def _save(self, fake: Fake, name: str) -> None:
        if self._plan.masks:
            _write_png(np.ceil(fake.mask * 255).astype(np.uint8), self._plan.out / MASKS / name)
        _write_png(fake.frame.pixels, self._plan.out / name)


def _settle(plan: FakePlan, detect: FaceDetector, models: Sequence[Reconstructor]) -> None:
    """Remember what the fakes of a folder are made with, or check that it is what they were made with."""
    path = plan.out / SETTINGS
    used = [f"{detect.name} {detect.version}", *(f"{model.name} {model.version}" for model in models)]
    wanted = {"seed": plan.seed, "models": used}
    try:
        plan.out.mkdir(parents=True, exist_ok=True)
        if path.exists() and (there := json.loads(path.read_text(encoding="utf-8"))) != wanted:
            raise ConfigError(f"{plan.out}: its fakes were made with {there}, not {wanted}; name another folder")
        _write_text(json.dumps(wanted), path)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{plan.out}: expected a folder to write fakes into ({error})") from error


def _rows(out: Path) -> dict[str, Sample]:
    """What the manifest of a folder lists and the folder still has, by path."""
    if not (out / MANIFEST).exists():
        return {}
    there = [sample for sample in from_manifest(out / MANIFEST) if Path(sample.path).exists()]
    relative = [replace(sample, path=Path(sample.path).relative_to(out).as_posix()) for sample in there]
    return {sample.path: sample for sample in relative}


def _write_manifest(rows: dict[str, Sample], out: Path) -> None:
    partial = out / f"{MANIFEST}.part"
    with partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for _, row in sorted(rows.items()):
            writer.writerow([row.path, "fake", row.generator, row.source, row.group, row.split])
    partial.replace(out / MANIFEST)


def _write_png(pixels: Pixels, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    Image.fromarray(pixels).save(partial, format="PNG", compress_level=3)
    partial.replace(path)


def _write_text(text: str, path: Path) -> None:
    partial = path.with_suffix(".part")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def _rng(*words: object) -> np.random.Generator:
    return np.random.default_rng(int(_digest(*words)[:16], 16))


def _digest(*words: object) -> str:
    return hashlib.sha256("/".join(map(str, words)).encode()).hexdigest()
