"""Connections over which nothing comes, or over which nothing is taken, end."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from detector.service.api import connection
from detector.service.serve import server_of
from detector.service.settings import Settings
from tests.service.running import JPEG, Running, running

SOON_S = 0.3
LATE_S = 10.0
HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
UPLOAD = b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\n"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path) as made:
        yield made


@pytest.fixture
def port(here: Running) -> Iterator[int]:
    with listening(here) as port:
        yield port


@contextmanager
def listening(here: Running) -> Iterator[int]:
    """The service on a free port, as `serve` runs it."""
    server = server_of(Settings(state=here.folder), here.app, here.service.gate)
    server.config.lifespan = "off"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield port
        finally:
            server.should_exit = True
            thread.join()


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=LATE_S)


def lives(client: socket.socket) -> bool:
    """Whether a request is answered."""
    client.sendall(HEAD + b"\r\n")
    answer = b""
    while not answer.endswith(b'{"status":"ok"}'):
        answer += client.recv(10_000)
    return answer.startswith(b"HTTP/1.1 200 ")


def ends(client: socket.socket) -> bool:
    """Whether the service ends the connection, before the test's patience does; what it still says is read."""
    with suppress(ConnectionResetError):
        while client.recv(10_000):
            pass
    return True


def drip(client: socket.socket, drop: bytes) -> None:
    """Send a little again and again, until nobody listens."""
    until = time.monotonic() + LATE_S
    with suppress(ConnectionError):
        while time.monotonic() < until:
            client.sendall(drop)
            time.sleep(SOON_S / 10)
    assert time.monotonic() < until


@pytest.mark.parametrize("said", [b"", b"G", HEAD, HEAD + b"X-Slow: "])
def test_a_head_that_does_not_come_is_not_waited_for(port: int, said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEAD_S", SOON_S)
    with connect(port) as client:
        client.sendall(said)
        assert ends(client)


def test_nor_is_one_that_comes_a_byte_at_a_time(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEAD_S", SOON_S)
    with connect(port) as client:
        client.sendall(HEAD + b"X-Slow: ")
        drip(client, b"x")


def test_nor_is_the_next_one_of_a_connection(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEAD_S", SOON_S)
    with connect(port) as client:
        for _ in range(3):
            assert lives(client)
        client.sendall(HEAD + b"X-Slow: ")
        drip(client, b"x")


def test_the_rest_of_a_refused_body_is_not_read_for_good(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "REST_S", SOON_S)
    with connect(port) as client:
        client.sendall(UPLOAD + b"Content-Length: 99999999999\r\n\r\n")
        assert client.recv(10_000).startswith(b"HTTP/1.1 413 ")
        drip(client, b"x")


def test_a_body_and_an_answer_may_take_longer(here: Running, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEAD_S", SOON_S)
    with connect(port) as client:
        client.sendall(UPLOAD.replace(b"/v1/jobs", b"/v1/score") + b"Content-Length: %d\r\n\r\n" % len(JPEG))
        time.sleep(2 * SOON_S)
        client.sendall(JPEG)
        wait(here.store.waiting)
        time.sleep(2 * SOON_S)
        here.work()
        assert client.recv(10_000).startswith(b"HTTP/1.1 200 ")


def test_an_answer_that_is_not_taken_is_not_kept(here: Running, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "TAKE_S", SOON_S)
    job = here.client.post("/v1/jobs", content=JPEG + bytes(20_000_000), headers={"Content-Type": "image/jpeg"}).json()
    here.work()
    with connect(port) as client:
        client.sendall(f"GET /v1/jobs/{job['id']}/media HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        wait(lambda: here.service.gate.inside == 1)
        wait(lambda: here.service.gate.inside == 0)
        assert ends(client)


def test_only_so_many_are_open_at_once(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "MOST", 2)
    with connect(port) as first, connect(port) as second, connect(port) as third:
        assert ends(third)
        assert lives(first)
        assert lives(second)


def wait(happens: Callable[[], Any]) -> None:
    until = time.monotonic() + LATE_S
    while not happens():
        assert time.monotonic() < until
        time.sleep(0.005)
