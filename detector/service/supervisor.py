"""Keeps so many worker processes at work: what dies is replaced, and what it held is put back."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from multiprocessing import get_context, parent_process
from multiprocessing.context import SpawnProcess
from threading import Event, Thread
from time import monotonic
from typing import Protocol, TypeVar

from detector.errors import DetectorError
from detector.service import logs, metrics
from detector.service.process import keep_private
from detector.service.settings import Settings

T = TypeVar("T")

LOOK_EVERY_S = 0.2
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 30.0
SOUND_AFTER_S = 60.0
"""A worker that lived so long did not die of how it was started."""

Work = Callable[[Settings, str], None]
"""What a worker does, until SIGTERM: `detector.service.worker.run_worker`."""

_NUMBERS = count(1)


class Held(Protocol):
    """What is needed of `detector.service.store.Store`."""

    def release(self, worker: str) -> int: ...

    def forget_worker(self, worker: str) -> None: ...


@dataclass
class _Place:
    """Where one worker works at a time.

    Attributes:
        deaths: in a row, each soon after the start.
        next_at: when the next worker starts.
    """

    process: SpawnProcess | None = None
    started_at: float = 0.0
    deaths: int = 0
    next_at: float = 0.0


class Supervisor:
    """Starts workers and replaces the dead.

    Args:
        settings: of the service; `workers` says how many.
        store: where what a dead worker held is put back.
        work: what a worker does; a function that can be imported.
    """

    def __init__(self, settings: Settings, store: Held, work: Work) -> None:
        self._settings, self._store, self._work = settings, store, work
        self._places = [_Place() for _ in range(settings.workers)]
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="supervisor", daemon=True)

    def start(self) -> None:
        """Begin, in the background."""
        self._thread.start()

    def stop(self, within_s: float) -> None:
        """Let every worker finish what it holds; what has not finished in time is killed, and others take it up."""
        self._stopping.set()
        self._thread.join()
        processes = [place.process for place in self._places if place.process is not None]
        for process in processes:
            process.terminate()
        until = monotonic() + within_s
        for process in processes:
            process.join(max(0.0, until - monotonic()))
        self.kill()
        for process in processes:
            process.join()
            self._trying(self._bury, process)

    def kill(self) -> None:
        """End every worker at once."""
        for place in self._places:
            if place.process is not None:
                place.process.kill()

    def _run(self) -> None:
        while not self._stopping.is_set():
            for place in self._places:
                self._trying(self._tend, place)
            self._stopping.wait(LOOK_EVERY_S)

    def _trying(self, act: Callable[[T], None], on: T) -> None:
        """Whatever goes wrong, the store being away for a while, say, the other workers are looked after as well."""
        try:
            act(on)
        except Exception as error:
            logs.log.error("cannot look after a worker", exc_info=error)

    def _tend(self, place: _Place) -> None:
        if place.process is not None and not place.process.is_alive():
            self._replace(place.process, place)
        if place.process is None and monotonic() >= place.next_at:
            place.process, place.started_at = self._started(), monotonic()

    def _started(self) -> SpawnProcess:
        name = f"{socket.gethostname()}-{os.getpid()}-{next(_NUMBERS)}"
        process = get_context("spawn").Process(target=_run_work, args=(self._work, self._settings, name), name=name)
        process.start()
        logs.log.info("worker started", worker=name, pid=process.pid)
        return process

    def _replace(self, dead: SpawnProcess, place: _Place) -> None:
        """Put back what a dead worker held, and say when its place is taken again."""
        logs.log.error("worker died", worker=dead.name, exit_code=dead.exitcode)
        self._bury(dead)
        metrics.WORKER_DEATHS.inc()
        sound = monotonic() - place.started_at > SOUND_AFTER_S
        place.deaths = 1 if sound else place.deaths + 1
        place.next_at = monotonic() + min(FIRST_WAIT_S * 2 ** (place.deaths - 1), LONGEST_WAIT_S)
        place.process = None

    def _bury(self, process: SpawnProcess) -> None:
        self._store.release(process.name)
        self._store.forget_worker(process.name)
        if process.pid is not None:
            metrics.bury(process.pid)


def _run_work(work: Work, settings: Settings, name: str) -> None:
    """What a worker process runs: it leaves when it is told to, and when the supervisor is gone."""
    keep_private()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of a terminal; the supervisor decides
    logs.configure()
    Thread(target=_leave_with_parent, daemon=True).start()
    try:
        work(settings, name)
    except DetectorError as error:
        logs.log.error("worker cannot work", worker=name, why=str(error))
        sys.exit(1)


def _leave_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
