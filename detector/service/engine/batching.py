"""Faces of many files in one pass of the models: what comes within a moment is judged together."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from threading import Condition
from time import monotonic

from detector.score.judge import Judged
from detector.score.look import PIXELS_AT_ONCE, Sight

Judging = Callable[[Sequence[Sight]], Sequence[Judged]]
"""A `Judge`, or what stands for one."""


@dataclass(frozen=True, eq=False)
class Waiting:
    """A sight with a usable face, and where its judgement goes: what was judged, or why it could not be."""

    sight: Sight
    tell: Callable[[Judged | Exception], None]

    @property
    def faces(self) -> int:
        """How many are to be judged."""
        return len(self.sight.usable)

    @property
    def pixels(self) -> float:
        """Of its frame."""
        return self.sight.frame.pixels.size / 3


class Batches:
    """Sights on their way to the judges; threads put them in and take them out.

    Args:
        faces: of one batch at most, but for a sight that has more.
        wait_s: how long a sight waits for others.
        pixels: no more are taken in while so many wait: memory stays flat, whatever comes.
    """

    def __init__(self, faces: int, wait_s: float, pixels: float = 2 * PIXELS_AT_ONCE) -> None:
        self._faces, self._wait_s, self._most_pixels = faces, wait_s, pixels
        self._waiting: deque[tuple[float, Waiting]] = deque()
        self._changed = Condition()
        self._idle, self._closed = 0, False

    def put(self, one: Waiting) -> None:
        """Hand in a sight; waits while too much waits already."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or not self._waiting or self._pixels() < self._most_pixels)
            self._waiting.append((monotonic() + self._wait_s, one))
            self._changed.notify_all()

    def take(self) -> list[Waiting]:
        """The next batch, as soon as it is full or its oldest sight has waited; none once all is closed and done.

        Judges that are idle share what is there: none gets all of it while another waits.
        """
        with self._changed:
            self._idle += 1
            while not self._closed and (left := self._left_s()) != 0.0:
                self._changed.wait(left)
            batch = self._next()
            self._idle -= 1
            self._changed.notify_all()
            return batch

    def close(self) -> None:
        """Nothing more will be put in."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _left_s(self) -> float | None:
        """How long the next batch may still grow; None where there is none."""
        if not self._waiting:
            return None
        if self._count() >= self._faces or self._pixels() >= PIXELS_AT_ONCE:
            return 0.0
        return max(0.0, self._waiting[0][0] - monotonic())

    def _next(self) -> list[Waiting]:
        batch: list[Waiting] = []
        most = min(self._faces, ceil(self._count() / self._idle))
        faces, pixels = 0, 0.0
        while self._waiting:
            one = self._waiting[0][1]
            faces, pixels = faces + one.faces, pixels + one.pixels
            if batch and (faces > most or pixels > PIXELS_AT_ONCE):
                break
            batch.append(self._waiting.popleft()[1])
        if self._waiting and self._idle > 1:  # the rest is the others' share: it has waited enough
            self._waiting[0] = (0.0, self._waiting[0][1])
        return batch

    def _count(self) -> int:
        return sum(one.faces for _, one in self._waiting)

    def _pixels(self) -> float:
        return sum(one.pixels for _, one in self._waiting)


def judge_each(judge: Judging, batch: Sequence[Waiting]) -> None:
    """Judge a batch and tell everybody. If that fails, they are judged one by one: only who is at fault is told so."""
    try:
        results: Sequence[Judged | Exception] = judge([one.sight for one in batch])
    except Exception as error:
        if len(batch) > 1:
            for one in batch:
                judge_each(judge, [one])
            return
        results = [error]
    for one, result in zip(batch, results, strict=True):
        one.tell(result)
