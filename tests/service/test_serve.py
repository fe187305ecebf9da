"""The whole service in processes of its own, with the real models: it answers, outlives its workers, and ends well."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from detector.service.settings import Settings
from detector.service.store import Store
from detector.types import Pixels

AT_ONCE = 6
PATIENT = "[limits]\ndeadline_s = 240.0\n"
"""A worker that is started again has to load its models first, beside everything else that a machine may do."""


@dataclass
class Served:
    """A service that runs."""

    process: subprocess.Popen[str]
    url: str
    store: Store
    state: Path

    @property
    def workers(self) -> list[int]:
        """The processes of the workers that have told of themselves."""
        return [int(str(about["pid"])) for about in self.store.workers(0.0).values()]

    def score(self, photo: bytes) -> httpx.Response:
        return httpx.post(f"{self.url}/v1/score", content=photo, headers={"Content-Type": "image/jpeg"}, timeout=270)


@contextmanager
def serving(state: Path, *options: str) -> Iterator[Served]:
    """Run `detector serve` on a free port; it must have ended by itself, or is killed."""
    config = state.with_suffix(".toml")
    config.write_text(PATIENT)
    where = ["--port", "0", "--state", str(state), "--config", str(config)]
    command = [sys.executable, "-m", "detector", "serve", *where, *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "DETECTOR_MODELS": str(state / "no-models")}
    with (state.with_suffix(".log")).open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
    try:
        assert process.stdout is not None
        found = re.match(r"listening on (http://\S+)", process.stdout.readline())
        assert found is not None, state.with_suffix(".log").read_text()
        store = Store.open(Settings(state=state).url)
        try:
            yield Served(process, found[1], store, state)
        finally:
            store.close()
    finally:
        process.kill()
        process.communicate()


def wait(happens: Callable[[], Any], within_s: float = 240) -> None:
    until = time.monotonic() + within_s
    while not happens():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.fixture(scope="module")
def photo(astronaut: Pixels) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(astronaut).save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def send(pool: ThreadPoolExecutor, here: Served, photo: bytes) -> list[Future[httpx.Response]]:
    """Several photos at once, of which at least one is being worked on."""
    before = sum(here.store.counts().values())
    sent = [pool.submit(here.score, photo) for _ in range(AT_ONCE)]
    wait(lambda: sum(here.store.counts().values()) == before + AT_ONCE and here.store.counts().get("running"))
    return sent


@pytest.mark.timeout(900)
def test_it_answers_outlives_its_worker_and_ends_well(tmp_path: Path, photo: bytes) -> None:
    state = tmp_path / "state"
    with serving(state) as here, ThreadPoolExecutor(AT_ONCE) as pool:
        assert httpx.get(f"{here.url}/healthz").status_code == 200
        wait(lambda: httpx.get(f"{here.url}/readyz").status_code == 200)
        answer = here.score(photo).json()
        assert (answer["status"], answer["verdict"], len(answer["faces"])) == ("ok", "real", 1)
        assert answer["decision"]["action"] in ("allow", "review")
        for pid in (here.process.pid, *here.workers):
            assert "Umask:\t0077\n" in Path(f"/proc/{pid}/status").read_text()
        assert httpx.get(f"{here.url}/v1/models").json()["models"] | answer["models"] == answer["models"]

        sent = send(pool, here, photo)
        [killed] = here.workers
        os.kill(killed, signal.SIGKILL)
        answers = [future.result() for future in sent]
        assert [one.status_code for one in answers] == [200] * AT_ONCE
        for one in answers:
            assert one.json()["fake_probability"] == pytest.approx(answer["fake_probability"], abs=1e-4)
        items = [here.store.item(one.json()["item_id"]) for one in answers]
        assert max(item.attempts for item in items if item is not None) == 2
        assert killed not in here.workers
        assert "detector_worker_deaths_total 1.0" in httpx.get(f"{here.url}/metrics").text

        sent = send(pool, here, photo)
        here.process.send_signal(signal.SIGTERM)
        assert [future.result().status_code for future in sent] == [200] * AT_ONCE
        assert here.process.wait(120) == 0
        assert here.workers == []
        assert here.store.counts() == {"done": 1 + 2 * AT_ONCE}
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{here.url}/healthz")
    kept = [job.items[0].blob for job in _jobs(state) if job.items[0].blob]
    assert sorted(path.name for path in (state / "uploads").iterdir()) == sorted(kept)


def _jobs(state: Path) -> Any:
    store = Store.open(Settings(state=state).url)
    try:
        return store.jobs(limit=100).items
    finally:
        store.close()
