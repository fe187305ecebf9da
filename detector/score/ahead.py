"""Decode and detect ahead of the VAE, on another thread: both release the interpreter while they compute."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from math import inf
from threading import Condition, Thread
from typing import Generic, TypeVar

T = TypeVar("T")


def ahead(
    items: Iterable[T], depth: int = 4, weigh: Callable[[T], float] = lambda _: 0.0, most: float = inf
) -> Iterator[T]:
    """The same items in the same order, made up to `depth` of them ahead on a thread.

    An exception of `items` is raised here; closing this iterator stops the thread.

    Args:
        items: what to make.
        depth: how many may be ready.
        weigh: what an item weighs, e.g. in pixels.
        most: nothing is made while what is ready weighs as much: memory stays flat, however heavy items are.
    """
    line: _Line[T] = _Line(depth, weigh, most)
    thread = Thread(target=line.fill, args=(items,), name="ahead", daemon=True)
    thread.start()
    try:
        yield from line
    finally:
        line.close()
        thread.join()


class _Line(Generic[T]):
    """What is ready, between the thread that makes it and the one that takes it."""

    def __init__(self, depth: int, weigh: Callable[[T], float], most: float) -> None:
        self._ready: deque[T] = deque()
        self._depth, self._weigh, self._most = depth, weigh, most
        self._weight, self._ended, self._closed = 0.0, False, False
        self._error: BaseException | None = None
        self._changed = Condition()

    def fill(self, items: Iterable[T]) -> None:
        """Make items until there are no more, or nobody wants any."""
        try:
            for item in items:
                if not self._put(item):
                    return
        except BaseException as error:  # whatever it is, it is the taker's to see
            self._error = error
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def __iter__(self) -> Iterator[T]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._ready or self._ended)
                if not self._ready:
                    break
                item = self._ready.popleft()
                self._weight -= self._weigh(item)
                self._changed.notify_all()
            yield item
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Nobody wants any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _put(self, item: T) -> bool:
        with self._changed:
            self._ready.append(item)
            self._weight += self._weigh(item)
            self._changed.notify_all()
            self._changed.wait_for(self._room)
            return not self._closed

    def _room(self) -> bool:
        return self._closed or (len(self._ready) < self._depth and self._weight < self._most)
