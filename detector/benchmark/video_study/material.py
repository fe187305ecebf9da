"""Clips that are made of photos, real and fake alike through one chain, and the clips that somebody filmed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache, partial
from itertools import chain, zip_longest
from pathlib import Path

import numpy as np

from detector.benchmark.datasets import load_dataset
from detector.benchmark.extraction.code import digest
from detector.benchmark.video_study.containers import Coding, write_clip
from detector.errors import MediaError
from detector.faces import FaceDetector
from detector.fakes import MOVING_FAKES, Autoencoder, Workshop, load_moving_fake_maker
from detector.fakes.moving_still import motion_from_still
from detector.fakes.square import Rng, shrink
from detector.media import open_media
from detector.types import Face, Frame, Sample
from detector.weights import sha256

CAMERA = "camera"
LEVELS: dict[str, tuple[float, float]] = {"h264": (18.0, 36.0), "mpeg4": (2.0, 8.0)}
"""Codecs of the last pass, and the levels that are drawn."""
MPEG4_SHARE = 0.25


@dataclass(frozen=True)
class Photos:
    """Which photos are set in motion.

    Attributes:
        data: a manifest.
        sources: real sets, taken in turn.
        splits: whose photos may be used.
        each: photos of each source.
        donors: the last photos of each source: they do not move, their faces are swapped in.
        frames: of a clip, at 25 a second.
        seed: of every draw.
    """

    data: Path = Path("../shared/data/manifest.csv")
    sources: tuple[str, ...] = ("ffhq", "celebahq", "unsplash")
    splits: tuple[str, ...] = ("train", "val")
    each: int = 30
    donors: int = 8
    frames: int = 48
    seed: int = 0

    def chosen(self) -> tuple[list[Sample], list[Sample]]:
        """The photos that move, one of each source after another, and those of the donors."""
        known = load_dataset("manifest", self.data)
        moving, giving = [], []
        for source in self.sources:
            own = [one for one in known if one.source == source and one.label == 0 and one.split in self.splits]
            rest = max(len(own) - self.donors, 0)
            moving.append(own[:rest][: self.each])
            giving.append(own[rest:])
        turns = chain.from_iterable(zip_longest(*moving))
        return [one for one in turns if one is not None], list(chain.from_iterable(giving))


@dataclass(frozen=True)
class Made:
    """One clip of the study.

    Attributes:
        sample: of the photo or the file.
        generator: what made it a fake; `CAMERA` for none.
        unit: a name that tells everything it is made of, but for the code and the models.
        file: gives the content of the file; `MediaError` where there is nobody in the photo.
    """

    sample: Sample
    generator: str
    unit: str
    file: Callable[[], bytes] = field(compare=False)


def moving_photos(photos: Photos, detector: FaceDetector, traced: Autoencoder) -> Iterator[Made]:
    """Every photo as a real clip and as a fake of each of `MOVING_FAKES`, photo by photo.

    A fake is made of the real clip that the same photo gives; then each goes through a last pass of its own, of a
    codec and level drawn alike for both. Donors are photos that do not move themselves.
    """
    moving, giving = photos.chosen()
    found = [_face(sample, detector) for sample in giving]
    workshop = Workshop((traced,), tuple(shrink(*one) for one in found if one is not None))
    makers = {name: load_moving_fake_maker(name, workshop) for name in MOVING_FAKES}

    @lru_cache(maxsize=1)  # the clips of a photo are made one after another
    def real(place: int) -> tuple[Sequence[Frame], Sequence[Face]]:
        if (known := _face(moving[place], detector)) is None:
            raise MediaError("no_face", f"expected a face in {moving[place].path}, found none; leave the photo out")
        return motion_from_still(*known, np.random.default_rng([photos.seed, place]), photos.frames)

    def file(place: int, number: int, name: str) -> bytes:
        rng = np.random.default_rng([photos.seed, place, number])
        frames, faces = real(place)
        if name != CAMERA:
            frames = [fake.frame for fake in makers[name](frames, faces, rng)]
        return write_clip([frame.pixels for frame in frames], drawn_coding(rng))

    for place, sample in enumerate(moving):
        for number, name in enumerate((CAMERA, *makers)):
            words = (sha256(Path(sample.path)), name, str(place), repr((photos.frames, photos.seed, photos.donors)))
            yield Made(sample, name, digest(*words), partial(file, place, number, name))


def drawn_coding(rng: Rng) -> Coding:
    """The last pass of a clip: the same draw whatever the clip shows."""
    codec = "mpeg4" if rng.random() < MPEG4_SHARE else "h264"
    return Coding(codec, float(rng.uniform(*LEVELS[codec])), Fraction(25))


def filmed(data: Path) -> Iterator[Made]:
    """The clips of a manifest, as they are."""
    for sample in load_dataset("manifest", data):
        if Path(sample.path).suffix == ".mp4":
            path = Path(sample.path)
            yield Made(sample, sample.generator, digest(sha256(path)), path.read_bytes)


def _face(sample: Sample, detector: FaceDetector) -> tuple[Frame, Face] | None:
    frame = next(iter(open_media(Path(sample.path)).frames()))
    faces = detector([frame])[0]
    return (frame, faces[0]) if faces else None
