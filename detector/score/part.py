"""What is judged together: sights of one file or of several, and the files that ended among them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from detector.score.answer import Ended
from detector.score.judge import Judged
from detector.score.look import Sight
from detector.score.summary import Summary

Judging = Callable[[Sequence[Sight]], list[Judged] | Callable[[], list[Judged]]]
"""Sights to what was judged, or to what waits for it."""


@dataclass(eq=False)
class Part:
    """Sights and ends in the order in which they came: a file's sights before its end, in this part or earlier ones.

    Attributes:
        seen: the sights, each with the summary of its file.
        ended: the files that ended.
    """

    seen: list[tuple[Summary, Sight]] = field(default_factory=list)
    ended: list[tuple[Summary, Ended]] = field(default_factory=list)
    _judged: list[Judged] | Callable[[], list[Judged]] = field(default_factory=list)

    @property
    def sights(self) -> list[Sight]:
        """What is to be judged."""
        return [sight for _, sight in self.seen]

    def add(self, summary: Summary, event: Sight | Ended) -> None:
        """Take in what came next of a file."""
        if isinstance(event, Ended):
            self.ended.append((summary, event))
        else:
            self.seen.append((summary, event))

    def begin(self, judge: Judging) -> Part:
        """Have the sights judged; `settle` waits for it."""
        self._judged = judge(self.sights)
        return self

    def settle(self) -> list[tuple[Summary, Ended]]:
        """Give every file its part; the files that ended, whose summaries are whole once earlier parts are settled."""
        judged = self._judged() if callable(self._judged) else self._judged
        for (summary, _), one in zip(self.seen, judged, strict=True):
            summary.add(one)
        return self.ended
