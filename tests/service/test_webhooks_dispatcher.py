"""What is owed is sent until it is delivered or dead, whatever receivers, stores and processes do meanwhile."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from detector.service.api.refusals import handle_errors
from detector.service.api.service import Service
from detector.service.records import Delivery, Order, Scope, Upload
from detector.service.settings import Settings, Webhooks
from detector.service.store import Store
from detector.service.webhooks import dispatcher as module
from detector.service.webhooks import verify
from detector.service.webhooks.dispatcher import AT_ONCE, LONGEST_WAIT_S, Dispatcher, waiting_time
from detector.service.webhooks.routes import router
from detector.service.webhooks.sender import Answer, Sender
from tests.service.receiver import Received, listening, status

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
WEBHOOKS = Webhooks(secret=SECRET, private=True, attempts=3, timeout_s=5.0, first_wait_s=5.0)


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[Store]:
    opened = Store.open(f"sqlite:///{tmp_path / 'service.db'}", clock)
    yield opened
    opened.close()


def owe(store: Store, url: str) -> str:
    """A job that ends; the id of its job."""
    upload = Upload("a.jpg", "0" * 32, 1, "0" * 64, "image")
    job, _ = store.submit(Order("", (upload,), webhook=url), waiting_limit=1000)
    store.cancel(job.id)
    return job.id


def dispatcher_of(store: Store, clock: Clock, webhooks: Webhooks = WEBHOOKS) -> Dispatcher:
    sender = Sender(SECRET, private=True, timeout_s=webhooks.timeout_s, clock=clock)
    return Dispatcher(store, sender.send, webhooks, "here", clock, draw=lambda: 0.0)


def tries(store: Store, dispatcher: Dispatcher, clock: Clock) -> list[float]:
    """Let time pass, second by second, and try whatever is due; when the tries were, counted from now."""
    begun, when = clock.now, []
    for _ in range(100):
        for delivery in store.owed("here", 10, 60.0):
            when.append(clock.now - begun)
            dispatcher.deliver(delivery)
        clock.now += 1.0
    return when


def test_a_receiver_that_fails_twice_is_tried_again_with_longer_waits(store: Store, clock: Clock) -> None:
    with listening(status(500, 503, 200)) as receiver:
        job_id = owe(store, receiver.url())
        assert tries(store, dispatcher_of(store, clock), clock) == [0.0, 5.0, 15.0]
    bodies = {request.body for request in receiver.received}
    ids = {
        verify(request.headers, request.body, SECRET, now=float(request.headers["webhook-timestamp"]))
        for request in receiver.received
    }
    stamps = [float(request.headers["webhook-timestamp"]) - 1_700_000_000.0 for request in receiver.received]
    assert stamps == [0.0, 5.0, 15.0]
    assert len(bodies) == len(ids) == 1
    body = json.loads(bodies.pop())
    assert (body["type"], body["data"]["id"], body["id"]) == ("job.finished", job_id, ids.pop())
    assert store.dead().items == ()


def test_after_so_many_tries_a_message_is_dead_and_can_be_revived(store: Store, clock: Clock) -> None:
    with listening(status(500, 500, 500, 204)) as receiver:
        owe(store, receiver.url())
        dispatcher = dispatcher_of(store, clock)
        assert tries(store, dispatcher, clock) == [0.0, 5.0, 15.0]
        (dead,) = store.dead().items
        assert (dead.attempts, dead.error) == (3, "answered 500")
        assert store.revive(dead.id)
        assert tries(store, dispatcher, clock) == [0.0]
    assert store.dead().items == ()
    assert len({request.headers["webhook-id"] for request in receiver.received}) == 1


def test_who_is_gone_is_not_tried_again(store: Store, clock: Clock) -> None:
    with listening(status(410)) as receiver:
        owe(store, receiver.url())
        assert tries(store, dispatcher_of(store, clock), clock) == [0.0]
    assert [message.error for message in store.dead().items] == ["answered 410"]


def test_a_receiver_may_ask_for_a_longer_wait(store: Store, clock: Clock) -> None:
    with listening(status(503, 200, headers={"Retry-After": "42"})) as receiver:
        owe(store, receiver.url())
        assert tries(store, dispatcher_of(store, clock), clock) == [0.0, 42.0]


def test_an_address_inside_dies_without_a_connection(store: Store, clock: Clock) -> None:
    with listening(status(200)) as receiver:
        owe(store, receiver.url())
        guarded = Dispatcher(store, Sender(SECRET).send, WEBHOOKS, "here", clock, draw=lambda: 0.0)
        assert len(tries(store, guarded, clock)) == 3
    assert receiver.received == []
    assert "public addresses only" in (store.dead().items[0].error or "")


def test_the_outcomes_are_counted(store: Store, clock: Clock) -> None:
    def counts() -> list[float]:
        names = ("delivered", "retried", "dead")
        return [REGISTRY.get_sample_value("detector_webhooks_total", {"outcome": name}) or 0.0 for name in names]

    before = counts()
    with listening(status(500, 500, 500, 500, 200)) as receiver:
        owe(store, receiver.url())
        tries(store, dispatcher_of(store, clock), clock)
        owe(store, receiver.url())
        tries(store, dispatcher_of(store, clock), clock)
    assert [now - then for now, then in zip(counts(), before, strict=True)] == [1, 3, 1]


@pytest.mark.parametrize(
    ("failed", "first", "asked", "drawn", "waits"),
    [
        (1, 5.0, 0.0, 0.0, 5.0),
        (2, 5.0, 0.0, 0.0, 10.0),
        (8, 5.0, 0.0, 0.0, 640.0),
        (1, 5.0, 0.0, 0.5, 3.75),
        (11, 5.0, 0.0, 0.0, 3600.0),
        (11, 5.0, 0.0, 0.5, 2700.0),
        (5000, 5.0, 0.0, 0.0, 3600.0),
        (1, 5.0, 60.0, 0.0, 60.0),
        (3, 5.0, 1.0, 0.0, 20.0),
        (1, 5.0, float("inf"), 0.0, 3600.0),
    ],
)
def test_waits_by_hand(failed: int, first: float, asked: float, drawn: float, waits: float) -> None:
    assert waiting_time(failed, first, asked, drawn) == waits


@given(
    failed=st.integers(1, 10**6),
    first=st.floats(0.001, 1e4),
    asked=st.floats(0),
    drawn=st.floats(0, 1, exclude_max=True),
)
def test_a_wait_is_never_short_of_half_nor_longer_than_an_hour(
    failed: int, first: float, asked: float, drawn: float
) -> None:
    waits = waiting_time(failed, first, asked, drawn)
    assert min(first, LONGEST_WAIT_S) / 2 <= waits <= LONGEST_WAIT_S
    assert waits >= min(asked, LONGEST_WAIT_S)
    assert waiting_time(failed + 1, first, asked, drawn) >= waits


def until(condition: Callable[[], bool], limit_s: float = 10.0) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def test_the_thread_sends_until_it_is_stopped(store: Store, clock: Clock) -> None:
    with listening(status(200)) as receiver:
        for _ in range(AT_ONCE * 3):
            owe(store, receiver.url())
        dispatcher = dispatcher_of(store, clock)
        dispatcher.start()
        until(lambda: len(receiver.received) == AT_ONCE * 3)
        dispatcher.stop()
        owe(store, receiver.url())
        assert len(store.owed("another", 10, 60.0)) == 1
    assert len({request.headers["webhook-id"] for request in receiver.received}) == AT_ONCE * 3


def test_a_slow_receiver_does_not_hold_up_the_others(store: Store, clock: Clock) -> None:
    released = threading.Event()

    def holds(handler: BaseHTTPRequestHandler, before: int) -> None:
        released.wait(5)
        status(200)(handler, before)

    with listening(holds) as slow, listening(status(200)) as quick:
        owe(store, slow.url())
        for _ in range(AT_ONCE * 2):
            owe(store, quick.url())
        dispatcher = dispatcher_of(store, clock)
        dispatcher.start()
        until(lambda: len(quick.received) == AT_ONCE * 2)
        assert not released.is_set()
        threading.Timer(0.1, released.set).start()
        dispatcher.stop()  # waits for the slow one
        assert released.is_set()
    assert store.owed("another", 10, 60.0) == []
    clock.now += 1e6
    assert store.owed("another", 10, 60.0) == []


def test_no_more_is_taken_than_can_be_tried_now(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    # What waited here would lose its lease meanwhile, and be sent twice.
    monkeypatch.setattr(module, "IDLE_S", 0.01)
    released, begun = threading.Event(), []

    def hold(delivery: Delivery) -> Answer:
        begun.append(delivery.id)
        released.wait(10)
        return Answer("delivered")

    for _ in range(AT_ONCE + 3):
        owe(store, "http://out/")
    dispatcher = Dispatcher(store, hold, WEBHOOKS, "here", clock)
    dispatcher.start()
    until(lambda: len(begun) == AT_ONCE)
    time.sleep(0.1)
    assert len(store.owed("another", 100, 60.0)) == 3
    released.set()
    dispatcher.stop()
    assert len(begun) == AT_ONCE


class Flaky:
    """A store that is away at first, and cannot write at first either."""

    def __init__(self, deliveries: list[Delivery]) -> None:
        self.waiting, self.asked, self.written = deliveries, 0, []

    def owed(self, worker: str, limit: int, lease_s: float) -> Sequence[Delivery]:
        self.asked += 1
        if self.asked == 1:
            raise OSError("the database is away")
        taken, self.waiting = self.waiting[:limit], self.waiting[limit:]
        assert worker == "here"
        assert lease_s > WEBHOOKS.timeout_s
        return taken

    def delivered(self, delivery_id: str) -> None:
        self.written.append((delivery_id, None))
        if len(self.written) == 1:
            raise OSError("the database is away again")

    def failed(self, delivery_id: str, error: str, next_at: float | None) -> None:
        assert next_at is not None
        self.written.append((delivery_id, error))


def test_the_thread_outlives_a_store_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IDLE_S", 0.01)
    flaky = Flaky([Delivery(str(number), "http://out/", "{}", 0, 0.0) for number in range(3)])
    dispatcher = Dispatcher(flaky, lambda _: Answer("delivered"), WEBHOOKS, "here")
    dispatcher.start()
    until(lambda: len(flaky.written) == 3)
    dispatcher.stop()
    assert sorted(flaky.written) == [("0", None), ("1", None), ("2", None)]


def test_a_message_that_cannot_be_sent_at_all_counts_its_tries() -> None:
    def broken(_: Delivery) -> Answer:
        raise RuntimeError("a defect")

    flaky = Flaky([])
    Dispatcher(flaky, broken, WEBHOOKS, "here").deliver(Delivery("d", "http://out/", "{}", 0, 0.0))
    assert flaky.written == [("d", "RuntimeError: a defect")]


PROGRAM = """
import sys
from time import sleep
from detector.service.settings import Webhooks
from detector.service.store import Store
from detector.service.webhooks.dispatcher import Dispatcher
from detector.service.webhooks.sender import Sender
url, secret = sys.argv[1:]
Dispatcher(Store.open(url), Sender(secret, private=True).send, Webhooks(), "doomed").start()
sleep(60)
"""


def test_kill_9_in_the_middle_loses_nothing(tmp_path: Path) -> None:
    messages = 40
    url = f"sqlite:///{tmp_path / 'service.db'}"
    store = Store.open(url)

    def slowly(handler: BaseHTTPRequestHandler, before: int) -> None:
        time.sleep(0.1)
        status(200)(handler, before)

    with listening(slowly) as receiver:
        jobs = {owe(store, receiver.url()) for _ in range(messages)}
        with subprocess.Popen([sys.executable, "-c", PROGRAM, url, SECRET]) as doomed:
            until(lambda: len(receiver.received) > messages // 3, limit_s=30)
            os.kill(doomed.pid, signal.SIGKILL)
        assert len(receiver.received) < messages
        store.close()
        later = Store.open(url, clock=lambda: time.time() + 3600)  # when the leases of the dead have run out
        survivor = Dispatcher(later, Sender(SECRET, private=True).send, WEBHOOKS, "survivor")
        survivor.start()
        until(lambda: {job_of(request) for request in receiver.received} == jobs, limit_s=30)
        survivor.stop()
    assert len(receiver.received) - messages <= AT_ONCE  # what was under way when it was killed came twice
    assert (later.owed("nobody", 10, 0.0), later.dead().items) == ([], ())
    later.close()


def job_of(request: Received) -> str:
    return str(json.loads(request.body)["data"]["id"])


@pytest.fixture
def client(store: Store, tmp_path: Path) -> Iterator[TestClient]:
    app = FastAPI()
    handle_errors(app)
    app.include_router(router)
    app.state.service = Service(Settings(host="0.0.0.0", state=tmp_path), store, None, None, dict)
    with TestClient(app) as client:
        yield client


def key(store: Store, scope: Scope) -> dict[str, str]:
    return {"Authorization": f"Bearer {store.add_key(scope, [scope])[1]}"}


def test_the_dead_are_listed_page_by_page_and_revived(store: Store, clock: Clock, client: TestClient) -> None:
    admin = key(store, "admin")
    with listening(status(410)) as receiver:
        jobs = [owe(store, receiver.url()) for _ in range(3)]
        tries(store, dispatcher_of(store, clock), clock)
    first = client.get("/v1/webhooks/dead?limit=2", headers=admin).json()
    rest = client.get(f"/v1/webhooks/dead?limit=2&after={first['next']}", headers=admin).json()
    assert [message["job_id"] for message in first["items"] + rest["items"]] == jobs[::-1]
    assert rest["next"] is None
    shown = rest["items"][0]
    assert (shown["type"], shown["url"], shown["attempts"]) == ("job.finished", receiver.url(), 1)
    assert shown["error"] == "answered 410"
    assert client.post(f"/v1/webhooks/dead/{shown['id']}/retry", headers=admin).status_code == 204
    assert [delivery.id for delivery in store.owed("here", 10, 60.0)] == [shown["id"]]
    assert len(client.get("/v1/webhooks/dead", headers=admin).json()["items"]) == 2


def test_only_the_dead_can_be_revived(store: Store, client: TestClient) -> None:
    owe(store, "http://out/")
    (delivery,) = store.owed("here", 10, 60.0)
    for name in (delivery.id, "0" * 32, "\0", "%00"):
        answer = client.post(f"/v1/webhooks/dead/{quote(name)}/retry", headers=key(store, "admin"))
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems#not-found")


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "after=x", "after=-1"])
def test_a_page_that_cannot_be_is_refused(store: Store, client: TestClient, query: str) -> None:
    answer = client.get(f"/v1/webhooks/dead?{query}", headers=key(store, "admin"))
    assert (answer.status_code, answer.json()["field"]) == (422, query.split("=")[0])


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("POST", f"/{'0' * 32}/retry")])
def test_only_an_admin_may(store: Store, client: TestClient, method: str, path: str) -> None:
    url = f"/v1/webhooks/dead{path}"
    assert client.request(method, url).status_code == 401
    assert client.request(method, url, headers=key(store, "score")).status_code == 403
    assert client.request(method, url, headers=key(store, "review")).status_code == 403
