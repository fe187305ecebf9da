"""Decode and detect ahead of the VAE, on another thread: both release the interpreter while they compute."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import TypeVar

T = TypeVar("T")

_END = object()


def ahead(items: Iterable[T], depth: int = 4) -> Iterator[T]:
    """The same items in the same order, made up to `depth` of them ahead on a thread.

    An exception of `items` is raised here; closing this iterator stops the thread.
    """
    queue: Queue[object] = Queue(depth)
    stop = Event()
    thread = Thread(target=_fill, args=(items, queue, stop), name="ahead", daemon=True)
    thread.start()
    try:
        while (item := queue.get()) is not _END:
            if isinstance(item, _Raised):
                raise item.error
            yield item  # type: ignore[misc]  # only what `items` gave is put there
    finally:
        stop.set()
        _drain(queue)
        thread.join()


class _Raised:
    def __init__(self, error: BaseException) -> None:
        self.error = error


def _fill(items: Iterable[object], queue: Queue[object], stop: Event) -> None:
    last: object = _END
    try:
        for item in items:
            if not _put(queue, item, stop):
                return
    except BaseException as error:  # whatever it is, it is the consumer's to see
        last = _Raised(error)
    _put(queue, last, stop)


def _put(queue: Queue[object], item: object, stop: Event) -> bool:
    while not stop.is_set():
        try:
            queue.put(item, timeout=0.1)
        except Full:
            continue
        return True
    return False


def _drain(queue: Queue[object]) -> None:
    while True:
        try:
            queue.get_nowait()
        except Empty:
            return
