"""The stages of scoring, each as something to run by itself on what it meets there."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from detector.bench.rounds import Stage
from detector.media import Sampling
from detector.score import Scored
from detector.score.judge import Judge, cut, describe
from detector.score.judges import full
from detector.score.look import Eyes, Sight
from detector.score.pictures import save_pictures
from detector.score.results import Results, to_json
from detector.types import Array, Crops, FeatureTable, MediaKind, Reconstruction

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from detector.features import Backbone

DECODE, DETECTION, EVERY_FRAME = "decode", "detection", "decode, every frame"
FIRST, SECOND, FEATURES, JUDGE = "VAE, first pass", "VAE, second pass", "features", "judge"
JUDGED = ("crop", FIRST, SECOND, FEATURES, "backbone", "probability", "evidence")
"""The stages that a judge is made of."""
FRAMES = 300
"""Of a clip so many are decoded to say what every frame costs."""


@dataclass(eq=False)
class Remembered:
    """A reconstructor that has done its work already, so that what comes after it can be run alone."""

    name: str
    version: str
    size: int
    device: torch.device
    made: Reconstruction

    def __call__(self, pixels: Array | Tensor, second_pass: bool = True) -> Reconstruction:  # noqa: ARG002
        """What was made of its crops, whatever is asked for."""
        return self.made


@dataclass(frozen=True, eq=False)
class Lot:
    """The faces that a judge gets at once, and what each stage makes of them."""

    judge: Judge
    sights: tuple[Sight, ...]

    @property
    def faces(self) -> int:
        """How many can be judged."""
        return sum(len(sight.usable) for sight in self.sights)

    def cut(self) -> Crops:
        """Every face's crops, in one batch."""
        return cut(self.sights, self.judge.reconstructors[0].size)

    @cached_property
    def crops(self) -> Crops:
        """What `cut` gives."""
        return self.cut()

    @cached_property
    def done(self) -> tuple[Remembered, ...]:
        """The VAEs, with what they made of the crops."""
        return tuple(
            Remembered(model.name, model.version, model.size, model.device, made)
            for model, made in zip(self.judge.reconstructors, self.reconstruct(), strict=True)
        )

    @cached_property
    def table(self) -> FeatureTable:
        """What the classifier is asked about."""
        return self.describe(self.judge.backbone)

    def reconstruct(self, second_pass: bool = True) -> list[Reconstruction]:
        """What every VAE makes of the crops."""
        seen = self.crops.of(self.judge.views)
        return [model(seen.pixels, second_pass) for model in self.judge.reconstructors]

    def describe(self, backbone: Backbone | None = None) -> FeatureTable:
        """The features of every VAE, and of a backbone if there is one."""
        return describe(self.crops, self.done, backbone, self.judge.views)[0]


def lots(judge: Judge, sights: Iterable[Sight]) -> Iterator[Lot]:
    """The sights in parts, as `Detector.score_many` hands them out to judges."""
    waiting: list[Sight] = []
    for sight in sights:
        waiting.append(sight)
        if full(waiting):
            yield Lot(judge, tuple(waiting))
            waiting.clear()
    if any(sight.usable for sight in waiting):
        yield Lot(judge, tuple(waiting))


def photo_stages(eyes: Eyes, paths: Sequence[Path], sights: Sequence[Sight]) -> list[Stage]:
    """From files to faces, of photos."""
    pixels = sum(sight.frame.pixels.nbytes for sight in sights)
    stored = sum(path.stat().st_size for path in paths)

    def decode() -> None:
        for path in paths:
            _exhaust(eyes.open(path).frames(eyes.sampling))

    def look() -> None:
        for path in paths:
            _exhaust(eyes.look(eyes.open(path)))

    return [
        Stage(DECODE, "photo", len(paths), decode, pixels + stored),
        Stage(DETECTION, "photo", len(paths), look, 2 * pixels + stored, less=DECODE),
    ]


def video_stages(eyes: Eyes, path: Path, sights: Sequence[Sight]) -> list[Stage]:
    """From a clip to faces: finding its frames, decoding those that are looked at, and every one."""
    media = eyes.open(path)
    stored, pixels = path.stat().st_size, sum(sight.frame.pixels.nbytes for sight in sights)
    every, most = Sampling(frames=None, every=True), min(media.frame_count, FRAMES)
    return [
        Stage("index", "video", 1, partial(eyes.open, path), stored),
        Stage(DECODE, "frame", len(sights), lambda: _exhaust(media.frames(eyes.sampling)), stored + pixels),
        Stage(DETECTION, "frame", len(sights), lambda: _exhaust(eyes.look(media)), stored + 2 * pixels, less=DECODE),
        Stage(
            EVERY_FRAME,
            "frame",
            most,
            lambda: _exhaust(islice(media.frames(every), most)),
            stored + most * sights[0].frame.pixels.nbytes,
            aside=True,
        ),
    ]


def judge_stages(judge: Judge, given: Sequence[Lot]) -> list[Stage]:
    """From faces to probabilities and evidence, and the judge as a whole as a control."""
    faces, classifier, backbone = sum(lot.faces for lot in given), judge.classifier, judge.backbone
    crops = sum(lot.crops.pixels.nbytes for lot in given)
    values = sum(lot.table.values.nbytes for lot in given)

    def stage(name: str, act: Callable[[Lot], object], moved: int = 0, less: str | None = None) -> Stage:
        return Stage(name, "face", faces, lambda: [act(lot) for lot in given], moved, less, aside=name == JUDGE)

    return [
        stage("crop", Lot.cut, crops + crops // 4),  # pixels of 8 bits are read, numbers of 32 are written
        stage(FIRST, partial(Lot.reconstruct, second_pass=False)),
        stage(SECOND, Lot.reconstruct, less=FIRST),
        stage(FEATURES, Lot.describe),
        *([] if backbone is None else [stage("backbone", lambda lot: lot.describe(backbone), less=FEATURES)]),
        stage("probability", lambda lot: classifier.probability(lot.table), values),
        stage("evidence", lambda lot: classifier.evidence(lot.table), values),
        stage(JUDGE, lambda lot: judge(lot.sights)),
    ]


def write_stages(scored: Sequence[Scored], folder: Path, unit: str, pictures: bool) -> list[Stage]:
    """From answers to a line each in a file of results, and, if wanted, to the pictures that say why."""
    results = Results(folder / "results.jsonl")
    stored = sum(len(to_json(one.report)) for one in scored)

    write = partial(_each, lambda one: results.add(one.report), scored)
    own = [Stage("write", unit, len(scored), write, stored)]
    if pictures:
        draw = partial(_each, partial(save_pictures, folder=folder), scored)
        own.append(Stage("pictures", unit, len(scored), draw, aside=True))
    return own


def look_at(eyes: Eyes, path: Path, kind: MediaKind | None = None) -> tuple[Sight, ...]:
    """Every frame that is looked at, with its faces; none of a file that is not of this kind, if one is asked for."""
    media = eyes.open(path)
    return tuple(eyes.look(media)) if kind in (None, media.kind) else ()


def _each(act: Callable[[Scored], object], scored: Iterable[Scored]) -> None:
    for one in scored:
        act(one)


def _exhaust(items: Iterable[object]) -> None:
    deque(items, maxlen=0)
