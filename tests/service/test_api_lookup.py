"""A webhook's name whose servers are silent holds up its own request, and nobody else's."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from detector.service.api import lookup, threads
from tests.service.running import JPEG, Running, problem, running


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path) as made:
        yield made


@dataclass
class Silence:
    """Name servers that say nothing."""

    asked: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def ask(self, *_: object, **__: object) -> list[Any]:
        self.asked += 1
        self.over.wait(60)
        return []


@pytest.fixture
def silence(monkeypatch: pytest.MonkeyPatch) -> Iterator[Silence]:
    """No name is answered for until it is over, or the test is."""
    made = Silence()
    monkeypatch.setattr(socket, "getaddrinfo", made.ask)
    yield made
    made.over.set()


def send(here: Running) -> Any:
    return here.client.post("/v1/jobs", files={"file": JPEG}, data={"webhook": "https://silent.example/told"})


def test_a_name_that_is_not_found_in_time_is_refused(
    here: Running, silence: Silence, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookup, "WITHIN_S", 0.1)
    assert problem(send(here), 422, "invalid")["field"] == "webhook"
    assert (silence.asked, here.uploads, here.store.counts()) == (1, [], {})


def test_others_are_answered_meanwhile(here: Running, silence: Silence, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "WITHIN_S", 60.0)
    many = threads.AT_ONCE + 1
    with ThreadPoolExecutor(many + 1) as pool:
        sent = [pool.submit(send, here) for _ in range(many)]
        try:
            wait(lambda: len(here.uploads) == many and silence.asked >= lookup.AT_ONCE)
            assert pool.submit(here.client.get, "/v1/jobs").result(10).status_code == 200
            assert silence.asked == lookup.AT_ONCE
        finally:
            silence.over.set()
    assert {one.result().status_code for one in sent} == {422}


def wait(happens: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not happens():
        assert time.monotonic() < until
        time.sleep(0.01)
