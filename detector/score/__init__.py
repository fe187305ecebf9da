"""The whole path: media -> faces -> VAEs -> features -> classifier -> Report.

This is where the stages meet: `Detector` holds the loaded models and composes them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import starmap
from pathlib import Path

from detector.errors import UsageError
from detector.faces import FaceLimits, load_face_detector
from detector.media import MediaLimits, Sampling
from detector.score.ahead import ahead
from detector.score.answer import Ended, Scored, answer, watch
from detector.score.budget import score_within
from detector.score.judge import Judge
from detector.score.judges import FACES_AT_ONCE, FACES_AT_ONCE_ON_GPU, SIGHTS_AT_ONCE, Judges, full
from detector.score.look import PIXELS_AT_ONCE, Eyes, Sight
from detector.score.part import Part
from detector.score.summary import Summary
from detector.types import Report
from detector.weights import asset, version

__all__ = ["Detector", "Scored", "Source"]

Source = tuple[str, Path | bytes]
"""What a file is called in its report, and the file or its bytes."""


@dataclass(eq=False)
class Detector:
    """The models and how they are composed. Make one with `Detector.load` and keep it.

    Models are loaded when a file first needs them, once: a file that cannot be decoded costs no VAE.

    Attributes:
        load_eyes: gives what looks at files.
        load_judge: gives the VAEs and the classifier.
        faces_at_once: that are judged in one pass.
    """

    load_eyes: Callable[[], Eyes]
    load_judge: Callable[[], Judge]
    faces_at_once: int = FACES_AT_ONCE

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
            FACES_AT_ONCE if device == "cpu" else FACES_AT_ONCE_ON_GPU,
        )

    @cached_property
    def eyes(self) -> Eyes:
        """What looks at files."""
        return self.load_eyes()

    @cached_property
    def judges(self) -> Judges:
        """The VAEs and the classifier, on all cores."""
        return Judges(self.load_judge)

    def score(self, source: Path | str | bytes, budget_s: float | None = None) -> Report:
        """Score one file or the bytes of one. What cannot be scored has a status and a reason, not an exception.

        Args:
            source: the file or its bytes.
            budget_s: how many seconds a video may take: as many of its frames are looked at as that allows, whatever
                the sampling, and the report is a `PartialReport`, which tells how well the probability is known.

        Raises:
            UsageError: a budget that is no positive number.
        """
        name, content = ("<bytes>", source) if isinstance(source, bytes) else (str(source), Path(source))
        [scored] = self.score_many([(name, content)], budget_s)
        return scored.report

    def score_many(self, sources: Iterable[Source], budget_s: float | None = None) -> Generator[Scored, None, None]:
        """Score many files, in their order, with the faces of several files in one batch.

        With a budget, which is each file's own, every file is scored by itself.
        """
        if budget_s is None:
            yield from self._score_together(sources)
            return
        if not 0 < budget_s < float("inf"):
            raise UsageError(f"budget_s: expected a positive number of seconds, got {budget_s}")
        for name, source in sources:
            yield score_within(name, source, budget_s, self.eyes, self.judges)

    def _score_together(self, sources: Iterable[Source]) -> Iterator[Scored]:
        part, begun = Part(), deque[Part]()
        for summary, event in ahead(self._watch(sources), 2 * SIGHTS_AT_ONCE, _pixels, PIXELS_AT_ONCE):
            part.add(summary, event)
            if full(part.sights, self.faces_at_once):
                begun.append(part.begin(self.judges.begin))
                part = Part()
            while len(begun) > self.judges.room:
                yield from self._answers(begun.popleft())
            if not begun and not part.sights:
                yield from self._answers(part.begin(self.judges))
                part = Part()
        # A last part that has the machine to itself is judged on all cores.
        part.begin(self.judges.begin if begun else self.judges)
        for last in (*begun, part):
            yield from self._answers(last)

    def _answers(self, part: Part) -> Iterator[Scored]:
        """Of the files that ended in a part, which is waited for."""
        return starmap(self._answer, part.settle())

    def _watch(self, sources: Iterable[Source]) -> Iterator[tuple[Summary, Sight | Ended]]:
        """Every sight of every file, and after a file's last one its end."""
        for name, source in sources:
            summary = Summary(name)
            for event in watch(partial(self.eyes.open, source), self.eyes.look):
                yield summary, event

    def _answer(self, summary: Summary, ended: Ended) -> Scored:
        return answer(summary, ended, lambda: self.eyes.detector, lambda: self.judges.judge)


def _pixels(seen: tuple[Summary, Sight | Ended]) -> float:
    return 0.0 if isinstance(seen[1], Ended) else seen[1].frame.pixels.size / 3


def _load_judge(vaes: tuple[str, ...], classifier: Path, device: str) -> Judge:
    from detector.classify import FaceClassifier
    from detector.features import backbone
    from detector.vae import load_reconstructor

    fitted = FaceClassifier.load(classifier)
    seeing = backbone.load_backbone(device=device) if backbone.NAME in fitted.versions else None
    return Judge(tuple(load_reconstructor(spec, device) for spec in vaes), fitted, version(classifier), seeing)
