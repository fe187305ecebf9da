"""The client and our own service: what one sends is what the other takes."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

import httpx
import pytest
from PIL import Image

from detector import Detector
from detector.cli import main
from detector.cli.demo import write_clip
from detector.client import AsyncClient, Client
from detector.errors import ServiceError
from detector.service.api.app import create_app
from detector.service.records import Claim, Decision, Outcome
from detector.service.settings import Limits, Settings
from detector.service.spool import Spool
from detector.service.store import Store
from detector.types import FaceReport, Pixels, RegionEvidence, Report
from tests.service.fake_service import PNG

T = TypeVar("T")

JPEG = b"\xff\xd8\xff rest"
FACE = FaceReport((1.0, 2.0, 30.0, 40.0), 0.9, 0.7, regions=(RegionEvidence("mouth", 0.5, "mouth: odd"),))
SETTINGS = Limits(image_bytes=1 << 20, deadline_s=10.0)


def report(name: str) -> Report:
    return Report(name, "image", "ok", None, 0.7, "fake", 0.5, (FACE,), models={"face-vae": "0123"}, elapsed_s=0.1)


class Worker(threading.Thread):
    """Says of every file that it is fake."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.store, self.stopping = Store.open(settings.url), threading.Event()
        self.spool, self.resting = Spool(settings.state), False

    def run(self) -> None:
        with closing(self.store):
            while not self.stopping.wait(0.02):
                for claim in [] if self.resting else self.store.claim("worker", 10, 30.0):
                    self._finish(claim)

    def _finish(self, claim: Claim) -> None:
        folder = self.spool.pictures(claim.item_id)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "heatmap0.png").write_bytes(PNG)
        decision = Decision("review", "0.70 is over 0.50", "0" * 12, 100.0)
        self.store.complete(claim, Outcome(asdict(report(claim.name)), decision, ("heatmap0.png",)))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(state=tmp_path / "state", limits=SETTINGS)


@pytest.fixture
def worker(settings: Settings) -> Iterator[Worker]:
    settings.state.mkdir()
    worker = Worker(settings)
    worker.start()
    yield worker
    worker.stopping.set()
    worker.join()


Ask = Callable[[Callable[[AsyncClient], Awaitable[T]]], T]


@pytest.fixture
def ask(settings: Settings, worker: Worker) -> Ask[T]:
    """Ask the service within this process, whatever is asked."""

    assert worker.is_alive()

    def ask(work: Callable[[AsyncClient], Awaitable[T]]) -> T:
        async def run() -> T:
            app = create_app(settings)
            transport = httpx.ASGITransport(app)
            with closing(app.state.service.store):
                async with AsyncClient("http://127.0.0.1:8080", transport=transport, retries=0) as client:
                    return await work(client)

        return asyncio.run(run())

    return ask


def test_an_answer_is_what_the_worker_said(ask: Ask[None], tmp_path: Path) -> None:
    async def work(client: AsyncClient) -> None:
        (tmp_path / "ü photo.jpg").write_bytes(JPEG)
        answer = await client.score(tmp_path / "ü photo.jpg", deadline_s=9.5)
        assert answer.report == report("ü photo.jpg")
        assert answer.decision is not None
        assert (answer.decision.action, answer.decision.policy) == ("review", "0" * 12)
        assert len(answer.job_id) == len(answer.item_id) == len(answer.request_id) == 32
        assert await client.heatmap(answer, 0) == PNG
        assert await client.models()

    ask(work)


def test_a_batch_is_waited_for_listed_and_cancelled(ask: Ask[None], worker: Worker) -> None:
    async def work(client: AsyncClient) -> None:
        done = await client.wait((await client.submit([JPEG, JPEG + b"2"])).id, 10.0)
        assert done.state == "done"
        assert [item.answer and item.answer.report.verdict for item in done.items] == ["fake", "fake"]
        assert (await client.cancel(done.id)).state == "done", "what has ended stays as it is"
        worker.resting = True
        for number in range(3):
            waits = await client.submit([JPEG + bytes([number])])
        assert (waits.state, waits.items[0].answer) == ("queued", None)
        assert (await client.cancel(waits.id)).state == "cancelled"
        assert [job.id async for job in client.jobs("cancelled")] == [waits.id]
        assert len([job async for job in client.jobs()]) == 4

    ask(work)


def test_what_it_refuses_is_told_by_its_own_names(ask: Ask[None], worker: Worker) -> None:
    async def work(client: AsyncClient) -> None:
        worker.resting = True
        for slug, called in {
            "too-large": client.score(JPEG + bytes(2 << 20)),
            "wrong-type": client.score(b"\0\0\0\x18ftypisom rest"),
            "deadline": client.score(JPEG, deadline_s=0.1),
            "not-found": client.job("0" * 32),
            "invalid": client.submit([JPEG], "no address"),
        }.items():
            with pytest.raises(ServiceError) as caught:
                await called
            assert (caught.value.slug, bool(caught.value.request_id)) == (slug, True)

    ask(work)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a `detector serve` with a real worker."""
    state = tmp_path_factory.mktemp("served")
    command = [sys.executable, "-m", "detector", "serve", "--state", str(state), "--port", "0"]
    environment = {**os.environ, "DETECTOR_MODELS": str(state / "none"), "OMP_NUM_THREADS": "1"}
    with (state / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
    assert process.stdout is not None
    try:
        first = process.stdout.readline()
        assert first.startswith("listening on http"), (state / "log").read_text()
        yield first.split()[2]
    finally:
        process.terminate()
        process.communicate(timeout=60)


def test_a_real_service_says_what_scoring_here_says(
    served: str, tmp_path: Path, astronaut: Pixels, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(astronaut).save(tmp_path / "1.jpg", quality=92)
    (tmp_path / "2.jpg").write_bytes((tmp_path / "1.jpg").read_bytes()[:9000])
    write_clip(astronaut, tmp_path / "3.mp4", seconds=1)
    assert main(["score", "--json", "--server", served, "--explain", str(tmp_path / "why"), str(tmp_path)]) == 3
    photo, broken, clip = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    here = Detector.load().score(tmp_path / "1.jpg")
    assert (photo["path"], photo["verdict"], photo["models"]) == (here.path, here.verdict, here.models)
    assert photo["fake_probability"] == pytest.approx(here.fake_probability, abs=1e-4)
    assert (broken["status"], broken["reason"]) == ("error", "truncated")
    assert (clip["media"], clip["verdict"], len(clip["timeline"])) == ("video", "real", 12)
    assert {path.name for path in (tmp_path / "why").iterdir()} >= {"1.face0.heatmap.png", "3.face0.heatmap.png"}
    with Client(served) as client:
        # On a slow machine the models load for longer than a picture's deadline; then it was handed over again.
        assert [job.state for job in client.jobs() if job.state != "cancelled"] == ["done"] * 3
        assert dict(client.models())["models"] == {name: here.models[name] for name in here.models}
