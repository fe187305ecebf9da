"""Items as workers see them, on both databases."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest

from detector.service.records import Claim, Order
from detector.service.store import Store
from detector.types import Report
from tests.service.conftest import Clock
from tests.service.orders import PLENTY, done, order, outcome, submitted, taken, upload


def _items(store: Store, job_id: str) -> list[str]:
    job = store.job(job_id)
    assert job is not None
    return [item.state for item in job.items]


def test_urgent_items_go_first_and_then_the_oldest(store: Store) -> None:
    late, early = submitted(store, 2), submitted(store, 2, urgent=True)
    claims = taken(store, limit=3)
    assert [claim.job_id for claim in claims] == [early.id, early.id, late.id]
    assert [claim.job_id for claim in taken(store)] == [late.id]
    assert taken(store) == []


def test_those_that_nobody_waits_for_go_first_when_it_is_their_turn(store: Store) -> None:
    early, first, second = submitted(store, urgent=True), submitted(store), submitted(store)
    claims = store.claim("w", 2, 60, urgent_first=False)
    assert [claim.job_id for claim in claims] == [first.id, second.id]
    assert [claim.job_id for claim in store.claim("w", 2, 60, urgent_first=False)] == [early.id], "none is left behind"


def test_a_claim_tells_what_to_score(store: Store) -> None:
    job = submitted(store)
    [claim], item = taken(store), job.items[0]
    assert claim == Claim(item.id, job.id, claim.token, item.name, item.blob or "", item.media, 1)
    running = store.job(job.id)
    assert running is not None
    assert (running.state, running.items[0].state, running.items[0].attempts) == ("running", "running", 1)


def test_a_worker_for_images_leaves_videos_to_others(store: Store) -> None:
    store.submit(Order("", (upload("v", "video"), upload("i"), upload("u", "unknown"))), PLENTY)
    assert [claim.name for claim in taken(store, images_only=True)] == ["i"]
    assert [claim.name for claim in taken(store)] == ["v", "u"]


def test_an_item_that_nobody_renews_is_given_to_another(store: Store, clock: Clock) -> None:
    submitted(store)
    [first] = taken(store, "dies")
    clock.now += 10
    assert taken(store) == []  # ten seconds are ten seconds
    clock.now += 0.001
    [second] = taken(store, "lives")
    assert (second.item_id, second.attempts) == (first.item_id, 2)
    assert second.token != first.token
    assert not store.complete(first, outcome("block"))
    assert store.complete(second, outcome("allow"))
    item = store.item(first.item_id)
    assert item is not None
    assert item.decision == outcome("allow").decision


def test_a_late_answer_counts_while_nobody_else_has_the_item(store: Store, clock: Clock) -> None:
    job = submitted(store)
    [claim] = taken(store)
    clock.now += 1000
    assert store.complete(claim, outcome())
    assert store.ended([job.id]) == {job.id}


def test_renewing_holds_on_to_what_is_left(store: Store, clock: Clock) -> None:
    kept, gone = submitted(store), submitted(store)
    claims = taken(store, "w")
    taken(store, "other")
    store.cancel(gone.id)
    clock.now += 9
    assert store.renew("w", 10.0) == {kept.items[0].id}
    clock.now += 9
    assert taken(store, "other") == []
    assert store.renew("other", 10.0) == set()
    assert [store.complete(claim, outcome()) for claim in claims] == [True, False]
    assert store.renew("w", 10.0) == set()


def test_what_a_dead_worker_held_is_put_back_at_once(store: Store) -> None:
    job = submitted(store, 2)
    claims = taken(store, "dies")
    assert store.release("dies") == 2
    assert store.release("dies") == 0
    assert _items(store, job.id) == ["queued", "queued"]
    assert [claim.attempts for claim in taken(store, "lives")] == [2, 2]
    assert not store.complete(claims[0], outcome())


def test_leaving_is_not_a_try(store: Store) -> None:
    submitted(store)
    for _ in range(5):
        assert [claim.attempts for claim in taken(store, attempts=1)] == [1]
        store.release("w", counted=False)


@pytest.mark.parametrize("keeps", [True, False])
def test_an_item_that_kills_its_workers_is_given_up_as_an_error_for_a_person(store: Store, keeps: bool) -> None:
    job = submitted(store, webhook="https://example.org/")
    for tries in (1, 2):
        assert [claim.attempts for claim in taken(store, attempts=2)] == [tries]
        store.release("w")
    assert taken(store, attempts=2, keeps_crashed=keeps) == []
    item = store.item(job.items[0].id)
    assert item is not None
    assert item.report is not None
    assert item.decision is not None
    assert item.report.keys() == {field.name for field in fields(Report)}
    assert (item.state, item.report["status"], item.report["reason"]) == ("done", "error", "crashed")
    assert (item.decision.action, "2 times" in item.decision.reason) == ("review", True)
    assert item.blob == (job.items[0].blob if keeps else None)
    assert store.ended([job.id]) == {job.id}
    assert len(store.owed("o", 9, 9.0)) == 1


def test_an_item_expires_when_it_was_not_begun_before_its_deadline(store: Store, clock: Clock) -> None:
    job = submitted(store, webhook="https://example.org/", deadline=clock.now + 5)
    running = submitted(store, deadline=clock.now + 5)
    clock.now += 5
    assert len(taken(store, "a", limit=1)) == 1  # in time
    store.release("a")
    clock.now += 0.001
    assert taken(store) == []
    for job_id in (job.id, running.id):
        expired = store.job(job_id)
        assert expired is not None
        assert (expired.state, expired.finished_at) == ("expired", clock.now)
        assert (expired.items[0].state, expired.items[0].blob, expired.items[0].decision) == ("expired", None, None)
    assert len(store.owed("o", 9, 9.0)) == 1


def test_an_item_that_runs_does_not_expire_while_its_worker_lives(store: Store, clock: Clock) -> None:
    submitted(store, deadline=clock.now + 5)
    [claim] = taken(store)
    clock.now += 9
    assert taken(store, "other") == []
    assert store.complete(claim, outcome())


def test_what_is_hopeless_takes_nobody_elses_place(store: Store, clock: Clock) -> None:
    submitted(store, 5, urgent=True, deadline=clock.now - 1)
    job = submitted(store, 2)
    assert [claim.job_id for claim in taken(store, limit=2)] == [job.id, job.id]


def test_the_last_item_ends_the_job(store: Store, clock: Clock) -> None:
    job = submitted(store, 2)
    first, second = taken(store)
    made = outcome("review", keeps_media=True, pictures=("heatmap0.png", "frame.jpg"))
    clock.now += 1
    assert store.complete(first, made)
    assert store.ended([job.id]) == set()
    clock.now += 1
    assert store.complete(second, outcome())
    ended = store.job(job.id)
    assert ended is not None
    assert (ended.state, ended.finished_at) == ("done", clock.now)
    kept, gone = ended.items
    assert (kept.report, kept.decision, kept.pictures) == (made.report, made.decision, made.pictures)
    assert (kept.blob, gone.blob) == (job.items[0].blob, None)
    assert (kept.finished_at, gone.finished_at) == (clock.now - 1, clock.now)


def test_an_item_is_completed_once(store: Store, clock: Clock) -> None:
    job = submitted(store, webhook="https://example.org/")
    [claim] = taken(store)
    assert store.complete(claim, outcome("allow"))
    before = store.job(job.id)
    clock.now += 1
    assert not store.complete(claim, outcome("block"))
    assert not store.complete(replace(claim, token=""), outcome("block"))
    assert store.job(job.id) == before
    assert len(store.owed("o", 9, 9.0)) == 1


def test_a_report_that_is_not_plain_json_is_refused_and_changes_nothing(store: Store) -> None:
    job = submitted(store)
    [claim] = taken(store)
    with pytest.raises(Exception, match="Out of range float"):
        store.complete(claim, replace(outcome(), report={"fake_probability": float("nan")}))
    assert _items(store, job.id) == ["running"]
    assert store.complete(claim, outcome())


@pytest.mark.parametrize(
    ("ways", "state"),
    [("cc", "cancelled"), ("ee", "expired"), ("ec", "cancelled"), ("dc", "done"), ("de", "done"), ("d", "done")],
)
def test_a_job_is_done_unless_every_item_was_cancelled_or_expired(
    store: Store, clock: Clock, ways: str, state: str
) -> None:
    """d, e, c: done, expired, cancelled."""
    job = submitted(store, len(ways), deadline=clock.now + 1)
    for _ in range(ways.count("d")):
        [claim] = taken(store, limit=1)
        assert store.complete(claim, outcome())
    held = taken(store, limit=ways.count("c"))
    if "e" in ways:
        clock.now += 2
        assert taken(store) == []
    if held:
        store.cancel(job.id)
    ended = store.job(job.id)
    assert ended is not None
    assert ended.state == state


def test_a_webhook_is_told_of_the_end_once_with_the_job_as_it_was(store: Store, clock: Clock) -> None:
    job = done(store, 2, outcome("review"), webhook="https://example.org/x")
    [delivery] = store.owed("o", 9, 9.0)
    body = json.loads(delivery.payload)
    assert delivery.url == "https://example.org/x"
    assert (body["id"], body["type"], body["created_at"]) == (delivery.id, "job.finished", clock.now)
    assert body["data"] == {
        "id": job.id,
        "state": "done",
        "created_at": clock.now,
        "finished_at": clock.now,
        "items": [
            {
                "id": item.id,
                "name": item.name,
                "sha256": item.sha256,
                "media": "image",
                "state": "done",
                "status": "ok",
                "reason": None,
                "verdict": "real",
                "fake_probability": 0.125,
                "threshold": 0.5,
                "models": None,
                "decision": {"action": "review", "reason": "0.125 < 0.5", "policy": "0123456789ab", "weight": 1.0},
                "review": None,
            }
            for item in job.items
        ],
    }


def test_a_cancelled_job_is_told_too_and_one_without_a_webhook_never(store: Store) -> None:
    store.cancel(submitted(store).id)
    job = submitted(store, webhook="https://example.org/")
    store.cancel(job.id)
    store.cancel(job.id)
    [delivery] = store.owed("o", 9, 9.0)
    assert json.loads(delivery.payload)["data"]["state"] == "cancelled"


def test_a_large_job_is_taken_and_put_back_as_a_whole(store: Store) -> None:
    store.submit(order(300), PLENTY)
    claims = taken(store)
    assert len({claim.item_id for claim in claims}) == 300
    assert store.release("w") == 300


def test_workers_are_known_while_they_report_themselves(store: Store, clock: Clock) -> None:
    store.report_worker("a", {"threshold": 0.25})
    clock.now += 5
    store.report_worker("b", {})
    assert store.workers(clock.now - 5) == {"a": {"threshold": 0.25}, "b": {}}
    assert store.workers(clock.now) == {"b": {}}
    store.report_worker("a", {"threshold": 0.5, "models": {"face-vae": "1"}})
    assert store.workers(clock.now)["a"] == {"threshold": 0.5, "models": {"face-vae": "1"}}
    store.forget_worker("a")
    store.forget_worker("a")
    assert store.workers(0).keys() == {"b"}
