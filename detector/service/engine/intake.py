"""Files that wait for a decoder: pictures pass a video that may not begin yet."""

from __future__ import annotations

from collections import deque
from threading import Condition
from typing import Generic, TypeVar

from detector.service.engine.case import Case

T = TypeVar("T")


class Intake(Generic[T]):
    """Files in the order in which they came, of which no more than some are videos being decoded.

    Args:
        videos: that may be decoded at the same time.
    """

    def __init__(self, videos: int) -> None:
        self._videos = videos
        self._waiting: deque[Case[T]] = deque()
        self._changed = Condition()
        self._running, self._closed = 0, False

    def put(self, case: Case[T]) -> None:
        """Hand in a file."""
        with self._changed:
            self._waiting.append(case)
            self._changed.notify_all()

    def take(self) -> Case[T] | None:
        """The next file that may be decoded, as soon as there is one; None once all is closed and done."""
        with self._changed:
            self._changed.wait_for(lambda: self._next() is not None or (self._closed and not self._waiting))
            case = self._next()
            if case is not None:
                self._waiting.remove(case)
                self._running += case.task.media != "image"
            return case

    def done(self, case: Case[T]) -> None:
        """A file that was taken has been decoded."""
        with self._changed:
            self._running -= case.task.media != "image"
            self._changed.notify_all()

    def withdraw(self) -> list[Case[T]]:
        """Take back all that no decoder has begun."""
        with self._changed:
            waiting = list(self._waiting)
            self._waiting.clear()
            self._changed.notify_all()
            return waiting

    def close(self) -> None:
        """Nothing more will be put in."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _next(self) -> Case[T] | None:
        room = self._running < self._videos
        return next((case for case in self._waiting if room or case.task.media == "image"), None)
