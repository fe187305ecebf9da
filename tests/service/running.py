"""A service for tests: the real API over a real store and spool, and a worker that says the same of every file."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.testclient import TestClient

from detector.service.api.app import create_app
from detector.service.api.service import Service
from detector.service.policy import Policy
from detector.service.records import Claim, Decision, Key, Outcome, Scope
from detector.service.settings import Settings
from detector.service.spool import Spool
from detector.service.store import Store
from detector.types import FaceReport, Report

JPEG = b"\xff\xd8\xff\xe0" + b"not a picture, but it begins like one " * 4
MP4 = b"\x00\x00\x00\x18ftypisom" + b"not a video, but it begins like one " * 4
FACE = FaceReport((10.0, 10.0, 90.0, 90.0), 0.9, 0.25)
REPORT = Report("x", "image", "ok", None, 0.25, "real", 0.9, (FACE,), (), {"yunet": "1", "classifier": "2"})


@dataclass
class Running:
    """A running service, and whom to ask."""

    app: FastAPI
    service: Service
    client: TestClient
    folder: Path
    done: list[Claim] = field(default_factory=list)

    @property
    def store(self) -> Store:
        return self.service.store

    @property
    def uploads(self) -> list[str]:
        """The names of the files in the spool, whole or not."""
        return sorted(path.name for path in (self.folder / "uploads").iterdir())

    def key(self, *scopes: Scope, rate: int = 0) -> tuple[Key, dict[str, str]]:
        """A new key, and the header that shows it."""
        key, secret = self.store.add_key("somebody", scopes, rate)
        return key, {"Authorization": f"Bearer {secret}"}

    def work(self) -> None:
        """Finish everything that waits."""
        for claim in self.store.claim("fake", 100, 60):
            (self.service.spool.pictures(claim.item_id) / "heatmap0.png").write_bytes(b"\x89PNG\r\n\x1a\n heatmap")
            report = {**asdict(REPORT), "path": claim.name, "media": claim.media}
            decision = Decision("allow", "0.25 is below 0.90", "0123456789ab")
            outcome = Outcome(json.loads(json.dumps(report)), decision, ("heatmap0.png",), keeps_media=True)
            if self.store.complete(claim, outcome):
                self.done.append(claim)

    @contextmanager
    def working(self) -> Iterator[None]:
        """A worker works, in the background."""
        stop = threading.Event()

        def run() -> None:
            while not stop.wait(0.005):
                self.work()

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


@contextmanager
def running(folder: Path, **settings: Any) -> Iterator[Running]:
    """A service without workers that is asked as http://localhost."""
    made = Settings(state=folder, **settings)
    store = Store.open(made.url)
    service = Service(made, store, Spool(folder), Policy.load(), lambda: store.workers(0.0))
    app = create_app(made, service)
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        try:
            yield Running(app, service, client, folder)
        finally:
            store.close()


def problem(response: Any, status: int, slug: str) -> dict[str, Any]:
    """The body of an answer that must be this problem."""
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    body: dict[str, Any] = response.json()
    assert (body["type"], body["status"]) == (f"/problems#{slug}", status)
    assert body["detail"]
    assert body["request_id"] == response.headers["x-request-id"]
    return body
