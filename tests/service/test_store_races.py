"""Many threads and processes at one store, and processes that are killed, on both databases."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from threading import Barrier, Event
from typing import TypeVar

import pytest
from sqlalchemy import Engine, event

from detector.service.problems import Problem
from detector.service.records import Claim
from detector.service.store import Store
from tests.service.claiming import LEASE_S
from tests.service.orders import PLENTY, order, outcome, submitted

REPOSITORY = Path(__file__).parents[2]
HOOK = "https://example.org/"

T = TypeVar("T")


@pytest.fixture
def store(database_url: str) -> Generator[Store, None, None]:
    """An empty store, once of each kind, with the time of day."""
    opened = Store.open(database_url)
    yield opened
    opened.close()


def _at_once(count: int, work: Callable[[int], T]) -> list[T]:
    """What comes of so many threads that begin together."""
    ready = Barrier(count)

    def begin(number: int) -> T:
        ready.wait()
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(begin, range(count)))


def _process(url: str, name: str, duty: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.service.claiming", url, name, duty]
    return subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def _claim_all(store: Store, name: str) -> list[Claim]:
    claims = []
    while some := store.claim(name, 3, 60.0):
        claims += some
    return claims


def test_eight_threads_claim_each_of_200_items_once(store: Store) -> None:
    jobs = [submitted(store, 10) for _ in range(20)]
    claims = [claim for got in _at_once(8, lambda number: _claim_all(store, f"w{number}")) for claim in got]
    assert sorted(claim.item_id for claim in claims) == sorted(item.id for job in jobs for item in job.items)


def test_two_processes_finish_each_of_200_items_once(store: Store, database_url: str) -> None:
    jobs = [submitted(store, 20, webhook=HOOK) for _ in range(10)]
    processes = [_process(database_url, f"w{number}", "work") for number in range(2)]
    finished = [line for process in processes for line in process.communicate(timeout=60)[0].split()]
    assert [process.returncode for process in processes] == [0, 0]
    assert sorted(finished) == sorted(item.id for job in jobs for item in job.items)
    assert len(store.owed("o", PLENTY, 60.0)) == 10


def test_a_job_whose_items_end_together_ends_once(store: Store) -> None:
    job = submitted(store, 40, webhook=HOOK)
    claims = store.claim("w", 40, 60.0)
    done = _at_once(8, lambda number: [store.complete(claim, outcome()) for claim in claims[number::8]])
    assert all(all(some) for some in done)
    assert store.ended([job.id]) == {job.id}
    assert len(store.owed("o", PLENTY, 60.0)) == 1


def test_a_job_ends_though_neither_of_its_last_two_items_has_seen_the_other_end(store: Store) -> None:
    job = submitted(store, 2, webhook=HOOK)
    first, second = store.claim("w", 2, 60.0)
    stalled, go_on = Event(), Event()

    def stall(_: object) -> None:
        if not stalled.is_set():
            stalled.set()
            go_on.wait(30)

    event.listen(Engine, "commit", stall)
    try:
        with ThreadPoolExecutor(2) as pool:
            before = pool.submit(store.complete, first, outcome())
            assert stalled.wait(30)
            after = pool.submit(store.complete, second, outcome())
            time.sleep(0.3)
            go_on.set()
            assert (before.result(), after.result()) == (True, True)
    finally:
        event.remove(Engine, "commit", stall)
    assert store.ended([job.id]) == {job.id}
    assert len(store.owed("o", PLENTY, 60.0)) == 1


def test_of_all_who_complete_one_item_one_does(store: Store) -> None:
    submitted(store, webhook=HOOK)
    [claim] = store.claim("w", 1, 60.0)
    assert sum(_at_once(8, lambda _: store.complete(claim, outcome()))) == 1
    assert len(store.owed("o", PLENTY, 60.0)) == 1


def test_the_same_request_twenty_times_at_once_is_one_job(store: Store) -> None:
    same = order(2, idempotency="i", fingerprint="f")
    answers = _at_once(20, lambda _: store.submit(same, PLENTY))
    assert len({job.id for job, _ in answers}) == 1
    assert sum(new for _, new in answers) == 1
    assert store.waiting() == 2


def test_the_limit_of_the_queue_is_kept_to_the_item(store: Store) -> None:
    def submit(_: int) -> str:
        try:
            return store.submit(order(3), 20)[0].state
        except Problem as problem:
            return problem.slug

    assert Counter(_at_once(16, submit)) == {"queued": 6, "queue-full": 10}
    assert store.waiting() == 18


def test_the_share_of_a_key_is_kept_to_the_item(store: Store) -> None:
    def submit(number: int) -> tuple[str, str]:
        key_id = "abbb"[number % 4]
        try:
            return key_id, store.submit(order(2, key_id, urgent=True), 20)[0].state
        except Problem as problem:
            return key_id, problem.slug

    assert Counter(_at_once(16, submit)) == {("a", "queued"): 4, ("b", "queued"): 5, ("b", "queue-full"): 7}
    assert store.waiting() == 18


def test_reviews_are_numbered_without_a_gap(store: Store) -> None:
    submitted(store, 8)
    items = [claim.item_id for claim in store.claim("w", 8, 60.0) if store.complete(claim, outcome("review"))]
    _at_once(8, lambda number: [store.decide(items[number], "me", "block", "fake") for _ in range(5)])
    assert [review.number for review in store.reviews().items] == list(range(1, 41))
    assert store.verify_reviews() == 40


def test_of_those_who_decide_at_once_and_saw_the_same_one_does(store: Store) -> None:
    submitted(store)
    [claim] = store.claim("w", 1, 60.0)
    assert store.complete(claim, outcome("review"))

    def decide(number: int) -> str:
        try:
            return store.decide(claim.item_id, f"reviewer {number}", "block", "fake", seen=0).action
        except Problem as problem:
            return problem.slug

    assert Counter(_at_once(8, decide)) == {"block": 1, "conflict": 7}
    assert store.verify_reviews() == 1


def test_a_delivery_is_handed_to_one_sender(store: Store) -> None:
    for _ in range(30):
        store.cancel(submitted(store, webhook=HOOK).id)
    handed = _at_once(
        6, lambda number: [delivery.id for _ in range(6) for delivery in store.owed(f"s{number}", 2, 60.0)]
    )
    assert sorted(Counter(delivery for some in handed for delivery in some).values()) == [1] * 30


def test_all_that_can_happen_at_once_waits_for_nothing_in_a_ring(store: Store) -> None:
    """Claims, completions, renewals, releases and cancellations of the same jobs; a deadlock would raise."""
    jobs = [submitted(store, 5, webhook=HOOK) for _ in range(12)]

    def live(number: int) -> None:
        chance, name = Random(number), f"w{number % 3}"
        for _ in range(30):
            claims = store.claim(name, chance.randrange(1, 8), chance.choice([0.0, 60.0]), attempts=1000)
            store.renew(name, 60.0)
            for claim in claims[::2]:
                store.complete(claim, outcome())
            if chance.random() < 0.2:
                store.cancel(chance.choice(jobs).id)
            store.release(name)

    _at_once(6, live)
    for job in jobs:
        store.cancel(job.id)
    assert store.ended([job.id for job in jobs]) == {job.id for job in jobs}
    assert len(store.owed("o", PLENTY, 60.0)) == 12
    assert set(store.counts()) <= {"done", "cancelled"}


@pytest.mark.parametrize("duty", ["hold", "claim", "complete"])
def test_what_a_killed_worker_had_is_done_by_another(store: Store, database_url: str, duty: str) -> None:
    job = submitted(store, webhook=HOOK)
    process = _process(database_url, "dies", duty)
    assert process.stdout is not None
    assert process.stdout.readline() == "hangs\n"
    _kill(process)
    time.sleep(LEASE_S + 0.1)
    [claim] = store.claim("lives", 9, 60.0)
    assert (claim.item_id, claim.attempts) == (job.items[0].id, 1 if duty == "claim" else 2)
    assert store.complete(claim, outcome())
    assert len(store.owed("o", PLENTY, 60.0)) == 1


def test_fifty_jobs_end_once_though_their_workers_are_killed_again_and_again(store: Store, database_url: str) -> None:
    jobs = [store.submit(order(1, webhook=HOOK), PLENTY)[0] for _ in range(50)]
    for number in range(3):
        process = _process(database_url, f"dies {number}", "obey")
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("\n" * 6)
        process.stdin.flush()
        assert all(process.stdout.readline() for _ in range(5))
        _kill(process)  # somewhere in its sixth item, holding a seventh
    assert 15 <= store.counts()["done"] <= 18
    while len(store.ended([job.id for job in jobs])) < 50:
        for claim in store.claim("lives", 5, 60.0, attempts=9):
            assert store.complete(claim, outcome())
        time.sleep(0.01)
    assert store.counts() == {"done": 50}
    assert len(store.owed("o", PLENTY, 60.0)) == 50


def test_a_killed_writer_leaves_no_half_job(store: Store, database_url: str) -> None:
    script = (
        "import sys, time; from sqlalchemy import Engine, event; from detector.service.store import Store\n"
        "from tests.service.orders import submitted\n"
        "store = Store.open(sys.argv[1])\n"
        "event.listen(Engine, 'commit', lambda _: print('hangs', flush=True) or time.sleep(600))\n"
        "submitted(store, 3)"
    )
    command = [sys.executable, "-c", script, database_url]
    process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "hangs\n"
    _kill(process)
    assert store.jobs().items == ()
    assert submitted(store).items[0].name == "0.jpg"
