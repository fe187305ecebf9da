"""From what workers said of single frames to one report a file: what `Detector.score_many` does in one process."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from detector.faces import concat_crops
from detector.scale.wire import End, Row, Told
from detector.score.judge import Judged
from detector.score.look import Sight
from detector.score.summary import Summary
from detector.types import Frame, Report


class Gather:
    """Puts rows together, which may come in any order and more than once."""

    def __init__(self) -> None:
        self._parts: dict[str, Part] = {}

    def take(self, row: Row) -> Report | None:
        """Take in one row; the report of its file, if that was the last one that was missing."""
        assert isinstance(row.message, Told | End)
        part = self._parts.setdefault(row.message.path, Part(row.message.path))
        part.add(row)
        if not part.complete:
            return None
        return self._parts.pop(row.message.path).report()


@dataclass(eq=False)
class Part:
    """What is known of a file so far."""

    path: str
    told: dict[int, tuple[Told, float]] = field(default_factory=dict)
    end: tuple[End, float] | None = None

    def add(self, row: Row) -> None:
        """Take in one row of it."""
        if isinstance(row.message, Told):
            self.told[row.message.number] = row.message, row.seconds
        elif isinstance(row.message, End):
            self.end = row.message, row.seconds

    @property
    def complete(self) -> bool:
        """Whether nothing is missing; of a file that could not be looked at, nothing more is needed."""
        return self.end is not None and (self.end[0].reason is not None or len(self.told) == self.end[0].sights)

    def report(self) -> Report:
        """The answer; `elapsed_s` is computing time, without the waiting between machines."""
        assert self.end is not None
        end, seconds = self.end
        told = [self.told[number][0] for number in sorted(self.told)]
        report = _report(self.path, end, told)
        elapsed = seconds + sum(spent for _, spent in self.told.values())
        return replace(report, warnings=report.warnings or end.warnings, elapsed_s=round(elapsed, 3))


def _report(path: str, end: End, told: list[Told]) -> Report:
    if end.reason is not None:
        return Report(path, end.media, "error", end.reason)
    if failures := [one.failure for one in told if one.failure]:
        return Report(path, end.media, "error", "failed", warnings=(failures[0],))
    summary = Summary(path)
    for one in told:
        summary.add(_judged(one))
    judges = [one for one in told if one.threshold is not None]
    if not judges or judges[0].threshold is None:
        return replace(summary.abstention(end.media), models=end.finder)
    return replace(summary.verdict(end.media, judges[0].threshold), models={**end.finder, **judges[0].models})


def _judged(told: Told) -> Judged:
    """A judgement without the picture, which stayed where it was judged."""
    sight = Sight(Frame(np.zeros((1, 1, 3), np.uint8), told.time_s), (), (), told.shot)
    crops = concat_crops([], 1)
    return Judged(sight, told.faces, crops, crops.pixels)
