"""A `detector serve` of its own for the load run, and what its processes use."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

READY_S = 180.0
MIB = 2**20
_PAGE, _TICK = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Use:
    """What one process uses.

    Attributes:
        at: when it was looked at, monotonic seconds.
        memory: MiB that it has in memory.
        seconds: of computing, since it began.
    """

    at: float
    memory: float
    seconds: float


@dataclass
class Server:
    """A running service.

    Attributes:
        use: name of a process -> what it used, once a second.
    """

    url: str
    process: subprocess.Popen[str]
    use: dict[str, list[Use]] = field(default_factory=dict)

    def metrics(self) -> dict[str, float]:
        """Every count of /metrics, by its name and labels."""
        text = httpx.get(f"{self.url}/metrics", timeout=60).text
        return {
            sample.name + "".join(f",{name}={value}" for name, value in sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }


@contextmanager
def serving(folder: Path, settings: str) -> Iterator[Server]:
    """A service with a fresh state, that is ready; at the end it has to stop in order."""
    (folder / "service.toml").write_text(f'port = 0\nstate = "{folder / "state"}"\n{settings}')
    command = [sys.executable, "-m", "detector", "serve", "--config", str(folder / "service.toml")]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        assert process.stdout is not None
        server = Server(process.stdout.readline().split()[2], process)
        _wait_ready(server)
        with _watching(server):
            yield server
    finally:
        process.terminate()
        code = process.wait()
    if code:
        raise RuntimeError(f"expected the service to stop in order, it ended with {code}")


def _wait_ready(server: Server) -> None:
    until = time.monotonic() + READY_S
    while (answer := httpx.get(f"{server.url}/readyz")).status_code != 200:
        if time.monotonic() > until:
            raise TimeoutError(f"the service does not become ready: {answer.text}")
        time.sleep(0.2)


@contextmanager
def _watching(server: Server) -> Iterator[None]:
    """Look at the processes once a second."""
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(1.0):
            for name, use in uses(server.process.pid).items():
                server.use.setdefault(name, []).append(use)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def uses(pid: int) -> Mapping[str, Use]:
    """What a service's processes use now: of the API, the worker and its decoders; and these clients. Linux only."""
    found = {"API": _use(pid), "clients": _use(os.getpid())}
    for child in _children(pid):
        if grandchildren := _children(child):
            found["worker"] = _use(child)
            found |= {f"decoder {place}": _use(one) for place, one in enumerate(sorted(grandchildren))}
    return {name: use for name, use in found.items() if use is not None}


def _use(pid: int) -> Use | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return None
    return Use(time.monotonic(), int(fields[21]) * _PAGE / MIB, (int(fields[11]) + int(fields[12])) / _TICK)


def _children(pid: int) -> list[int]:
    """Of a process, by whichever of its threads."""
    texts = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    return [int(child) for text in texts for child in text.split()]
