"""What is let go when its time is over, on both databases."""

from __future__ import annotations

import os
from pathlib import Path

from detector.service.settings import Keep
from detector.service.spool import Spool
from detector.service.store import Forgotten, Store
from detector.service.upkeep import let_go
from tests.service.conftest import Clock
from tests.service.orders import done, outcome, submitted, taken

KEPT = outcome("review", keeps_media=True, pictures=("frame.jpg",))


def test_media_goes_before_results(store: Store, clock: Clock) -> None:
    old = done(store, made=KEPT)
    clock.now += 10
    new = done(store, made=KEPT)
    forgotten = store.forget(media_before=clock.now, results_before=0.0)
    assert forgotten == Forgotten((old.items[0].blob or "",), (old.items[0].id,))
    item = store.item(old.items[0].id)
    assert item is not None
    assert (item.blob, item.pictures, item.report) == (None, (), KEPT.report)
    assert store.job(new.id) == new
    assert store.forget(media_before=clock.now, results_before=0.0) == Forgotten((), ())


def test_results_go_with_all_that_is_theirs(store: Store, clock: Clock) -> None:
    old = done(store, 2, KEPT, webhook="https://example.org/")
    [delivery] = store.owed("o", 9, 9.0)
    store.failed(delivery.id, "no", None)
    clock.now += 10
    new = done(store)
    forgotten = store.forget(media_before=0.0, results_before=clock.now)
    assert set(forgotten.blobs) == {item.blob for item in old.items}
    assert set(forgotten.items) == {item.id for item in old.items}
    assert store.jobs().items == (new,)
    assert store.item(old.items[0].id) is None
    assert store.dead().items == ()
    assert list(store.results()) == list(new.items)


def test_pictures_go_even_where_the_upload_went_at_once(store: Store, clock: Clock) -> None:
    job = done(store, made=outcome(pictures=("heatmap0.png",)))
    assert store.forget(clock.now + 1, 0.0) == Forgotten((), (job.items[0].id,))


def test_what_has_not_ended_stays_however_old_it_is(store: Store, clock: Clock) -> None:
    waits, runs = submitted(store), submitted(store)
    taken(store, limit=1)
    half = submitted(store, 2)
    claims = taken(store)
    assert store.complete(next(claim for claim in claims if claim.job_id == half.id), KEPT)
    clock.now += 1e9
    forgotten = store.forget(media_before=0.0, results_before=clock.now)
    assert forgotten == Forgotten((), ())
    assert {job.id for job in store.jobs().items} == {waits.id, runs.id, half.id}


def test_the_media_of_an_item_goes_though_its_job_still_runs(store: Store, clock: Clock) -> None:
    job = submitted(store, 2)
    [claim] = taken(store, limit=1)
    assert store.complete(claim, KEPT)
    clock.now += 10
    assert store.forget(clock.now, clock.now).blobs == (claim.blob,)
    assert store.blobs() == {job.items[1].blob}


def test_an_idempotency_key_is_free_again_with_its_job(store: Store, clock: Clock) -> None:
    done(store, idempotency="i", fingerprint="f")
    store.forget(clock.now + 1, clock.now + 1)
    assert submitted(store, idempotency="i", fingerprint="g").state == "queued"


def test_blobs_are_those_that_something_names(store: Store) -> None:
    kept = done(store, made=KEPT)
    done(store)
    store.cancel(submitted(store).id)
    waits = submitted(store)
    assert store.blobs() == {kept.items[0].blob, waits.items[0].blob}


def test_pictures_stay_of_items_that_have_some_or_may_get_some(store: Store, clock: Clock) -> None:
    old = done(store, made=KEPT).items[0]
    clock.now += 10
    kept = done(store, made=KEPT).items[0]
    done(store)
    store.cancel(submitted(store).id)
    running, waiting = submitted(store, 2).items
    taken(store, limit=1)
    assert store.pictured() == {old.id, kept.id, running.id, waiting.id}
    store.forget(media_before=clock.now, results_before=0.0)  # the result stays, the pictures go
    assert store.pictured() == {kept.id, running.id, waiting.id}


def test_what_is_left_by_a_process_that_was_killed_while_forgetting_is_swept(
    store: Store, clock: Clock, tmp_path: Path
) -> None:
    spool = Spool(tmp_path / "state")
    gone = done(store, made=KEPT).items[0].id
    store.forget(clock.now + 1, clock.now + 1)  # and no further: the files are still there
    kept = done(store, made=KEPT).items[0].id
    for item_id in (gone, kept):
        (spool.pictures(item_id) / "frame.jpg").write_bytes(b"a face")
        os.utime(spool.pictures(item_id), (0, 0))
    let_go(store, spool, Keep(media_days=1e6, result_days=1e6))
    assert spool.picture(gone, "frame.jpg") is None
    assert spool.picture(kept, "frame.jpg") is not None


def test_a_queue_is_paged_on_after_items_have_gone(store: Store, clock: Clock) -> None:
    done(store, 2, KEPT)
    clock.now += 10
    new = done(store, 2, KEPT)
    gone, stays = store.review_queue(limit=2), store.review_queue(limit=3)
    store.forget(clock.now, clock.now)
    assert store.review_queue(after=gone.after).items == new.items
    assert store.review_queue(after=stays.after).items == new.items[1:]
