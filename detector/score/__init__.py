"""The whole path: media -> faces -> VAEs -> features -> classifier -> Report.

This is where the stages meet: `Detector` holds the loaded models and composes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from detector.errors import MediaError
from detector.faces import FaceLimits, load_face_detector
from detector.media import MediaLimits, Sampling
from detector.score.ahead import ahead
from detector.score.look import Eyes, Sight
from detector.score.summary import Summary
from detector.types import MediaKind, Report
from detector.vae import load_reconstructor
from detector.weights import asset, version

if TYPE_CHECKING:
    from detector.score.judge import Judge

__all__ = ["Detector", "Scored", "Source"]

CROPS_AT_ONCE = 64
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


@dataclass(frozen=True, eq=False)
class Detector:
    """The loaded models. Make one with `Detector.load` and keep it: loading costs more than a score.

    Attributes:
        eyes: how files are looked at.
        judge: the VAEs and the classifier.
        models: every model that a score depends on, name -> version.
    """

    eyes: Eyes
    judge: Judge
    models: dict[str, str]

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
        """Load the models.

        Args:
            faces: an entry of `FACE_DETECTORS`, or "auto".
            vaes: the reconstructors that the classifier was fitted with, as "name" or "name:source".
            classifier: a saved `FaceClassifier`; None is the embedded one.
            device: the Torch device of the VAEs.
            sampling: which frames of a video are looked at; 32 over the whole clip when None.
            media_limits: what is refused before and while decoding.
            face_limits: which faces are refused.

        Raises:
            UnknownNameError: an unknown face detector or reconstructor.
            WeightsError: weights that are missing or damaged.
            FeatureContractError: the classifier was fitted with other VAEs.
        """
        from detector.classify import FaceClassifier
        from detector.score.judge import Judge

        fitted = classifier or asset("classifier.skops")
        models = tuple(load_reconstructor(spec, device) for spec in vaes)
        judge = Judge(models, FaceClassifier.load(fitted))
        eyes = Eyes(
            load_face_detector(faces),
            models[0].size,
            sampling or Sampling(),
            media_limits or MediaLimits(),
            face_limits or FaceLimits(),
        )
        versions = {model.name: model.version for model in (eyes.detector, *models)}
        return cls(eyes, judge, {**versions, "classifier": version(fitted)})

    def score(self, source: Path | str | bytes) -> Report:
        """Score one file or the bytes of one. What cannot be scored has a status and a reason, not an exception."""
        name, content = ("<bytes>", source) if isinstance(source, bytes) else (str(source), Path(source))
        [scored] = self.score_many([(name, content)])
        return scored.report

    def score_many(self, sources: Iterable[Source]) -> Iterator[Scored]:
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
        if waiting:
            judged = self.judge([sight for _, sight in waiting])
            for (summary, _), one in zip(waiting, judged, strict=True):
                summary.add(one)
            waiting.clear()

    def _answer(self, end: _Ended) -> Scored:
        elapsed = perf_counter() - end.started
        report = end.summary.report(end.media, self.judge.classifier.threshold) if end.error is None else _failed(end)
        return Scored(
            replace(report, models=self.models, warnings=end.warnings, elapsed_s=round(elapsed, 3)), end.summary
        )


def _full(waiting: list[tuple[Summary, Sight]]) -> bool:
    return len(waiting) >= SIGHTS_AT_ONCE or sum(len(sight.crops) for _, sight in waiting) >= CROPS_AT_ONCE


def _failed(end: _Ended) -> Report:
    return Report(end.summary.path, end.media, "error", end.error.reason if end.error else None)
