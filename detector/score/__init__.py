"""The whole path: media -> faces -> VAEs -> features -> classifier -> Report.

This is where the stages meet: `Detector` holds the loaded models and composes them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from time import perf_counter

from detector.errors import MediaError
from detector.faces import FaceLimits, load_face_detector
from detector.media import MediaLimits, Sampling
from detector.score.ahead import ahead
from detector.score.judge import Judge, unjudged
from detector.score.look import PIXELS_AT_ONCE, Eyes, Sight
from detector.score.summary import Summary
from detector.types import MediaKind, Report
from detector.vae import load_reconstructor
from detector.weights import asset, version

__all__ = ["Detector", "Scored", "Source"]

FACES_AT_ONCE = 12
SIGHTS_AT_ONCE = 12

Source = tuple[str, Path | bytes]
"""What a file is called in its report, and the file or its bytes."""


@dataclass(frozen=True, eq=False)
class Scored:
    """The answer for one file, and the sightings that its pictures are made from."""

    report: Report
    summary: Summary


@dataclass(frozen=True, eq=False)
class _Ended:
    """A file that has been looked at to its end, or to its error."""

    summary: Summary
    started: float
    media: MediaKind
    warnings: tuple[str, ...]
    error: MediaError | None = None


@dataclass(eq=False)
class Detector:
    """The models and how they are composed. Make one with `Detector.load` and keep it.

    Models are loaded when a file first needs them, once: a file that cannot be decoded costs no VAE.

    Attributes:
        load_eyes: gives what looks at files.
        load_judge: gives the VAEs and the classifier.
    """

    load_eyes: Callable[[], Eyes]
    load_judge: Callable[[], Judge]

    @classmethod
    def load(
        cls,
        *,
        faces: str = "auto",
        vaes: tuple[str, ...] = ("face-vae",),
        classifier: Path | None = None,
        device: str = "cpu",
        sampling: Sampling | None = None,
        media_limits: MediaLimits | None = None,
        face_limits: FaceLimits | None = None,
    ) -> Detector:
        """Choose the models.

        Args:
            faces: an entry of `FACE_DETECTORS`, or "auto".
            vaes: the reconstructors that the classifier was fitted with, as "name" or "name:source".
            classifier: a saved `FaceClassifier`; None is the embedded one.
            device: the Torch device of the VAEs.
            sampling: which frames of a video are looked at; 32 over the whole clip when None.
            media_limits: what is refused before and while decoding.
            face_limits: which faces are refused.

        Raises:
            UnknownNameError: when first needed: an unknown face detector or reconstructor.
            WeightsError: when first needed: weights that are missing or damaged.
            FeatureContractError: when first needed: the classifier was fitted with other VAEs.
        """
        looking = (sampling or Sampling(), media_limits or MediaLimits(), face_limits or FaceLimits())
        return cls(
            lambda: Eyes(lambda: load_face_detector(faces), *looking),
            lambda: _load_judge(vaes, classifier or asset("classifier.skops"), device),
        )

    @cached_property
    def eyes(self) -> Eyes:
        """What looks at files."""
        return self.load_eyes()

    @cached_property
    def judge(self) -> Judge:
        """The VAEs and the classifier."""
        return self.load_judge()

    def score(self, source: Path | str | bytes) -> Report:
        """Score one file or the bytes of one. What cannot be scored has a status and a reason, not an exception."""
        name, content = ("<bytes>", source) if isinstance(source, bytes) else (str(source), Path(source))
        [scored] = self.score_many([(name, content)])
        return scored.report

    def score_many(self, sources: Iterable[Source]) -> Generator[Scored, None, None]:
        """Score many files, in their order, with the faces of several files in one batch."""
        waiting: list[tuple[Summary, Sight]] = []
        ended: list[_Ended] = []
        for event in ahead(self._watch(sources)):
            if isinstance(event, _Ended):
                ended.append(event)
            else:
                waiting.append(event)
            if _full(waiting):
                self._settle(waiting)
            if not waiting:
                yield from map(self._answer, ended)
                ended.clear()
        self._settle(waiting)
        yield from map(self._answer, ended)

    def _watch(self, sources: Iterable[Source]) -> Iterator[tuple[Summary, Sight] | _Ended]:
        """Every sight of every file, and after a file's last one its end."""
        for name, source in sources:
            summary, started = Summary(name), perf_counter()
            kind: MediaKind = "unknown"
            try:
                media = self.eyes.open(source)
                kind = media.kind
                for sight in self.eyes.look(media):
                    yield summary, sight
                yield _Ended(summary, started, kind, tuple(media.warnings))
            except MediaError as error:
                yield _Ended(summary, started, kind, (str(error),), error)

    def _settle(self, waiting: list[tuple[Summary, Sight]]) -> None:
        """Judge what waits, in one batch, and give every file its part."""
        sights = [sight for _, sight in waiting]
        usable = any(sight.usable for sight in sights)
        judged = self.judge(sights) if usable else [unjudged(sight) for sight in sights]
        for (summary, _), one in zip(waiting, judged, strict=True):
            summary.add(one)
        waiting.clear()

    def _answer(self, end: _Ended) -> Scored:
        report, models = self._report(end)
        elapsed = round(perf_counter() - end.started, 3)
        return Scored(replace(report, models=models, warnings=end.warnings, elapsed_s=elapsed), end.summary)

    def _report(self, end: _Ended) -> tuple[Report, dict[str, str]]:
        """The answer for a file, and the models that it depends on."""
        if end.error is not None:
            return Report(end.summary.path, end.media, "error", end.error.reason), {}
        finder = {self.eyes.detector.name: self.eyes.detector.version}
        if end.summary.probability is None:
            return end.summary.abstention(end.media), finder
        threshold = self.judge.classifier.threshold
        return end.summary.verdict(end.media, threshold), {**finder, **self.judge.models}


def _full(waiting: list[tuple[Summary, Sight]]) -> bool:
    sights = [sight for _, sight in waiting]
    return (
        len(sights) >= SIGHTS_AT_ONCE
        or sum(len(sight.usable) for sight in sights) >= FACES_AT_ONCE
        or sum(sight.frame.pixels.size / 3 for sight in sights) >= PIXELS_AT_ONCE
    )


def _load_judge(vaes: tuple[str, ...], classifier: Path, device: str) -> Judge:
    from detector.classify import FaceClassifier
    from detector.features import backbone

    fitted = FaceClassifier.load(classifier)
    seeing = backbone.load_backbone(device=device) if backbone.NAME in fitted.versions else None
    return Judge(tuple(load_reconstructor(spec, device) for spec in vaes), fitted, version(classifier), seeing)
