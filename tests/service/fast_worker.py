"""A worker process with a fast engine that has no models: python -m tests.service.fast_worker STATE URL NAME."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any, cast

from detector.score import Scored
from detector.score.summary import Summary
from detector.service.engine.case import Task
from detector.service.engine.engine import Engine
from detector.service.policy import Policy
from detector.service.records import Claim
from detector.service.settings import Batching, Queue, Settings
from detector.service.store import Store
from detector.service.worker import Worker
from detector.types import Report

TAKES_S = 0.02


class FastEngine:
    """Stands for `Engine`: holds up to eight files, and gives one after the other back after a moment.

    A file is real, unless its name begins with nobody: then nobody is in it.
    """

    judge = SimpleNamespace(classifier=SimpleNamespace(threshold=0.5, fpr=0.05, threshold_for=lambda _: 0.5))
    models = {"fast": "1"}  # noqa: RUF012
    batching = Batching()

    def __init__(self, takes_s: float = TAKES_S) -> None:
        self._takes_s, self._ready_at = takes_s, 0.0
        self._waiting: list[Task[Claim]] = []
        self.dropped: set[Claim] = set()
        self.ended = ""

    @property
    def held(self) -> int:
        return len(self._waiting)

    @property
    def free(self) -> int:
        return 8 - self.held

    @property
    def free_videos(self) -> int:
        return min(1, self.free)

    @property
    def tickets(self) -> set[Claim]:
        return {task.ticket for task in self._waiting}

    def submit(self, task: Task[Claim]) -> None:
        if not self._waiting:
            self._ready_at = time.monotonic() + self._takes_s
        self._waiting.append(task)

    def finished(self, timeout_s: float) -> tuple[Claim, Scored] | None:
        if not self._waiting or timeout_s < self._ready_at - time.monotonic():
            time.sleep(timeout_s)
            return None
        time.sleep(max(0.0, self._ready_at - time.monotonic()))
        self._ready_at = time.monotonic() + self._takes_s
        task = self._waiting.pop(0)
        assert task.path.read_bytes()
        return None if task.ticket in self.dropped else (task.ticket, Scored(self._report(task), Summary(task.name)))

    def _report(self, task: Task[Claim]) -> Report:
        if task.name.startswith("nobody"):
            return Report(task.name, "image", "abstained", "no_face")
        return Report(task.name, "image", "ok", None, 0.1, "real", 0.5, models=self.models)

    def drop(self, tickets: Collection[Claim]) -> None:
        self.dropped |= set(tickets)

    def withdraw(self) -> None:
        del self._waiting[1:]

    def close(self) -> None:
        self.ended = "closed"

    def abort(self) -> None:
        self.ended = "aborted"


def worker(settings: Settings, name: str, store: Store, engine: Any) -> Worker:
    """A worker with the shipped policy, but that nothing is drawn at random for a person to see, and so kept."""
    rules = replace(Policy.load().resolve(engine.judge.classifier), share=0.0)
    return Worker(name, settings, store, cast("Engine[Claim]", engine), rules)


if __name__ == "__main__":
    state, url, name = sys.argv[1:]
    stop = Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    settings = Settings(state=Path(state), database=url, queue=Queue(lease_s=1.5))
    worker(settings, name, Store.open(url), FastEngine()).run(stop)
