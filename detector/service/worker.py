"""Takes items from the store, has them scored, and writes down what came of it."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from threading import Event
from typing import Any, TypeVar

from sqlalchemy.exc import OperationalError

from detector.score import Scored
from detector.service.engine.case import Task
from detector.service.engine.engine import Engine
from detector.service.engine.exhibits import Exhibit, save_exhibit
from detector.service.logs import log
from detector.service.metrics import ABSTENTIONS, DECISIONS, ERRORS, ITEM_SECONDS, VERDICTS
from detector.service.policy import Policy
from detector.service.records import Claim, Decision, Outcome
from detector.service.rules import Rules
from detector.service.settings import Settings
from detector.service.spool import Spool
from detector.service.store import Store
from detector.service.upkeep import Every, let_go
from detector.types import Report

R = TypeVar("R")

SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.02, 0.1
"""How often an idle worker asks for work: at first, and after a while."""
PATIENCE_S = 1.0
"""How long a worker waits before it asks a database again that did not answer."""
UPKEEP_S = 60.0
TURN = 8
"""Once in so many items, one that nobody waits for comes before those that somebody does: else it would never come
while the service is busy."""


def run_worker(settings: Settings, name: str) -> None:
    """Work until SIGTERM or SIGINT comes; then what runs is finished, and the rest put back.

    Args:
        settings: of the service.
        name: that no other worker has; one that takes over the name of a dead one takes over its items.

    Raises:
        DetectorError: the database, the policy or the models cannot be had.
    """
    stop = Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda *_: stop.set())
    with ExitStack() as stack:
        store = Store.open(settings.url)
        stack.callback(store.close)
        engine: Engine[Claim] = Engine.load(settings)
        rules = Policy.load(settings.policy).resolve(engine.judge.classifier)
        engine.start()
        Worker(name, settings, store, engine, rules).run(stop)


class Worker:
    """One worker.

    Args:
        name: that no other worker has.
        settings: of the service.
        store, engine, rules: what it works with; the engine has been started, and is closed at the end.
    """

    def __init__(self, name: str, settings: Settings, store: Store, engine: Engine[Claim], rules: Rules) -> None:
        self._name, self._settings = name, settings
        self._store, self._engine, self._rules = store, engine, rules
        self._spool = Spool(settings.state)
        self._lease_s = settings.queue.lease_s
        self._begun: dict[Claim, float] = {}
        self._taken, self._turns = 0, 0

    def run(self, stop: Event) -> None:
        """Work until `stop` is set; raises what makes the engine fail."""
        self._store.release(self._name)
        try:
            with (
                Every(self._lease_s / 3, self._beat, "leases"),
                Every(UPKEEP_S, self._let_go, "retention"),
            ):
                self._work(stop)
                self._drain()
        except BaseException:
            self._engine.abort()
            self._leave(counted=True)
            raise
        self._engine.close()
        self._leave(counted=False)

    def _work(self, stop: Event) -> None:
        pause = SHORTEST_PAUSE_S
        while not stop.is_set():
            pause = SHORTEST_PAUSE_S if self._patiently(self._take) else min(2 * pause, LONGEST_PAUSE_S)
            self._finish_within(pause)

    def _drain(self) -> None:
        """Finish what is begun."""
        self._engine.withdraw()
        while self._engine.held:
            self._finish_within(LONGEST_PAUSE_S)
        self._finish_within(0)

    def _leave(self, counted: bool) -> None:
        """Put back what is left."""
        self._store.release(self._name, counted)
        self._store.forget_worker(self._name)

    def _take(self) -> int:
        """Take as many items as the engine has room for, videos no more than it has room for videos."""
        before = self._taken
        if self._taken // TURN > self._turns:
            self._begin(min(1, self._engine.free), images_only=not self._engine.free_videos, urgent_first=False)
            self._turns = self._taken // TURN
        self._begin(self._engine.free_videos, images_only=False)
        self._begin(self._engine.free, images_only=True)
        return self._taken - before

    def _begin(self, limit: int, images_only: bool, urgent_first: bool = True) -> None:
        """Take up to `limit` items and hand them to the engine."""
        if limit < 1:
            return
        attempts, keeps = self._settings.queue.attempts, self._settings.keep.media != "never"
        claims = self._store.claim(self._name, limit, self._lease_s, images_only, attempts, keeps, urgent_first)
        for claim in claims:
            self._begun[claim] = time.monotonic()
            self._engine.submit(Task(claim, self._spool.path(claim.blob), claim.name, claim.media))
        self._taken += len(claims)

    def _finish_within(self, timeout_s: float) -> None:
        """Write down everything that is scored, as soon as there is something."""
        while (result := self._engine.finished(timeout_s)) is not None:
            self._finish(*result)
            timeout_s = 0

    def _finish(self, claim: Claim, scored: Scored) -> None:
        kept = self._settings.keep.media
        exhibit = None if kept == "never" else save_exhibit(scored, self._spool.pictures(claim.item_id))
        decision = self._rules.decide(scored.report, claim.item_id)
        outcome = Outcome(
            report=report_fields(scored.report, exhibit),
            decision=decision,
            pictures=exhibit.pictures if exhibit else (),
            keeps_media=kept == "always" or (kept == "review" and decision.action == "review"),
        )
        if self._patiently(lambda: self._store.complete(claim, outcome)):
            self._count(claim, scored.report, decision)
            if not outcome.keeps_media:
                self._spool.delete(claim.blob)
        else:
            self._forget(claim)
        self._begun.pop(claim, None)

    def _forget(self, claim: Claim) -> None:
        """Delete the pictures of an item that was cancelled; where another worker has it, they are that one's."""
        item = self._store.item(claim.item_id)
        if item is None or item.state in ("cancelled", "expired"):
            self._spool.drop_pictures(claim.item_id)

    def _count(self, claim: Claim, report: Report, decision: Decision) -> None:
        ITEM_SECONDS.labels(report.media).observe(time.monotonic() - self._begun[claim])
        DECISIONS.labels(decision.action).inc()
        if report.verdict is not None:
            VERDICTS.labels(report.media, report.verdict).inc()
        else:
            (ERRORS if report.status == "error" else ABSTENTIONS).labels(report.reason).inc()

    def _patiently(self, ask: Callable[[], R]) -> R:
        """Ask the database until it answers: what is scored is not thrown away because it was restarted."""
        while True:
            try:
                return ask()
            except OperationalError:
                log.exception("the database does not answer, it is asked again", worker=self._name)
                time.sleep(PATIENCE_S)

    def _beat(self) -> None:
        """Keep the leases, stop work on what is not ours any more, and say that we are here."""
        tickets = self._engine.tickets
        held = self._store.renew(self._name, self._lease_s)
        self._engine.drop({claim for claim in tickets if claim.item_id not in held})
        self._store.report_worker(self._name, self._about())

    def _about(self) -> dict[str, object]:
        classifier: Any = self._engine.judge.classifier
        return {
            "models": self._engine.models,
            "threshold": classifier.threshold,
            "fpr": classifier.fpr,
            "batching": asdict(self._engine.batching),
            "host": socket.gethostname(),
            "pid": os.getpid(),
        }

    def _let_go(self) -> None:
        """One worker does it for all: the first by name that was seen of late."""
        others = self._store.workers(since=time.time() - 2 * self._lease_s)
        if self._name == min(others, default=self._name):
            let_go(self._store, self._spool, self._settings.keep)


def report_fields(report: Report, exhibit: Exhibit | None) -> dict[str, object]:
    """A report as plain values, with where its picture comes from: its time, and its size in the px of the boxes."""
    shown = None if exhibit is None else {k: v for k, v in asdict(exhibit).items() if k != "pictures"}
    return {**asdict(report), "exhibit": shown}
