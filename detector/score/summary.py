"""From judged frames to one answer for the file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

from detector.score.judge import Judged
from detector.types import FaceReport, MediaKind, Report, Status, TimelinePoint

LEAST_SIGHTINGS = 3
"""In a video, a person seen in fewer frames than this decides nothing, unless nobody was seen in more."""


@dataclass(eq=False)
class Person:
    """One person through a file: every frame of a video that shows a track, or one face of a picture.

    Attributes:
        best: the most suspicious sighting, which stands for the person.
        exhibit: the judged frame of that sighting, for the pictures.
        probabilities: of every sighting that could be judged.
    """

    best: FaceReport
    exhibit: Judged
    probabilities: list[float] = field(default_factory=list)

    def add(self, face: FaceReport, judged: Judged) -> None:
        """Remember one more sighting."""
        if face.probability is None:
            return
        if not self.probabilities or face.probability > max(self.probabilities):
            self.best, self.exhibit = face, judged
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
    """What is known of one file so far.

    Attributes:
        path: the file.
        persons: everybody in it, by track, or by row in a picture.
        timeline: the most suspicious face of every frame of a video.
        sightings: every face of every frame, without its evidence.
        first: the first frame, for the pictures of a file in which there is nobody.
    """

    path: str
    persons: dict[int, Person] = field(default_factory=dict)
    timeline: list[TimelinePoint] = field(default_factory=list)
    sightings: list[FaceReport] = field(default_factory=list)
    first: Judged | None = None

    def add(self, judged: Judged) -> None:
        """Take in one more judged frame."""
        self.first = self.first or judged
        self.sightings += [replace(face, regions=()) for face in judged.faces]
        for row, face in enumerate(judged.faces):
            key = row if face.track is None else face.track
            self.persons.setdefault(key, Person(face, judged)).add(face, judged)
        scored = [face.probability for face in judged.faces if face.probability is not None]
        self.timeline.append(TimelinePoint(judged.sight.frame.time_s, max(scored, default=None)))

    @property
    def probability(self) -> float | None:
        """That of the most suspicious person; None when nobody could be judged."""
        seen = [person for person in self.persons.values() if person.probabilities]
        if not seen:
            return None
        enough = min(LEAST_SIGHTINGS, max(len(person.probabilities) for person in seen))
        return max(person.probability or 0.0 for person in seen if len(person.probabilities) >= enough)

    def verdict(self, media: MediaKind, threshold: float) -> Report:
        """The answer for a file in which somebody could be judged."""
        probability = self.probability
        fake = probability is not None and probability >= threshold
        return replace(
            self._found(media, "ok"),
            fake_probability=probability,
            threshold=threshold,
            verdict="fake" if fake else "real",
        )

    def abstention(self, media: MediaKind) -> Report:
        """The answer for a file in which nobody could be judged, with the reason."""
        return replace(self._found(media, "abstained"), reason=self._reason())

    def _found(self, media: MediaKind, status: Status) -> Report:
        faces = tuple(person.report() for person in self.persons.values())
        return Report(self.path, media, status, faces=faces, timeline=tuple(self.timeline) if media == "video" else ())

    def _reason(self) -> str:
        reasons = Counter(person.best.reason for person in self.persons.values() if person.best.reason)
        return str(reasons.most_common(1)[0][0]) if reasons else "no_face"
