"""What has to be done again and again beside the work: keep the leases, let go of what is old."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event, Thread

from detector.service.logs import log
from detector.service.settings import Keep
from detector.service.spool import Spool
from detector.service.store import Store

DAY_S = 86400.0


class Every:
    """A thread that does something again and again, until the context is left; what goes wrong is logged.

    Args:
        seconds: from the end of one time to the begin of the next; the first is at once.
        work: what is done.
        what: its name in the log.
    """

    def __init__(self, seconds: float, work: Callable[[], None], what: str) -> None:
        self._seconds, self._work, self._what = seconds, work, what
        self._stop = Event()
        self._thread = Thread(target=self._run, name=what, daemon=True)

    def __enter__(self) -> Every:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            try:
                self._work()
            except Exception:
                log.exception("upkeep failed, it is tried again", upkeep=self._what)
            if self._stop.wait(self._seconds):
                return


def let_go(store: Store, spool: Spool, keep: Keep) -> None:
    """Delete what is older than it may be, and what killed processes have left behind."""
    now = time.time()
    forgotten = store.forget(now - keep.media_days * DAY_S, now - keep.result_days * DAY_S)
    for blob in forgotten.blobs:
        spool.delete(blob)
    for item in forgotten.items:
        spool.drop_pictures(item)
    strays = spool.sweep(store.blobs(), store.pictured())
    if forgotten.items or strays:
        log.info("let go of what is old", items=len(forgotten.items), strays=strays)
