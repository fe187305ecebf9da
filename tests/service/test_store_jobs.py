"""Jobs as the API sees them, on both databases."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detector.service.problems import Problem
from detector.service.records import Job, Order, Upload
from detector.service.store import Store
from tests.service.conftest import Clock
from tests.service.orders import PLENTY, done, order, outcome, submitted, taken, upload


def test_a_job_is_kept_as_it_was_ordered(store: Store, clock: Clock) -> None:
    uploads = (upload("a.jpg"), replace(upload("b.mp4", "video"), size=5 * 1024**3))
    job, new = store.submit(Order("k", uploads, webhook="https://example.org/"), PLENTY)
    assert new
    assert store.job(job.id) == job
    assert (job.key_id, job.state, job.created_at, job.webhook) == ("k", "queued", clock.now, "https://example.org/")
    assert [Upload(item.name, item.blob or "", item.size, item.sha256, item.media) for item in job.items] == [*uploads]
    assert [(item.position, item.state, item.attempts, item.report) for item in job.items] == [
        (0, "queued", 0, None),
        (1, "queued", 0, None),
    ]
    assert len({job.id, *(item.id for item in job.items)}) == 3


def test_a_job_is_seen_with_its_own_key_or_with_none(store: Store) -> None:
    job = submitted(store, key_id="mine")
    assert store.job(job.id, "mine") == job
    assert store.job(job.id, "other") is None
    assert store.job(job.id, "") is None
    assert store.job("0" * 32) is None


@pytest.mark.parametrize("words", ["\0", "a\0b", "\ud800", "😀" * 300, "'; DROP TABLE jobs; --", ""])
def test_no_words_of_a_client_break_anything(store: Store, words: str) -> None:
    job, _ = store.submit(Order("", (replace(upload(), name=words),), idempotency=words, fingerprint="f"), PLENTY)
    assert job.items[0].name == words.replace("\0", "\ufffd").replace("\ud800", "?")
    again, new = store.submit(Order("", (upload(),), idempotency=words, fingerprint="f"), PLENTY)
    assert (again, new) == (job, False)
    assert store.job(words) is None
    assert store.item(words) is None
    assert store.key(words) is None
    assert store.cancel(words) is None
    assert not store.revoke(words)
    assert store.ended([words]) == set()


def test_the_same_request_again_gives_the_same_job(store: Store) -> None:
    first, new = store.submit(order(idempotency="i", fingerprint="f"), PLENTY)
    again, newer = store.submit(order(idempotency="i", fingerprint="f"), 0)  # even where no room is left
    assert (new, newer) == (True, False)
    assert again == first
    assert store.waiting() == 1


def test_an_idempotency_key_is_for_one_request_of_one_client(store: Store) -> None:
    first, _ = store.submit(order(key_id="a", idempotency="i", fingerprint="f"), PLENTY)
    other, new = store.submit(order(key_id="b", idempotency="i", fingerprint="g"), PLENTY)
    assert new
    assert other.id != first.id
    with pytest.raises(Problem, match="another request") as caught:
        store.submit(order(key_id="a", idempotency="i", fingerprint="g"), PLENTY)
    assert (caught.value.slug, caught.value.value) == ("idempotency-reused", "i")


def test_requests_without_an_idempotency_key_are_never_the_same(store: Store) -> None:
    assert submitted(store).id != submitted(store).id


def test_as_many_items_wait_as_may_and_no_more(store: Store) -> None:
    store.submit(order(3), 5)
    with pytest.raises(Problem, match="3 files wait, and at most 5 may") as caught:
        store.submit(order(3), 5)
    problem = caught.value
    assert (problem.slug, problem.limit, problem.value, problem.retry_after_s) == ("queue-full", 5, 6, 5.0)
    assert len(store.jobs().items) == 1  # what is refused leaves no trace
    store.submit(order(2), 5)
    assert store.waiting() == 5
    taken(store, limit=1)
    assert store.waiting() == 4


def _full(store: Store, order: Order, limit: int) -> tuple[float | str | None, float | str | None]:
    """The limit for which an order is refused, and what would have waited."""
    with pytest.raises(Problem, match="no room for") as caught:
        store.submit(order, limit)
    assert (caught.value.slug, caught.value.retry_after_s) == ("queue-full", 5.0)
    return caught.value.limit, caught.value.value


@pytest.mark.parametrize(("limit", "share"), [(1, 1), (5, 3), (8, 4)])
def test_a_key_leaves_half_of_the_places_to_others(store: Store, limit: int, share: int) -> None:
    store.submit(order(share, "greedy"), limit)
    if share < limit:
        assert _full(store, order(key_id="greedy", urgent=True), limit) == (share, share + 1)
        store.submit(order(limit - share, "other"), limit)
    assert _full(store, order(key_id="third"), limit) == (limit, limit + 1)
    taken(store, limit=1)
    store.submit(order(key_id="greedy"), limit)  # only what waits is counted
    assert store.waiting() == limit


def test_who_is_refused_for_their_own_files_is_told_so(store: Store) -> None:
    store.submit(order(5, "greedy"), 10)
    with pytest.raises(Problem, match="5 files of this API key wait, and at most 5 may: no room for 2 more"):
        store.submit(order(2, "greedy"), 10)


def test_an_open_service_has_no_share_of_a_key(store: Store) -> None:
    store.submit(order(9), 10)
    assert store.waiting() == 9


def test_the_last_tenth_of_the_places_is_for_what_somebody_waits_for(store: Store) -> None:
    store.submit(order(15), 20)
    assert _full(store, order(4), 20) == (18, 19)
    store.submit(order(3), 20)
    assert _full(store, order(1), 20) == (18, 19)
    store.submit(order(2, urgent=True), 20)
    assert _full(store, order(1, urgent=True), 20) == (20, 21)


def test_cancelling_ends_what_has_not_ended(store: Store, clock: Clock) -> None:
    job = submitted(store, 2)
    taken(store, limit=1)
    clock.now += 1
    cancelled = store.cancel(job.id)
    assert cancelled is not None
    assert cancelled == store.job(job.id)
    assert (cancelled.state, cancelled.finished_at) == ("cancelled", clock.now)
    assert {(item.state, item.blob) for item in cancelled.items} == {("cancelled", None)}
    assert taken(store) == []
    clock.now += 1
    assert store.cancel(job.id) == cancelled
    assert store.cancel("0" * 32) is None


def test_what_was_done_before_stays_done(store: Store) -> None:
    job = done(store)
    assert store.cancel(job.id) == job
    assert job.state == "done"


def test_ended_names_those_that_have(store: Store) -> None:
    over, waits = done(store), submitted(store)
    assert store.ended([over.id, waits.id, "0" * 32]) == {over.id}
    assert store.ended([]) == set()


def test_items_are_counted_by_state(store: Store) -> None:
    done(store, 2)
    job = submitted(store, 4)
    taken(store, limit=1)
    assert store.counts() == {"done": 2, "running": 1, "queued": 3}
    store.cancel(job.id)
    assert store.counts() == {"done": 2, "cancelled": 4}


def test_jobs_are_listed_newest_first_by_key_and_by_state(store: Store) -> None:
    over = done(store, key_id="a")
    waits = submitted(store, key_id="b")
    assert store.jobs().items == (waits, over)
    assert store.jobs("a").items == (over,)
    assert store.jobs(state="queued").items == (waits,)
    assert store.jobs("a", "queued").items == ()


LONG = {"faces": [{"probability": 0.5}] * 9, "timeline": [{"time_s": 0.0}] * 9}


@pytest.mark.parametrize("report", [{"status": "ok", **LONG}, LONG, {"status": "ok"}, {}])
def test_lists_lack_what_may_be_long_and_a_job_and_its_items_have_it(store: Store, report: dict[str, object]) -> None:
    job = done(store, made=replace(outcome("review"), report=report))
    short = {name: report[name] for name in report if name not in LONG}
    assert [item.report for item in job.items] == [report]
    assert [found.report for found in store.results()] == [report]
    item = store.item(job.items[0].id)
    assert item == job.items[0]
    listed = replace(item, report=short)
    assert store.jobs().items == (replace(job, items=(listed,)),)
    assert store.review_queue().items == (listed,)


def test_an_item_without_a_result_has_no_report_in_a_list_either(store: Store) -> None:
    waits = submitted(store)
    assert store.jobs().items == (waits,)
    assert waits.items[0].report is None


def _walk(store: Store, key: str, limit: int, between: list[int]) -> list[Job]:
    """All pages, with so many jobs put in after each."""
    seen, after = [], None
    for more in [*between, *[0] * 100]:
        page = store.jobs(key, limit=limit, after=after)
        assert len(page.items) <= limit
        seen += page.items
        if (after := page.after) is None:
            return seen
        for _ in range(more):
            submitted(store, key_id=key)
    raise AssertionError("the list has no end")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 7), st.integers(1, 4), st.lists(st.integers(0, 2), max_size=4))
def test_pages_show_each_job_once_whatever_is_put_in_meanwhile(
    store: Store, count: int, limit: int, between: list[int]
) -> None:
    key = uuid4().hex
    jobs = [submitted(store, key_id=key) for _ in range(count)]
    assert _walk(store, key, limit, between) == jobs[::-1]


@pytest.mark.parametrize("after", ["", "x", "-1", "1.5", "9" * 30, "²", "1\0"])
def test_a_page_after_nothing_is_refused(store: Store, after: str) -> None:
    for pages in (store.jobs, store.reviews, store.review_queue, store.dead):
        with pytest.raises(Problem, match="after: expected what an earlier page gave") as caught:
            pages(after=after)
        assert (caught.value.slug, caught.value.field) == ("invalid", "after")
