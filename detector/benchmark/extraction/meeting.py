"""One picture to what is judged of it: its face found, made a fake where the sample says so, and given a history."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from detector.benchmark.baselines import BASELINES
from detector.benchmark.histories.history import History, Remade, remake
from detector.errors import MediaError
from detector.faces import FaceDetector, FaceLimits, unusable
from detector.fakes import FakeMaker
from detector.features import Backbone
from detector.media import open_media
from detector.score.judge import versions
from detector.types import MADE, Face, Frame, Sample
from detector.vae import Reconstructor

Histories = Mapping[str, History | None]
"""Name to what is drawn from; None is the picture as it was found."""


@dataclass(frozen=True)
class Tools:
    """What turns pictures into numbers.

    Attributes:
        detectors: of several face detectors, one is drawn for each picture and history.
        reconstructors: the VAEs; the first one says how large a crop is.
        backbone: what looks at the faces beside the VAEs; None for nothing.
        baselines: entries of `BASELINES`.
        makers: what makes the fakes whose generators begin with `MADE`, by the rest of their names.
        bench: what the makers were given, in words: fakes by others are others.
    """

    detectors: tuple[FaceDetector, ...]
    reconstructors: tuple[Reconstructor, ...] = ()
    backbone: Backbone | None = None
    baselines: tuple[str, ...] = tuple(BASELINES)
    makers: Mapping[str, FakeMaker] = field(default_factory=dict)
    bench: str = ""

    @property
    def versions(self) -> dict[str, str]:
        """Every model, name -> version."""
        detectors = {model.name: model.version for model in self.detectors}
        return detectors | versions(self.reconstructors, self.backbone)


@dataclass(frozen=True, eq=False)
class Met:
    """One face after one history, and the place of its sample among those that were met."""

    place: int
    sample: Sample
    history: str
    made: Remade


@dataclass(frozen=True)
class Miss:
    """A face that could not be judged: the place of its sample, the name of the history, the reason code."""

    place: int
    history: str
    reason: str


def meet(samples: Sequence[Sample], histories: Histories, tools: Tools, seed: int) -> Iterator[Met | Miss]:
    """The largest face of every picture under every history, or why there is none; each detector looks once."""
    for place, sample in enumerate(samples):
        try:
            frame = next(iter(open_media(Path(sample.path)).frames()))
        except MediaError as error:
            yield from (Miss(place, name, error.reason) for name in histories)
            continue
        found = [detect([frame])[0][:1] for detect in tools.detectors]
        for name, history in histories.items():
            rng = draws(seed, sample, name)
            faces = found[rng.integers(len(found))]
            made = _made(sample, frame, faces[0], history, rng, tools, seed) if faces else None
            reason = "no_face" if made is None else unusable(made.frame, made.face, FaceLimits())
            if made is None or reason:
                yield Miss(place, name, str(reason))
            else:
                yield Met(place, sample, name, made)


def draws(seed: int, sample: Sample, purpose: str) -> np.random.Generator:
    """Draws that depend on nothing but the seed, the picture and the purpose: not on order, machine or folder.

    A fake that is made of a picture is given the same history as the picture: only the generator's trace differs.
    """
    words = f"{seed}/{sample.group}/{Path(sample.path).name}/{purpose}"
    return np.random.default_rng(int.from_bytes(hashlib.sha256(words.encode()).digest()[:8], "big"))


def _made(
    sample: Sample,
    frame: Frame,
    face: Face,
    history: History | None,
    rng: np.random.Generator,
    tools: Tools,
    seed: int,
) -> Remade:
    if sample.generator.startswith(MADE):
        make = tools.makers[sample.generator.removeprefix(MADE)]
        fake = make(frame, face, draws(seed, sample, sample.generator))
        frame, face = fake.frame, fake.face
    return Remade(frame, face) if history is None else remake(frame, face, history, rng)
