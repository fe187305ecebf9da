"""One file in the engine, from its first sight to its answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar

from detector.errors import MediaError
from detector.score.answer import Ended
from detector.score.judge import Judged, unjudged
from detector.score.look import Sight
from detector.score.summary import Summary
from detector.types import MediaKind

T = TypeVar("T")


@dataclass(frozen=True)
class Task(Generic[T]):
    """A file that is to be scored.

    Attributes:
        ticket: by which whoever hands it in knows it.
        path: where it lies.
        name: what its report calls it.
        media: what it was taken for, by its first bytes.
    """

    ticket: T
    path: Path
    name: str
    media: MediaKind


class Case(Generic[T]):
    """A file whose sights are judged, in whatever order that happens; its summary gets them in their own.

    Args:
        task: the file.
        finish: called once, with how it ended, when every sight is in the summary.
    """

    def __init__(self, task: Task[T], finish: Callable[[Case[T], Ended], None]) -> None:
        self.task, self.summary = task, Summary(task.name)
        self.dropped = False
        self._finish = finish
        self._early: dict[int, Judged] = {}
        self._seen, self._added = 0, 0
        self._ended: Ended | None = None
        self._failure: Exception | None = None
        self._lock = Lock()

    def see(self, sight: Sight) -> Callable[[Judged | Exception], None]:
        """Expect the judgement of one more sight; where to tell it."""
        place, self._seen = self._seen, self._seen + 1

        def tell(result: Judged | Exception) -> None:
            if isinstance(result, Exception):
                self._failure = result
                result = unjudged(sight)
            self._add(place, result)

        return tell

    def end(self, ended: Ended) -> None:
        """No more sights come."""
        with self._lock:
            self._ended = ended
        self._settle()

    def _add(self, place: int, judged: Judged) -> None:
        with self._lock:
            self._early[place] = judged
            while (ready := self._early.pop(self._added, None)) is not None:
                self.summary.add(ready)
                self._added += 1
        self._settle()

    def _settle(self) -> None:
        with self._lock:
            ended = self._ended
            if ended is None or self._added < self._seen:
                return
            self._ended = None
        self._finish(self, ended if self._failure is None else _failed(ended, self._failure))


def _failed(ended: Ended, failure: Exception) -> Ended:
    """The end of a file that the models could not judge."""
    message = f"the models failed on the content ({type(failure).__name__}: {failure}); this is a defect, report it"
    return replace(ended, warnings=(message,), error=MediaError("failed", message))
