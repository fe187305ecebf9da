"""The whole service in processes of its own, with the real models: it answers, outlives its workers, and ends well."""

from __future__ import annotations

import io
import os
import signal
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from detector.service.settings import Settings
from detector.service.store import Store
from detector.types import Pixels
from tests.service.processes import Served, serving, wait

AT_ONCE = 6


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
