"""`detector serve` in processes of its own, with the real models, as long as a test needs it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from detector.service.settings import Settings
from detector.service.store import Store

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
def serving(state: Path, *options: str, settings: str = PATIENT) -> Iterator[Served]:
    """Run `detector serve` on a free port, with these settings; in the end it is killed, if it has not ended."""
    config = state.with_suffix(".toml")
    config.write_text(settings)
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
