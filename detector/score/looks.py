"""What was seen of one file, frame by frame in any order; no picture of it is kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
from scipy.special import betaincinv

from detector.faces import Tracker, concat_crops
from detector.media import Media
from detector.score.interval import mean_interval
from detector.score.judge import Judged
from detector.score.judges import Judges
from detector.score.look import Eyes
from detector.score.segments import LEAST_SIGHTINGS
from detector.score.summary import Summary
from detector.types import Frame

LEVEL = 0.9
"""How often an interval holds at least."""


class Looks:
    """Looks at the frames of a file in the order of `Media.refining`.

    Args:
        name: of the file.
        media: the file.
        eyes: what looks at it.
        judges: what judges what is seen.
    """

    def __init__(self, name: str, media: Media, eyes: Eyes, judges: Judges) -> None:
        self._name, self._media, self._eyes, self._judges = name, media, eyes, judges
        self._order = media.refining()
        self._rank = np.argsort(self._order)
        self._begun = 0
        self._judged: dict[int, Judged] = {}

    @property
    def complete(self) -> bool:
        """Whether there is no frame left."""
        return self._begun == len(self._order)

    @property
    def frames(self) -> list[int]:
        """The numbers of the frames looked at, ascending."""
        return sorted(self._judged)

    def more(self, count: int) -> None:
        """Look at so many more; raises `MediaError`."""
        numbers = self._order[self._begun : self._begun + count].tolist()
        self._begun += len(numbers)
        for sights in self._eyes.look_at(self._media, numbers):
            self._judged |= {one.sight.frame.index: _without_pictures(one) for one in self._judges(sights)}

    def summary(self) -> Summary:
        """What all looks together say, as if the file had been looked at in order; without pictures."""
        summary = Summary(self._name)
        ordered = [self._judged[number] for number in self.frames]
        for judged in _tracked(ordered) if self._media.kind == "video" else ordered:
            summary.add(judged)
        return summary

    def pictured(self, summary: Summary) -> Summary:
        """The same with the picture of the frame that is to be shown, which is looked at again; raises `MediaError`."""
        if (bare := summary.exhibit) is None:
            return summary
        [[sight]] = self._eyes.look_at(self._media, [bare.sight.frame.index])
        [judged] = self._judges([sight])
        shown = replace(judged, sight=replace(sight, faces=bare.sight.faces), faces=bare.faces)
        summary.first = shown
        for person in summary.persons.values():
            person.exhibit = shown if person.exhibit is bare else None
        return summary

    def interval(self, summary: Summary) -> tuple[float, float] | None:
        """Where the probability lies that all frames would give, for those who were seen; None where nobody was judged.

        The one who is most suspicious decides: each person who may be has an interval, and all hold together as often
        as `LEVEL` says (Bonferroni). In the frames not looked at a person is taken to be there, at most.
        """
        tracks = [person.best.track for person in summary.deciding]
        values = self._drawn(summary)
        missed = [len(self._judged) - len(values[track]) for track in tracks]
        ends = [
            mean_interval(values[track], self._media.frame_count - elsewhere, (1 - LEVEL) / len(tracks))
            for track, elsewhere in zip(tracks, missed, strict=True)
        ]
        return (max(low for low, _ in ends), max(high for _, high in ends)) if ends else None

    def _drawn(self, summary: Summary) -> dict[int | None, list[float]]:
        """The probabilities of each track, in the order in which its frames were drawn."""
        rank = {one.sight.frame.time_s: self._rank[number] for number, one in self._judged.items()}
        drawn: dict[int | None, list[float]] = defaultdict(list)
        for face in sorted(summary.sightings, key=lambda face: int(rank[face.time_s])):
            if face.probability is not None:
                drawn[face.track].append(face.probability)
        return drawn

    @property
    def unnoticed(self) -> float:
        """In how large a share of the frames somebody may be and not have been seen often enough to decide.

        The upper bound of C. J. Clopper and E. S. Pearson, 1934, for who was seen once too rarely.
        """
        seen, least = len(self._judged), min(LEAST_SIGHTINGS, self._media.frame_count)
        if seen == self._media.frame_count:
            return 0.0
        return float(betaincinv(least, seen - least + 1, LEVEL)) if seen >= least else 1.0


def _without_pictures(judged: Judged) -> Judged:
    frame, nothing = judged.sight.frame, concat_crops([], 1)
    bare = Frame(np.empty((0, 0, 3), np.uint8), frame.time_s, frame.index)
    return replace(judged, sight=replace(judged.sight, frame=bare), crops=nothing, reconstruction=nothing.pixels)


def _tracked(judged: Iterable[Judged]) -> Iterator[Judged]:
    """The same with every face's track, by place and size."""
    tracker = Tracker()
    for one in judged:
        faces = tracker.update(one.sight.faces, one.sight.frame.index)
        reports = tuple(replace(report, track=face.track) for report, face in zip(one.faces, faces, strict=True))
        yield replace(one, sight=replace(one.sight, faces=faces), faces=reports)
