"""One file to what is judged of it: its faces found, made fakes where the sample says so, and given a history."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from detector.benchmark.baselines import BASELINES
from detector.benchmark.histories.disturbances import disturbance
from detector.benchmark.histories.history import History, Remade, remake
from detector.errors import MediaError
from detector.faces import FaceDetector, FaceLimits, unusable
from detector.fakes import FakeMaker
from detector.features import Backbone
from detector.media import Sampling, open_media
from detector.score.judge import versions
from detector.types import MADE, VIEWS, Face, Frame, Sample, View
from detector.vae import Reconstructor


@dataclass(frozen=True)
class Disturbed:
    """A history, and what happens to the picture after it.

    Attributes:
        history: as in `Conditions`.
        disturbance: "KIND LEVEL", an entry of `DISTURBANCES` with one of its levels.
        drawn_as: the name of the condition whose draws it shares: then nothing but the disturbance differs.
    """

    history: History | None
    disturbance: str
    drawn_as: str


Condition = History | Disturbed | None
Conditions = Mapping[str, Condition]
"""Name to what is drawn from; None is the picture as it was found."""


@dataclass(frozen=True)
class Tools:
    """What turns pictures into numbers.

    Attributes:
        detectors: of several face detectors, one is drawn for each picture and history.
        reconstructors: the VAEs whose features are ours; the first one says how large a crop is.
        beside: VAEs whose features are a table of their own.
        backbone: what looks at the faces beside the VAEs; None for nothing.
        views: what the classifier is given of `reconstructors`.
        recipes: whether what they see beside that is told too, for recipes that need no classifier.
        baselines: entries of `MEASURES`.
        makers: what makes the fakes whose generators begin with `MADE`, by the rest of their names.
        bench: what the makers were given, in words: fakes by others are others.
    """

    detectors: tuple[FaceDetector, ...]
    reconstructors: tuple[Reconstructor, ...] = ()
    beside: tuple[Reconstructor, ...] = ()
    backbone: Backbone | None = None
    views: tuple[View, ...] = VIEWS
    recipes: bool = True
    baselines: tuple[str, ...] = tuple(BASELINES)
    makers: Mapping[str, FakeMaker] = field(default_factory=dict)
    bench: str = ""

    @property
    def versions(self) -> dict[str, str]:
        """Every model, name -> version."""
        detectors = {model.name: model.version for model in self.detectors}
        return detectors | versions((*self.reconstructors, *self.beside), self.backbone)


@dataclass(frozen=True, eq=False)
class Met:
    """One face under one condition, and the number of its frame in the file."""

    sample: Sample
    condition: str
    frame: int
    made: Remade


@dataclass(frozen=True)
class Miss:
    """A frame without a face that could be judged: the name of the condition, its number, the reason code."""

    condition: str
    frame: int
    reason: str


def meet(sample: Sample, conditions: Conditions, tools: Tools, seed: int, frames: int = 1) -> list[Met | Miss]:
    """The largest face of every frame under every condition, or why there is none; each detector looks once.

    A file that cannot be read to its end is missed as a whole: half a clip is another clip.

    Args:
        sample: the picture or the clip.
        conditions: what is done to each frame. All frames of a clip are given the same history.
        tools: what finds and makes faces.
        seed: of everything random.
        frames: of a clip, so many are looked at, evenly spaced over its whole length.
    """
    try:
        return list(_met(sample, conditions, tools, seed, frames))
    except MediaError as error:
        return [Miss(name, 0, error.reason) for name in conditions]


def _met(sample: Sample, conditions: Conditions, tools: Tools, seed: int, frames: int) -> Iterator[Met | Miss]:
    for frame in open_media(Path(sample.path)).frames(Sampling(frames=frames)):
        found = [detect([frame])[0][:1] for detect in tools.detectors]
        for name, condition in conditions.items():
            rng = draws(seed, sample, condition.drawn_as if isinstance(condition, Disturbed) else name)
            faces = found[rng.integers(len(found))]
            made = _made(sample, frame, faces[0], condition, rng, tools, seed) if faces else None
            reason = "no_face" if made is None else unusable(made.frame, made.face, FaceLimits())
            if made is None or reason:
                yield Miss(name, frame.index, str(reason))
            else:
                yield Met(sample, name, frame.index, made)


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
    condition: Condition,
    rng: np.random.Generator,
    tools: Tools,
    seed: int,
) -> Remade:
    if sample.generator.startswith(MADE):
        make = tools.makers[sample.generator.removeprefix(MADE)]
        fake = make(frame, face, draws(seed, sample, sample.generator))
        frame, face = fake.frame, fake.face
    history = condition.history if isinstance(condition, Disturbed) else condition
    made = Remade(frame, face) if history is None else remake(frame, face, history, rng)
    if not isinstance(condition, Disturbed):
        return made
    later = draws(seed, sample, condition.disturbance)
    return Remade(*disturbance(condition.disturbance)(made.frame, made.face, later))
