"""Workers that die are replaced, and what they held is put back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from detector.service.metrics import WORKER_DEATHS
from detector.service.settings import Settings
from detector.service.supervisor import Supervisor, Work
from tests.service import works


@dataclass
class Held:
    """Remembers what was put back."""

    released: list[str] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)

    def release(self, worker: str) -> int:
        self.released.append(worker)
        return 0

    def forget_worker(self, worker: str) -> None:
        self.forgotten.append(worker)


@contextmanager
def supervised(folder: Path, work: Work, store: Held, workers: int = 1) -> Iterator[Supervisor]:
    supervisor = Supervisor(Settings(state=folder, workers=workers), store, work)
    supervisor.start()
    try:
        yield supervisor
    finally:
        supervisor.stop(within_s=0.5)


def wait(happens: Callable[[], Any], within_s: float = 20) -> None:
    until = time.monotonic() + within_s
    while not happens():
        assert time.monotonic() < until
        time.sleep(0.02)


def at_work(folder: Path) -> dict[str, int]:
    """The workers that have begun: name -> process."""
    return {path.stem: int(path.read_text()) for path in folder.glob("*.worker")}


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_workers_begin_and_finish_when_they_are_asked_to(tmp_path: Path) -> None:
    store, deaths = Held(), _deaths()
    with supervised(tmp_path, works.idle, store, workers=2):
        wait(lambda: len(at_work(tmp_path)) == 2)
    names = set(at_work(tmp_path))
    assert {path.stem for path in tmp_path.glob("*.finished")} == names
    assert set(store.released) == set(store.forgotten) == names
    assert not any(lives(pid) for pid in at_work(tmp_path).values())
    assert _deaths() == deaths


@pytest.mark.skipif(sys.platform != "linux", reason="Linux has it")
def test_a_worker_keeps_private_what_it_writes_and_what_it_has_in_memory(tmp_path: Path) -> None:
    with supervised(tmp_path, works.tells, Held()):
        wait(lambda: at_work(tmp_path))
    assert (tmp_path / "told").read_text() == "77 0"


def test_a_killed_worker_is_replaced_after_what_it_held_was_put_back(tmp_path: Path) -> None:
    store, deaths = Held(), _deaths()
    with supervised(tmp_path, works.idle, store):
        wait(lambda: at_work(tmp_path))
        [(killed, pid)] = at_work(tmp_path).items()
        os.kill(pid, signal.SIGKILL)
        wait(lambda: len(at_work(tmp_path)) == 2)
        assert (store.released, store.forgotten) == ([killed], [killed])
        assert _deaths() == deaths + 1


def test_a_worker_that_cannot_work_is_tried_again_later_and_later(tmp_path: Path) -> None:
    store = Held()
    with supervised(tmp_path, works.fails, store):
        wait(lambda: len(store.released) >= 2)
        begun = sorted(path.stat().st_mtime for path in tmp_path.glob("*.worker"))
    assert begun[1] - begun[0] >= 0.5


def test_a_store_that_is_away_delays_the_next_worker_and_no_more(tmp_path: Path) -> None:
    class Away(Held):
        def release(self, worker: str) -> int:
            super().release(worker)
            if len(self.released) == 1:
                raise RuntimeError("away")
            return 0

    store = Away()
    with supervised(tmp_path, works.idle, store):
        wait(lambda: at_work(tmp_path))
        [(killed, pid)] = at_work(tmp_path).items()
        os.kill(pid, signal.SIGKILL)
        wait(lambda: len(at_work(tmp_path)) == 2)
    assert store.released[:2] == [killed, killed]


def test_a_worker_that_does_not_finish_in_time_is_killed(tmp_path: Path) -> None:
    store = Held()
    with supervised(tmp_path, works.stubborn, store):
        wait(lambda: at_work(tmp_path))
    [(name, pid)] = at_work(tmp_path).items()
    assert (lives(pid), store.released) == (False, [name])


def test_workers_leave_when_the_supervisor_was_killed(tmp_path: Path) -> None:
    code = (
        "import sys, time\nfrom pathlib import Path\n"
        "from tests.service.test_supervisor import *\n"
        "if __name__ == '__main__':\n"
        "    with supervised(Path(sys.argv[1]), works.idle, Held()):\n        time.sleep(60)\n"
    )
    script = tmp_path / "supervise.py"
    script.write_text(code)
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    process = subprocess.Popen([sys.executable, script, tmp_path], env=environment)
    try:
        wait(lambda: at_work(tmp_path))
        [pid] = at_work(tmp_path).values()
    finally:
        process.kill()
        process.wait()
    wait(lambda: not lives(pid))
    assert len(list(tmp_path.glob("*.finished"))) == 1


def _deaths() -> float:
    [metric] = WORKER_DEATHS.collect()
    return metric.samples[0].value
