"""One image, and its answer at once."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest

from detector.service.api.answers import ItemAnswer
from detector.service.records import Decision, Outcome
from detector.service.settings import Limits
from tests.service.reviewing import served
from tests.service.running import JPEG, REPORT, Running, problem, running

HEADERS = {"Content-Type": "image/jpeg"}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path, limits=Limits(deadline_s=10.0)) as made:
        yield made


def wait(happens: Callable[[], Any]) -> None:
    until = time.monotonic() + 5
    while not happens():
        assert time.monotonic() < until
        time.sleep(0.005)


def test_the_answer_is_the_commands_and_what_became_of_the_file(here: Running) -> None:
    with here.working():
        answer = here.client.post(
            "/v1/score", files={"file": ("a photo, ü.jpg", JPEG)}, headers={"X-Request-ID": "r-1"}
        )
    body = answer.json()
    command = json.loads(json.dumps(asdict(REPORT)))
    assert answer.status_code == 200
    assert {name: body[name] for name in command} == {**command, "path": "a photo, ü.jpg"}
    assert list(body)[: len(command)] == list(command)
    assert (body["request_id"], answer.headers["x-request-id"]) == ("r-1", "r-1")
    assert (body["state"], body["size"], body["review"]) == ("done", len(JPEG), None)
    assert body["decision"] == {"action": "allow", "reason": "0.25 is below 0.90", "policy": "0123456789ab"}
    assert body["heatmaps"] == [f"/v1/jobs/{body['job_id']}/heatmap/0.png?item=0"]
    assert here.client.get(body["heatmaps"][0]).content.startswith(b"\x89PNG")
    ItemAnswer.model_validate(body, extra="forbid")


def test_an_image_that_cannot_be_scored_is_an_answer(here: Running) -> None:
    error = {"path": "x", "media": "image", "status": "error", "reason": "truncated", "warnings": ["it ends early"]}

    def fail() -> None:
        wait(here.store.waiting)
        [claim] = here.store.claim("w", 1, 60)
        assert here.store.complete(claim, Outcome(error, Decision("review", "no score", "0123456789ab")))

    with ThreadPoolExecutor() as pool:
        failing = pool.submit(fail)
        answer = here.client.post("/v1/score", content=JPEG, headers=HEADERS)
        failing.result()
    body = answer.json()
    assert (answer.status_code, body["status"], body["reason"]) == (200, "error", "truncated")
    assert (body["fake_probability"], body["verdict"], body["faces"]) == (None, None, [])


@pytest.mark.parametrize("deadline", [{"X-Deadline-Ms": "60"}, {"X-Deadline-Ms": "60", "Idempotency-Key": "k"}])
def test_what_is_not_done_in_time_is_given_up(here: Running, deadline: dict[str, str]) -> None:
    started = time.monotonic()
    answer = here.client.post("/v1/score", content=JPEG, headers={**HEADERS, **deadline})
    assert problem(answer, 504, "deadline")["limit"] == 60
    assert time.monotonic() - started < 5
    assert (here.store.counts(), here.uploads) == ({"cancelled": 1}, [])


def test_no_deadline_is_longer_than_the_services(tmp_path: Path) -> None:
    with running(tmp_path, limits=Limits(deadline_s=0.05)) as here:
        answer = here.client.post("/v1/score", content=JPEG, headers={**HEADERS, "X-Deadline-Ms": "60000"})
        assert problem(answer, 504, "deadline")["limit"] == 50


def test_an_image_that_was_begun_too_late_is_late_and_not_cancelled(here: Running) -> None:
    def expire() -> None:
        wait(here.store.waiting)
        time.sleep(0.25)
        here.store.claim("w", 1, 60)

    thread = Thread(target=expire)
    thread.start()
    answer = here.client.post("/v1/score", content=JPEG, headers={**HEADERS, "X-Deadline-Ms": "200"})
    thread.join()
    problem(answer, 504, "deadline")


def test_somebody_elses_cancelling_is_told_as_such(here: Running) -> None:
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(here.client.post, "/v1/score", content=JPEG, headers=HEADERS)
        wait(here.store.waiting)
        [job] = here.store.jobs().items
        assert here.client.post(f"/v1/jobs/{job.id}/cancel").json()["state"] == "cancelled"
        problem(answer.result(), 409, "cancelled")
    assert here.uploads == []


def post(url: str, headers: dict[str, str]) -> socket.socket:
    """A connection on which an image has been sent, and nothing read."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in {**HEADERS, **headers}.items())
    client = socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1])), 5)
    head = f"POST /v1/score HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(JPEG)}\r\n{lines}\r\n"
    client.sendall(head.encode() + JPEG)
    return client


def test_a_client_that_leaves_is_not_worked_for(here: Running) -> None:
    with served(here.app) as url:
        with post(url, {}):
            wait(here.store.waiting)
        wait(lambda: here.store.counts() == {"cancelled": 1})
        wait(lambda: here.uploads == [])


def test_a_client_that_left_and_comes_back_with_its_key_has_its_answer(here: Running) -> None:
    key = {"Idempotency-Key": "come-back"}
    with served(here.app) as url:
        with post(url, key):
            wait(here.store.waiting)
        wait(lambda: here.service.gate.inside == 0)
    here.work()
    answer = here.client.post("/v1/score", content=JPEG, headers={**HEADERS, **key})
    assert (answer.status_code, answer.headers["idempotent-replay"]) == (200, "true")
    assert (here.store.counts(), len(here.done), len(here.uploads)) == ({"done": 1}, 1, 1)


def test_the_same_request_at_the_same_time_is_done_once(here: Running) -> None:
    both = Barrier(2)

    def send() -> Any:
        both.wait()
        return here.client.post("/v1/score", content=JPEG, headers={**HEADERS, "Idempotency-Key": "k"})

    with ThreadPoolExecutor() as pool, here.working():
        answers = [future.result() for future in [pool.submit(send) for _ in range(2)]]
    assert len({answer.json()["item_id"] for answer in answers}) == 1
    assert sorted("idempotent-replay" in answer.headers for answer in answers) == [False, True]
    assert len(here.done) == len(here.uploads) == 1


def test_all_who_wait_share_one_question_to_the_store(here: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    ended = here.store.ended

    def count(job_ids: Collection[str]) -> set[str]:
        asked.append(len(job_ids))
        return ended(job_ids)

    monkeypatch.setattr(here.store, "ended", count)
    with ThreadPoolExecutor(20) as pool:
        sent = [pool.submit(here.client.post, "/v1/score", content=JPEG, headers=HEADERS) for _ in range(20)]
        wait(lambda: 20 in asked)
        here.work()
        assert [future.result().status_code for future in sent] == [200] * 20
    calls = len(asked)
    time.sleep(0.1)
    assert len(asked) == calls  # nobody waits: nobody asks


def test_a_store_that_is_away_for_a_moment_is_waited_for(here: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    ended, failures = here.store.ended, iter([RuntimeError("away")])

    def fail_once(job_ids: Collection[str]) -> set[str]:
        for failure in failures:
            raise failure
        return ended(job_ids)

    monkeypatch.setattr("detector.service.api.waiting.AFTER_FAILURE_S", 0.05)
    monkeypatch.setattr(here.store, "ended", fail_once)
    with here.working():
        assert here.client.post("/v1/score", content=JPEG, headers=HEADERS).status_code == 200
