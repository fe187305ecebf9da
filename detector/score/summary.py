"""From judged frames to one answer for the file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

from detector.score.judge import Judged
from detector.types import FaceReport, Frame, MediaKind, Report, TimelinePoint, Verdict

LEAST_SIGHTINGS = 3
"""In a video, a person seen in fewer frames than this decides nothing, unless nobody was seen in more."""


@dataclass(eq=False)
class Person:
    """One person through a file: every frame of a video that shows a track, or one face of a picture."""

    best: FaceReport
    frame: Frame
    probabilities: list[float] = field(default_factory=list)

    def add(self, face: FaceReport, frame: Frame) -> None:
        """Remember one more sighting; the most suspicious one is shown."""
        if face.probability is None:
            return
        if not self.probabilities or face.probability > max(self.probabilities):
            self.best, self.frame = face, frame
        self.probabilities.append(face.probability)

    @property
    def probability(self) -> float | None:
        """The mean over the frames that could be judged; None where there was none."""
        return sum(self.probabilities) / len(self.probabilities) if self.probabilities else None

    def report(self) -> FaceReport:
        """The most suspicious sighting, with the probability of the person."""
        return replace(self.best, probability=self.probability)


@dataclass(eq=False)
class Summary:
    """What is known of one file so far; `exhibits` keeps, for each person, the sighting that the pictures show."""

    path: str
    persons: dict[int, Person] = field(default_factory=dict)
    timeline: list[TimelinePoint] = field(default_factory=list)
    exhibits: dict[int, Judged] = field(default_factory=dict)

    def add(self, judged: Judged) -> None:
        """Take in one more judged frame."""
        for row, face in enumerate(judged.faces):
            key = row if face.track is None else face.track
            person = self.persons.setdefault(key, Person(face, judged.sight.frame))
            person.add(face, judged.sight.frame)
            if person.best is face:
                self.exhibits[key] = judged
        scored = [face.probability for face in judged.faces if face.probability is not None]
        self.timeline.append(TimelinePoint(judged.sight.frame.time_s, max(scored, default=None)))

    def report(self, media: MediaKind, threshold: float) -> Report:
        """The answer: the probability of the most suspicious person, or the reason why there is none."""
        probability = self._probability()
        found = Report(
            path=self.path,
            media=media,
            status="abstained",
            threshold=threshold,
            faces=tuple(person.report() for person in self.persons.values()),
            timeline=tuple(self.timeline) if media == "video" else (),
        )
        if probability is None:
            return replace(found, reason=self._reason())
        verdict: Verdict = "fake" if probability >= threshold else "real"
        return replace(found, status="ok", fake_probability=probability, verdict=verdict)

    def _probability(self) -> float | None:
        seen = [person for person in self.persons.values() if person.probabilities]
        if not seen:
            return None
        enough = min(LEAST_SIGHTINGS, max(len(person.probabilities) for person in seen))
        return max(person.probability or 0.0 for person in seen if len(person.probabilities) >= enough)

    def _reason(self) -> str:
        reasons = Counter(person.best.reason for person in self.persons.values() if person.best.reason)
        return str(reasons.most_common(1)[0][0]) if reasons else "no_face"
