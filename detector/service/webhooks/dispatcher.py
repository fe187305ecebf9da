"""The tries, until a message is delivered or dead.

What is owed stands in the store and is leased there: a process that is killed loses nothing, and what it held is taken
up again by itself or by another when the lease runs out.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from threading import Event, Thread
from typing import Protocol

from detector.service.logs import log
from detector.service.metrics import WEBHOOKS
from detector.service.records import Delivery
from detector.service.settings import Webhooks
from detector.service.webhooks.sender import Answer

AT_ONCE = 8
"""Tries at the same time."""
IDLE_S = 1.0
"""How often the store is asked while nothing is owed."""
LOOK_UP_S = 60.0
"""Longer than looking up a name takes, so that no lease runs out during a try."""
LONGEST_WAIT_S = 3600.0


class Outbox(Protocol):
    """What is needed of `detector.service.store.Store`."""

    def owed(self, worker: str, limit: int, lease_s: float) -> Sequence[Delivery]: ...

    def delivered(self, delivery_id: str) -> None: ...

    def failed(self, delivery_id: str, error: str, next_at: float | None) -> None: ...


class Dispatcher:
    """A thread that sends what is owed; any number of processes may have one on the same store.

    Args:
        store: what is owed.
        send: one try, e.g. `Sender.send`.
        settings: how often, and how long between.
        name: of this process; what it takes is leased to it.
        clock: seconds since 1970, UTC.
        draw: a random number in [0, 1), for the jitter.
    """

    def __init__(
        self,
        store: Outbox,
        send: Callable[[Delivery], Answer],
        settings: Webhooks,
        name: str,
        clock: Callable[[], float] = time.time,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._store, self._send, self._settings, self._name = store, send, settings, name
        self._clock, self._draw = clock, draw
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="webhooks", daemon=True)

    def start(self) -> None:
        """Begin, in the background."""
        self._thread.start()

    def stop(self) -> None:
        """Take no more; returns when the tries that are under way are at an end, which is at most one timeout."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        flying: set[Future[None]] = set()
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhook") as pool:
            while not self._stopping.is_set():
                flying |= {pool.submit(self.deliver, delivery) for delivery in self._take(AT_ONCE - len(flying))}
                if flying:
                    flying = wait(flying, IDLE_S, FIRST_COMPLETED).not_done
                else:
                    self._stopping.wait(IDLE_S)

    def _take(self, limit: int) -> Sequence[Delivery]:
        try:
            return self._store.owed(self._name, limit, self._settings.timeout_s + LOOK_UP_S) if limit else ()
        except Exception as error:
            # The store is away for a while: so are its messages, and the thread must outlive that.
            log.error("webhooks not read", exc_info=error)
            return ()

    def deliver(self, delivery: Delivery) -> None:
        """Try once, and write down what came of it; nothing is raised."""
        try:
            self._settle(delivery, self._answer(delivery))
        except Exception as error:
            # It is tried again after its lease.
            log.error("webhook not written down", delivery=delivery.id, exc_info=error)

    def _answer(self, delivery: Delivery) -> Answer:
        try:
            return self._send(delivery)
        except Exception as error:
            # Whatever is wrong with one message, it counts as a try: it must not come back for ever.
            log.error("webhook not sent", delivery=delivery.id, exc_info=error)
            return Answer("failed", f"{type(error).__name__}: {error}")

    def _settle(self, delivery: Delivery, answer: Answer) -> None:
        tries = delivery.attempts + 1
        if answer.outcome == "delivered":
            self._store.delivered(delivery.id)
            outcome = "delivered"
        elif answer.outcome == "gone" or tries >= self._settings.attempts:
            self._store.failed(delivery.id, answer.error, None)
            outcome = "dead"
        else:
            wait_s = waiting_time(tries, self._settings.first_wait_s, answer.retry_after_s, self._draw())
            self._store.failed(delivery.id, answer.error, self._clock() + wait_s)
            outcome = "retried"
        WEBHOOKS.labels(outcome=outcome).inc()
        log.info("webhook", delivery=delivery.id, outcome=outcome, tries=tries, error=answer.error)


def waiting_time(tries: int, first_wait_s: float, retry_after_s: float, drawn: float) -> float:
    """How long to wait after a failure, in seconds, at most an hour.

    It doubles with each try, and a random share of up to a half is taken off, so that what failed together does not
    come back together ("equal jitter": Brooker, Exponential Backoff And Jitter, 2015). A receiver may ask for more.

    Args:
        tries: that have failed, from 1.
        first_wait_s: after the first.
        retry_after_s: what the receiver asked for.
        drawn: in [0, 1).
    """
    longest = min(first_wait_s * 2.0 ** min(tries - 1, 60), LONGEST_WAIT_S)
    return min(max(longest * (1 - drawn / 2), retry_after_s), LONGEST_WAIT_S)
