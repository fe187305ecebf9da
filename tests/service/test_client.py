"""The client against a service that fails in every way that a network has; the sync and the async one alike."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from detector.client import Answer, AsyncClient, Client
from detector.errors import MediaError, ServiceError, UsageError
from detector.types import FaceReport, RegionEvidence
from tests.service.fake_service import PNG, Fake, drop, drop_after_work, drop_at_once, half, refuse, serving

Ask = Callable[..., Any]


@pytest.fixture
def fake() -> Iterator[Fake]:
    with serving() as fake:
        yield fake


def sync_ask(fake: Fake, method: str, *args: Any, **client: Any) -> Any:
    with Client(fake.url, **client) as made:
        value = getattr(made, method)(*args)
        return list(value) if method == "jobs" else value


def async_ask(fake: Fake, method: str, *args: Any, **client: Any) -> Any:
    async def ask() -> Any:
        async with AsyncClient(fake.url, **client) as made:
            value = getattr(made, method)(*args)
            return [job async for job in value] if method == "jobs" else await value

    return asyncio.run(ask())


@pytest.fixture(params=[sync_ask, async_ask], ids=["sync", "async"])
def ask(request: pytest.FixtureRequest, fake: Fake) -> Ask:
    """Call a method of either client on the fake service."""
    return lambda method, *args, **client: request.param(fake, method, *args, **client)


def test_an_answer_is_the_report_of_local_scoring_and_the_decision(ask: Ask, fake: Fake, tmp_path: Path) -> None:
    (tmp_path / "ü photo.jpg").write_bytes(b"pixels")
    answer = ask("score", tmp_path / "ü photo.jpg")
    assert isinstance(answer, Answer)
    assert (answer.report.path, answer.report.verdict, answer.report.fake_probability) == ("ü photo.jpg", "fake", 0.7)
    face = FaceReport((1.0, 2.0, 30.0, 40.0), 0.9, 0.7, regions=(RegionEvidence("mouth", 0.5, "mouth: odd"),))
    assert answer.report.faces == (face,)
    assert answer.decision is not None
    assert (answer.decision.action, answer.decision.weight) == ("review", 1.0)
    assert (answer.job_id, answer.item_id, answer.request_id) == ("job1", "item1", "r1")
    [seen] = fake.seen
    assert seen.files == (("ü photo.jpg", b"pixels"),), "the folder is nobody's business"


def test_the_key_the_deadline_and_the_webhook_are_sent(ask: Ask, fake: Fake) -> None:
    ask("score", b"pixels", "avatar of 7", 2.5, key="dk_secret")
    ask("submit", [b"one", b"two"], "https://hooks.example/x", key="dk_secret")
    score, submit = fake.seen
    assert (score.path, score.headers["x-deadline-ms"]) == ("/v1/score", "2500")
    assert score.files == (("avatar of 7", b"pixels"),)
    assert submit.fields == {"webhook": "https://hooks.example/x"}
    assert [content for _, content in submit.files] == [b"one", b"two"]
    assert {seen.headers["authorization"] for seen in fake.seen} == {"Bearer dk_secret"}


@pytest.mark.parametrize("failure", [drop_at_once, drop, drop_after_work, half, refuse(503), refuse(502), refuse(504)])
@pytest.mark.parametrize("method", ["score", "submit"])
def test_what_fails_in_passing_is_tried_again_and_never_done_twice(
    ask: Ask, fake: Fake, tmp_path: Path, failure: Callable[..., None], method: str
) -> None:
    (tmp_path / "a.jpg").write_bytes(b"pixels")
    fake.failures.append(failure)
    ask(method, tmp_path / "a.jpg" if method == "score" else [tmp_path / "a.jpg"])
    assert len(fake.jobs) == 1
    assert len({seen.headers["idempotency-key"] for seen in fake.seen}) == 1
    assert {seen.files for seen in fake.seen} == {(("a.jpg", b"pixels"),)}, "the file is read from its start each time"


def test_every_call_has_a_key_of_its_own(ask: Ask, fake: Fake) -> None:
    for _ in range(2):
        ask("score", b"pixels")
    assert len(fake.jobs) == 2


def test_a_service_that_is_not_there_is_one_clear_error(ask: Ask, fake: Fake) -> None:
    fake.url = "http://127.0.0.1:9"
    with pytest.raises(ServiceError, match=r"unreachable: .*is the service running\?") as caught:
        ask("models", retries=0)
    assert (caught.value.slug, caught.value.status) == ("unreachable", 0)


def test_it_gives_up_after_the_retries(ask: Ask, fake: Fake) -> None:
    fake.failures.extend([refuse(503, "queue-full", "0")] * 3)
    with pytest.raises(ServiceError, match="queue-full: expected less") as caught:
        ask("score", b"pixels", retries=2)
    assert (caught.value.status, caught.value.retry_after, caught.value.request_id) == (503, 0.0, "r1")
    assert len(fake.seen) == 3
    assert not fake.jobs


@pytest.mark.parametrize(
    ("failure", "slug", "status"),
    [
        (refuse(401, "no-key"), "no-key", 401),
        (refuse(413, "too-large"), "too-large", 413),
        (refuse(500, "failed"), "failed", 500),
        (refuse(504, "deadline"), "deadline", 504),
        (refuse(429, "too-many-requests", "3600"), "too-many-requests", 429),
        (refuse(403), "http-403", 403),
        (refuse(200), "bad-answer", 200),
        (refuse(307, Location="http://elsewhere.example/"), "redirected", 307),
    ],
)
def test_what_trying_again_does_not_mend_is_said_at_once(
    ask: Ask, fake: Fake, failure: Callable[..., None], slug: str, status: int
) -> None:
    fake.failures.append(failure)
    with pytest.raises(ServiceError) as caught:
        ask("score", b"pixels", key="dk_secret")
    assert (caught.value.slug, caught.value.status) == (slug, status)
    assert "dk_secret" not in str(caught.value)
    assert len(fake.seen) == 1


def test_an_answer_of_somebody_else_is_told_from_ours(ask: Ask, fake: Fake) -> None:
    fake.failures.append(lambda handler: handler.say(200, {"path": "a.jpg", "media": "image", "status": "fine"}))
    with pytest.raises(ServiceError, match=r"bad-answer: the answer: report\.status"):
        ask("score", b"pixels")
    fake.failures.append(lambda handler: handler.say(200, {"id": "1", "items": 3}))
    with pytest.raises(ServiceError, match="expected a list of items"):
        ask("job", "1")


def test_waiting_ends_with_the_job_or_with_its_time(ask: Ask, fake: Fake) -> None:
    fake.looks_until_done = 2
    job = ask("wait", "job1")
    assert (job.ended, job.items[0].name, fake.looks) == (True, "a.jpg", 3)
    fake.looks_until_done = 1000
    with pytest.raises(ServiceError, match=r"not-ended: job job1 is running after 0\.3 s"):
        ask("wait", "job1", 0.3)


def test_jobs_are_listed_to_the_last_page(ask: Ask, fake: Fake) -> None:
    assert [job.id for job in ask("jobs")] == [f"job{number}" for number in range(5)]
    assert [seen.path for seen in fake.seen] == ["/v1/jobs", "/v1/jobs?after=2", "/v1/jobs?after=4"]
    ask("jobs", "queued")
    assert fake.seen[3].path == "/v1/jobs?state=queued"


def test_jobs_are_cancelled_once(ask: Ask, fake: Fake) -> None:
    fake.failures.append(drop)
    assert ask("cancel", "job1").state == "cancelled"
    assert ask("cancel", "job1").items[0].answer is None
    assert {seen.path for seen in fake.seen} == {"/v1/jobs/job1/cancel"}
    assert len({seen.headers["idempotency-key"] for seen in fake.seen}) == 2


def test_heatmaps_come_from_the_service_and_from_nowhere_else(ask: Ask, fake: Fake) -> None:
    answer = ask("score", b"pixels")
    assert ask("heatmap", answer, 0) == PNG
    assert fake.seen[-1].path == "/v1/jobs/job1/heatmap/0.png?item=0"
    with pytest.raises(UsageError, match=r"expected a face that has a heatmap \(0\), got 3"):
        ask("heatmap", answer, 3)
    for link in ("https://elsewhere.example/v1/jobs/a/heatmap/0.png?item=0", "//b/v1/jobs/a/heatmap/0.png?item=0"):
        with pytest.raises(UsageError, match=r"heatmap \(none has\), got 0"):
            ask("heatmap", replace(answer, heatmaps=(link,)), 0, key="dk_secret")
    assert ask("models") == {"models": {"face-vae": "0123"}}


def test_a_file_that_is_not_there_is_not_asked_about(ask: Ask, fake: Fake, tmp_path: Path) -> None:
    for method, source in (("score", tmp_path / "no.jpg"), ("submit", [b"pixels", tmp_path / "no.jpg"])):
        with pytest.raises(MediaError, match="there is no file") as caught:
            ask(method, source)
        assert caught.value.reason == "not_found"
    assert not fake.seen


def test_a_large_file_is_never_in_memory(fake: Fake, ask: Ask, tmp_path: Path) -> None:
    size = 64 << 20
    with (tmp_path / "large.mp4").open("wb") as file:
        file.truncate(size)
    fake.failures.append(drop_at_once)  # so that sending it and sending it again are both measured
    tracemalloc.start()
    try:
        ask("submit", [tmp_path / "large.mp4"])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert fake.seen[-1].size > size
    assert peak < size / 8


@pytest.mark.parametrize(
    ("url", "key", "says"),
    [
        ("moderation.example", None, "expected an address such as"),
        ("ftp://moderation.example", None, "expected an address such as"),
        ("http://user:password@moderation.example", None, "expected an address such as"),
        ("http://moderation.example", "dk_secret\n", "expected an API key"),
        ("http://moderation.example", "dk_sécret", "expected an API key"),
    ],
)
@pytest.mark.parametrize("client", [Client, AsyncClient])
def test_what_cannot_be_an_address_or_a_key_is_refused(client: Any, url: str, key: str | None, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        client(url, key)
    assert not key or key not in str(caught.value)


@pytest.mark.parametrize("job_id", ["", "../models", "a/b", "a?b"])
def test_an_id_cannot_lead_elsewhere(ask: Ask, fake: Fake, job_id: str) -> None:
    with pytest.raises(UsageError, match="expected the id of a job"):
        ask("job", job_id)
    assert not fake.seen


@pytest.mark.parametrize("deadline_s", [0.0, -1.0, float("inf"), float("nan")])
def test_a_deadline_is_a_time_to_come(ask: Ask, fake: Fake, deadline_s: float) -> None:
    with pytest.raises(UsageError, match="expected a positive number of seconds"):
        ask("score", b"pixels", None, deadline_s)
    assert not fake.seen


def test_a_name_that_is_no_text_is_sent_as_well_as_it_can(ask: Ask, fake: Fake) -> None:
    ask("score", b"pixels", 'caf\udce9\r\n"x".jpg')
    assert fake.seen[0].files[0][1] == b"pixels"
    assert "\n" not in fake.seen[0].files[0][0]


def test_without_httpx_it_says_what_to_install_and_it_never_imports_torch() -> None:
    code = """
import sys
sys.modules['httpx'] = None
from detector import Client
from detector.errors import UsageError
try:
    Client()
except UsageError as error:
    print(error)
print({'torch', 'cv2', 'sklearn', 'fastapi', 'sqlalchemy'} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["the client needs httpx: pip install 'detector[serve]'", "set()"], done.stderr
