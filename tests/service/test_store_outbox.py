"""What webhooks are owed, on both databases."""

from __future__ import annotations

from detector.service.records import Delivery
from detector.service.store import Store
from tests.service.conftest import Clock
from tests.service.orders import done, submitted


def _owed(store: Store, worker: str = "o", limit: int = 9) -> list[Delivery]:
    return store.owed(worker, limit, lease_s=10.0)


def _told(store: Store, count: int = 1) -> None:
    for at in range(count):
        done(store, webhook=f"https://example.org/{at}")


def test_deliveries_are_handed_out_oldest_first_and_to_one_only(store: Store) -> None:
    _told(store, 3)
    assert [delivery.url[-1] for delivery in _owed(store, limit=2)] == ["0", "1"]
    assert [delivery.url[-1] for delivery in _owed(store, "other")] == ["2"]
    assert _owed(store, "other") == []


def test_what_a_dead_sender_held_is_handed_out_again(store: Store, clock: Clock) -> None:
    _told(store)
    first = _owed(store)
    clock.now += 10
    assert _owed(store) == []
    clock.now += 0.001
    assert _owed(store, "other") == first  # the same id and body: the receiver can tell


def test_what_has_arrived_is_not_sent_again(store: Store, clock: Clock) -> None:
    _told(store)
    [delivery] = _owed(store)
    store.delivered(delivery.id)
    store.delivered(delivery.id)
    clock.now += 1000
    assert _owed(store) == []
    assert store.dead().items == ()


def test_a_try_that_failed_is_counted_and_made_again_when_told(store: Store, clock: Clock) -> None:
    _told(store)
    [delivery] = _owed(store)
    assert (delivery.attempts, delivery.error) == (0, None)
    store.failed(delivery.id, "HTTP 500", clock.now + 60)
    clock.now += 59.999
    assert _owed(store) == []
    clock.now += 0.001
    [again] = _owed(store)
    assert (again.id, again.payload) == (delivery.id, delivery.payload)
    assert (again.attempts, again.error) == (1, "HTTP 500")


def test_what_was_given_up_is_listed_and_can_be_revived(store: Store, clock: Clock) -> None:
    _told(store)
    [delivery] = _owed(store)
    assert not store.revive(delivery.id)  # it lives
    store.failed(delivery.id, "refused", None)
    clock.now += 1000
    assert _owed(store) == []
    [dead] = store.dead().items
    assert (dead.id, dead.attempts, dead.error) == (delivery.id, 1, "refused")
    assert store.revive(delivery.id)
    assert not store.revive(delivery.id)
    [again] = _owed(store)
    assert (again.id, again.attempts) == (delivery.id, 0)
    assert store.dead().items == ()


def test_the_dead_are_listed_newest_first_in_pages(store: Store) -> None:
    _told(store, 3)
    deliveries = _owed(store)
    for delivery in deliveries:
        store.failed(delivery.id, "no", None)
    page = store.dead(limit=2)
    assert [dead.id for dead in page.items] == [deliveries[2].id, deliveries[1].id]
    _told(store)
    store.failed(_owed(store)[0].id, "no", None)
    rest = store.dead(limit=2, after=page.after)
    assert ([dead.id for dead in rest.items], rest.after) == ([deliveries[0].id], None)


def test_nothing_is_owed_where_nobody_asked(store: Store) -> None:
    done(store)
    store.cancel(submitted(store).id)
    assert _owed(store) == []
