"""Who may do what, and how often."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.service.api.rates import Rates
from detector.service.problems import Problem
from detector.service.records import Key, Scope
from tests.service.running import JPEG, Running, problem, running

IMAGE = {"Content-Type": "image/jpeg"}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path) as made:
        yield made


def test_a_service_without_keys_is_open_to_this_machine(here: Running) -> None:
    assert here.client.post("/v1/jobs", content=JPEG, headers=IMAGE).status_code == 202


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1", "127.0.0.1:8080", "[::1]:8080"])
def test_an_open_service_answers_to_the_names_of_this_machine(here: Running, host: str) -> None:
    assert here.client.get("/v1/jobs", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "10.0.0.1", "[", "", "localhost@evil.example"]
)
def test_a_name_that_was_made_to_point_here_gets_nothing(here: Running, host: str) -> None:
    assert problem(here.client.get("/v1/jobs", headers={"Host": host}), 403, "not-allowed")["field"] == "Host"


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1"])
def test_another_sites_page_can_make_a_browser_send_nothing(here: Running, origin: str) -> None:
    answer = here.client.post("/v1/jobs", content=JPEG, headers={**IMAGE, "Origin": origin})
    assert problem(answer, 403, "not-allowed")["field"] == "Origin"
    assert here.store.counts() == {}
    assert here.client.get("/v1/jobs", headers={"Origin": "http://localhost"}).status_code == 200


def test_the_first_key_ends_the_open_service_for_good(here: Running) -> None:
    assert here.client.get("/v1/jobs").status_code == 200
    key, shown = here.key("score")
    assert problem(here.client.get("/v1/jobs"), 401, "no-key")
    assert here.client.get("/v1/jobs", headers=shown).status_code == 200
    here.store.revoke(key.id)
    answer = here.client.get("/v1/jobs", headers=shown)
    assert problem(answer, 401, "no-key")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_an_address_that_others_reach_is_never_open(tmp_path: Path) -> None:
    with running(tmp_path, host="0.0.0.0") as here:
        assert problem(here.client.get("/v1/jobs"), 401, "no-key")


def test_a_key_may_come_in_either_header(here: Running) -> None:
    _, shown = here.key("score")
    bare = {"X-API-Key": shown["Authorization"].removeprefix("Bearer ")}
    assert here.client.get("/v1/jobs", headers=bare).status_code == 200
    assert problem(here.client.get("/v1/jobs", headers={"X-API-Key": "dk_wrong"}), 401, "no-key")


@pytest.mark.parametrize(
    ("scope", "statuses"),
    [
        ("score", (202, 403, 403, 403)),
        ("review", (403, 404, 403, 403)),
        ("metrics", (403, 403, 200, 403)),
        ("admin", (202, 404, 200, 200)),
    ],
)
def test_a_key_may_do_what_its_scopes_say(here: Running, scope: Scope, statuses: tuple[int, ...]) -> None:
    _, shown = here.key(scope)
    ask = here.client
    answers = [
        ask.post("/v1/jobs", content=JPEG, headers={**shown, **IMAGE}),
        ask.get("/v1/jobs/none/media", headers=shown),
        ask.get("/metrics", headers=shown),
        ask.post("/v1/policy/dry-run", json={"policy": here.service.policy.text}, headers=shown),
    ]
    assert tuple(answer.status_code for answer in answers) == statuses
    for answer in answers:
        if answer.status_code == 403:
            problem(answer, 403, "not-allowed")


def test_other_peoples_jobs_are_not_there(here: Running) -> None:
    _, mine = here.key("score")
    _, theirs = here.key("score")
    job = here.client.post("/v1/jobs", content=JPEG, headers={**mine, **IMAGE}).json()
    for path in (job["links"]["self"], f"/v1/jobs/{job['id']}/heatmap/0.png"):
        assert problem(here.client.get(path, headers=theirs), 404, "not-found")
    assert problem(here.client.post(job["links"]["cancel"], headers=theirs), 404, "not-found")
    assert here.client.get("/v1/jobs", headers=theirs).json()["items"] == []
    assert here.client.get(job["links"]["self"], headers=mine).json()["state"] == "queued"


@pytest.mark.parametrize("scope", ["review", "admin"])
def test_who_reviews_sees_every_job(here: Running, scope: Scope) -> None:
    _, mine = here.key("score")
    _, theirs = here.key(scope)
    job = here.client.post("/v1/jobs", content=JPEG, headers={**mine, **IMAGE}).json()
    assert here.client.get(job["links"]["self"], headers=theirs).status_code == 200
    assert len(here.client.get("/v1/jobs", headers=theirs).json()["items"]) == 1


def test_who_reviews_cancels_nobodys_jobs_but_their_own(here: Running) -> None:
    _, mine = here.key("score")
    _, theirs = here.key("score", "review")
    _, boss = here.key("admin")
    job, other = (
        here.client.post("/v1/jobs", content=JPEG, headers={**shown, **IMAGE}).json()["links"]
        for shown in (mine, theirs)
    )
    problem(here.client.post(job["cancel"], headers=theirs), 403, "not-allowed")
    assert here.client.get(job["self"], headers=mine).json()["state"] == "queued"
    assert here.client.post(other["cancel"], headers=theirs).json()["state"] == "cancelled"
    assert here.client.post(job["cancel"], headers=boss).json()["state"] == "cancelled"


def test_a_key_that_has_used_up_its_rate_is_told_when_to_come_back(here: Running) -> None:
    _, shown = here.key("score", rate=2)
    _, other = here.key("score", rate=2)
    first, second, third = (here.client.get("/v1/jobs", headers=shown) for _ in range(3))
    assert (first.status_code, first.headers["ratelimit-policy"]) == (200, '"key";q=2;w=60')
    assert [answer.headers["ratelimit"][:9] for answer in (first, second)] == ['"key";r=1', '"key";r=0']
    assert problem(third, 429, "too-many-requests")["limit"] == 2
    assert 0 < int(third.headers["retry-after"]) <= 30
    assert here.client.get("/v1/jobs", headers=other).status_code == 200


@given(rate=st.integers(1, 100), waits=st.lists(st.floats(0, 30), max_size=300))
def test_no_minute_has_more_than_twice_the_rate(rate: int, waits: list[float]) -> None:
    now, taken = 0.0, []
    rates, key = Rates(lambda: now), Key("k", "k", ("score",), rate, 0.0)
    for wait in waits:
        now += wait
        with suppress(Problem):
            rates.take(key)
            taken.append(now)
    for start in taken:
        assert sum(start <= at < start + 60 for at in taken) <= 2 * rate


def test_a_refused_request_may_come_when_it_was_told_to() -> None:
    now = 0.0
    rates, key = Rates(lambda: now), Key("k", "k", ("score",), 3, 0.0)
    for _ in range(3):
        rates.take(key)
    with pytest.raises(Problem) as refused:
        rates.take(key)
    assert refused.value.retry_after_s == pytest.approx(20)
    now = 20.001
    rates.take(key)
