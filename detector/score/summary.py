"""From judged frames to one answer for the file."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from detector.score.judge import Judged
from detector.score.segments import LEAST_SIGHTINGS, follow
from detector.types import FaceReport, MediaKind, Report, Status, TimelinePoint

LONGEST_ABSENCE = 32
"""Who was missing in as many of the frames looked at does not come back: trackers end a track sooner."""


@dataclass(eq=False)
class Person:
    """One person through a file: every frame of a video that shows a track, or one face of a picture.

    Attributes:
        best: the most suspicious sighting, which stands for the person.
        exhibit: the judged frame of that sighting, for the pictures; None once another person's is sure to be shown.
        probabilities: of every sighting that could be judged.
        last: of the frames looked at, which one showed them last.
    """

    best: FaceReport
    exhibit: Judged | None
    probabilities: list[float] = field(default_factory=list)
    last: int = 0

    def add(self, face: FaceReport, judged: Judged) -> None:
        """Remember one more sighting."""
        if face.probability is None:
            return
        if self.best.probability is None or face.probability > self.best.probability:
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
    _pictured: list[Person] = field(default_factory=list, init=False, repr=False)

    def add(self, judged: Judged) -> None:
        """Take in one more judged frame."""
        self.first = self.first or judged
        self.sightings += [replace(face, regions=()) for face in judged.faces]
        for row, face in enumerate(judged.faces):
            key = row if face.track is None else face.track
            self._person(key, face, judged).add(face, judged)
        self._let_go()
        scored = [face.probability for face in judged.faces if face.probability is not None]
        self.timeline.append(TimelinePoint(judged.sight.frame.time_s, max(scored, default=None), judged.sight.shot))

    def _person(self, key: int, face: FaceReport, judged: Judged) -> Person:
        if key not in self.persons:
            self.persons[key] = Person(face, judged)
            self._pictured.append(self.persons[key])
        self.persons[key].last = len(self.timeline)
        return self.persons[key]

    def _let_go(self) -> None:
        """Keep the frames of those who may still be seen, and of the most suspicious of those who have left.

        A frame of 1080p is 6 MB: with everybody's, memory would grow with every cut of a film.
        """
        gone = [person for person in self._pictured if person.last <= len(self.timeline) - LONGEST_ABSENCE]
        if len(gone) < 2:
            return
        staying = [person for person in self._pictured if person not in gone] + [most_suspicious(gone)]
        kept = {id(person.exhibit) for person in staying}
        for person in gone:
            person.exhibit = person.exhibit if id(person.exhibit) in kept else None
        self._pictured = [person for person in self._pictured if person.exhibit is not None]

    @property
    def exhibit(self) -> Judged | None:
        """The frame to show: the one in which the person who decides is most suspicious; None where there is none."""
        return most_suspicious(list(self.persons.values())).exhibit if self.persons else self.first

    @property
    def deciding(self) -> list[Person]:
        """Those of whom one decides: seen in enough frames, or nobody was seen in more."""
        seen = [person for person in self.persons.values() if person.probabilities]
        enough = min(LEAST_SIGHTINGS, max((len(person.probabilities) for person in seen), default=0))
        return [person for person in seen if len(person.probabilities) >= enough]

    @property
    def probability(self) -> float | None:
        """That of the most suspicious person; None when nobody could be judged."""
        return max((person.probability or 0.0 for person in self.deciding), default=None)

    def verdict(self, media: MediaKind, threshold: float) -> Report:
        """The answer for a file in which somebody could be judged."""
        probability = self.probability
        fake = probability is not None and probability >= threshold
        return replace(
            self._found(media, "ok", threshold),
            fake_probability=probability,
            threshold=threshold,
            verdict="fake" if fake else "real",
        )

    def abstention(self, media: MediaKind) -> Report:
        """The answer for a file in which nobody could be judged, with the reason."""
        return replace(self._found(media, "abstained"), reason=self._reason())

    def _found(self, media: MediaKind, status: Status, threshold: float | None = None) -> Report:
        faces = tuple(person.report() for person in self.persons.values())
        if media != "video":
            return Report(self.path, media, status, faces=faces)
        followed = tuple(self._followed(faces, threshold))
        return Report(self.path, media, status, faces=followed, timeline=tuple(self.timeline))

    def _followed(self, faces: Sequence[FaceReport], threshold: float | None) -> Iterator[FaceReport]:
        """The persons of a video with what is known of each through time."""
        seen: dict[int | None, list[FaceReport]] = defaultdict(list)
        for sighting in self.sightings:
            seen[sighting.track].append(sighting)
        deciding = {person.best.track for person in self.deciding}
        for face in faces:
            yield replace(face, person=follow(face, seen[face.track], threshold, face.track in deciding))

    def _reason(self) -> str:
        reasons = Counter(person.best.reason for person in self.persons.values() if person.best.reason)
        return str(reasons.most_common(1)[0][0]) if reasons else "no_face"


def most_suspicious(persons: Sequence[Person]) -> Person:
    """Of one person or more the one of the highest probability; of several such, who came last."""
    return sorted(persons, key=lambda person: -1.0 if person.probability is None else person.probability)[-1]
