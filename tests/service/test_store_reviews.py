"""What people decide, on both databases: the queue, the log and its chain of digests."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from detector.errors import DetectorError
from detector.service.labelled import Labelled, basis_of, labelled
from detector.service.problems import Problem
from detector.service.records import Decision, Item, Outcome, Review
from detector.service.store import Store
from detector.service.store.chain import chained, check
from tests.service.conftest import Clock
from tests.service.orders import done, outcome, submitted, taken


def _waiting(store: Store) -> Item:
    """An item that waits for a person."""
    return done(store, made=outcome("review")).items[0]


def test_the_queue_has_what_the_policy_sends_and_nobody_decided_oldest_first(store: Store, clock: Clock) -> None:
    done(store, made=outcome("allow"))
    done(store, made=outcome("block"))
    submitted(store)
    late_claim = taken(store)[0]
    first, second = _waiting(store), _waiting(store)
    clock.now += 1
    assert store.complete(late_claim, outcome("review"))  # put in before, but waits since now
    late = store.item(late_claim.item_id)
    assert store.review_queue().items == (first, second, late)
    store.decide(second.id, "me", "allow", "real")
    assert store.review_queue().items == (first, late)


def test_a_decision_holds_for_its_item_and_the_last_one_counts(store: Store, clock: Clock) -> None:
    item = _waiting(store)
    first = store.decide(item.id, "ann", "block", "fake", "the ears")
    clock.now += 1
    second = store.decide(item.id, "bob", "allow", "real")
    assert (first.number, first.item_id, first.reviewer, first.note) == (1, item.id, "ann", "the ears")
    assert (second.number, second.at, second.action, second.label) == (2, clock.now, "allow", "real")
    assert store.item(item.id) == replace(item, review=second)
    assert store.reviews().items == (first, second)


def test_only_what_has_ended_is_decided_on(store: Store) -> None:
    item = submitted(store).items[0]
    for _ in ("queued", "running"):
        with pytest.raises(Problem) as caught:
            store.decide(item.id, "me", "allow", "real")
        assert caught.value.slug == "conflict"
        taken(store)
    with pytest.raises(Problem) as caught:
        store.decide("0" * 32, "me", "allow", "real")
    assert caught.value.slug == "not-found"
    assert store.reviews().items == ()


def test_a_decision_is_refused_to_who_has_not_seen_the_last_one(store: Store) -> None:
    item = _waiting(store)
    first = store.decide(item.id, "ann", "block", "fake", seen=0)
    with pytest.raises(Problem, match=r"ann decided meanwhile: block, fake; .* with seen 1") as caught:
        store.decide(item.id, "bob", "allow", "real", seen=0)
    problem = caught.value
    assert (problem.slug, problem.field, problem.limit, problem.value) == ("conflict", "seen", 1, 0)
    assert store.reviews().items == (first,)
    second = store.decide(item.id, "bob", "allow", "real", seen=first.number)
    third = store.decide(item.id, "ann", "block", "fake")  # who does not say is not asked
    assert store.reviews().items == (first, second, third)


def test_a_webhook_is_told_what_was_decided(store: Store) -> None:
    item = done(store, 2, outcome("review"), webhook="https://example.org/").items[1]
    review = store.decide(item.id, "me", "block", "fake")
    body = json.loads(store.owed("o", 9, 9.0)[1].payload)
    assert (body["type"], body["data"]["item_id"]) == ("review.decided", item.id)
    assert [told["review"] for told in body["data"]["items"]] == [None, vars(review)]


def test_the_log_is_shown_in_pages_oldest_first(store: Store) -> None:
    item = _waiting(store)
    reviews = [store.decide(item.id, "me", "allow", "unsure", str(at)) for at in range(5)]
    page = store.reviews(limit=2)
    assert page.items == tuple(reviews[:2])
    reviews.append(store.decide(item.id, "me", "block", "fake"))
    rest = store.reviews(limit=4, after=page.after)
    assert (rest.items, rest.after) == (tuple(reviews[2:]), None)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data(), st.integers(1, 3), st.integers(0, 6))
def test_pages_of_the_queue_show_what_waits_all_the_while_once(
    store: Store, clock: Clock, data: st.DataObject, limit: int, count: int
) -> None:
    for item in store.review_queue(1000).items:
        store.decide(item.id, "me", "allow", "real")
    waiting = [_waiting(store).id for _ in range(count)]
    seen, after = [], None
    for _ in range(20):
        page = store.review_queue(limit, after)
        seen += [item.id for item in page.items]
        if (after := page.after) is None:
            break
        clock.now += data.draw(st.sampled_from([0.0, 0.5]))
        if data.draw(st.booleans()):
            waiting.append(_waiting(store).id)
        if data.draw(st.booleans()):
            decided = data.draw(st.sampled_from(waiting))
            store.decide(decided, "me", "allow", "real")
            waiting.remove(decided)
    assert after is None
    assert len(seen) == len(set(seen))
    assert [item_id for item_id in seen if item_id in waiting] == waiting


def test_labels_are_had_of_each_item_that_has_one(store: Store) -> None:
    fake, real, unsure = (_waiting(store) for _ in range(3))
    _waiting(store)
    store.decide(fake.id, "me", "allow", "real")
    last = store.decide(fake.id, "me", "block", "fake")
    only = store.decide(real.id, "me", "allow", "real")
    store.decide(unsure.id, "me", "block", "fake")
    store.decide(unsure.id, "me", "block", "unsure")
    assert list(store.labelled()) == [
        labelled(last, basis_of(fake), fake.name),
        labelled(only, basis_of(real), real.name),
    ]


def test_a_label_outlives_its_result_but_not_the_name_of_the_file(store: Store, clock: Clock) -> None:
    report = {"status": "ok", "media": "video", "fake_probability": 0.1 + 0.2, "models": {"face-vae": "a"}}
    report["faces"] = [{"probability": 0.25}, {"probability": None}, {"probability": 0.75}]
    item = done(store, made=Outcome(report, Decision("review", "by chance", "0123456789ab", 50.0))).items[0]
    store.decide(item.id, "ann", "block", "fake", "the ears")
    [kept] = store.labelled()
    store.forget(clock.now + 1, clock.now + 1)
    assert store.item(item.id) is None
    assert list(store.labelled()) == [replace(kept, name="")]
    assert kept == Labelled(
        item_id=item.id,
        sha256=item.sha256,
        name="0.jpg",
        media="video",
        fake_probability=0.1 + 0.2,
        scored_faces=2,
        models={"face-vae": "a"},
        label="fake",
        weight=50.0,
        policy="0123456789ab",
        action="block",
        reviewer="ann",
        note="the ears",
        decided_at=clock.now,
    )


def test_an_item_without_a_result_has_a_label_too(store: Store) -> None:
    item = submitted(store).items[0]
    store.cancel(item.job_id)
    store.decide(item.id, "ann", "block", "fake")
    [label] = store.labelled()
    assert (label.fake_probability, label.scored_faces, label.models, label.weight) == (None, 0, {}, 1.0)


def test_results_are_had_from_a_time_on(store: Store, clock: Clock) -> None:
    old = done(store, 2)
    clock.now += 10
    new = done(store, 250)  # more than one batch
    store.cancel(submitted(store).id)
    assert list(store.results()) == [*old.items, *new.items]
    assert list(store.results(clock.now)) == list(new.items)
    assert list(store.results(clock.now + 1)) == []


def test_a_reader_who_takes_long_keeps_nobody_from_writing(store: Store) -> None:
    done(store, 3)
    results = store.results()
    next(results)
    assert done(store).state == "done"
    assert len(list(results)) == 3  # with what came meanwhile


def test_the_digest_is_of_the_one_before_and_of_every_field() -> None:
    review = Review(2, "i", 1.5, "me", "block", "fake", "ü", "")
    written = '{"action":"block","at":1.5,"digest":"d1","item_id":"i","label":"fake","note":"\\u00fc",'
    written += '"number":2,"reviewer":"me"}'
    assert chained("d1", review).digest == sha256(written.encode()).hexdigest()
    written = written.replace('"digest"', '"basis":{"models":{"m":"1"},"weight":50.0},"digest"')
    based = chained("d1", review, {"weight": 50.0, "models": {"m": "1"}})
    assert based.digest == sha256(written.encode()).hexdigest()


def _tamper(store: Store, statement: str) -> None:
    """What somebody can do who owns the database: take the triggers away first."""
    with store._database.writing() as connection:
        if connection.dialect.name == "sqlite":
            for name in ("update", "delete", "replace"):
                connection.execute(text(f"DROP TRIGGER reviews_{name}"))
        else:
            connection.execute(text("DROP TRIGGER reviews_append_only ON reviews"))
        connection.execute(text(statement))


def _decided(store: Store, count: int) -> None:
    item = _waiting(store)
    for at in range(count):
        store.decide(item.id, f"reviewer {at}", "block", "fake", f"note {at}")


def test_the_chain_holds_as_it_was_written(store: Store) -> None:
    assert store.verify_reviews() == 0
    _decided(store, 3)
    assert store.verify_reviews() == 3
    store.decide(_waiting(store).id, "\ud800\0", "allow", "real", "\0 😀 \ud800")
    assert store.verify_reviews() == 4


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE reviews SET action = 'allow' WHERE number = 2", "number 2 is not as it was written"),
        ("UPDATE reviews SET note = '' WHERE number = 3", "number 3 is not as it was written"),
        ("UPDATE reviews SET at = at + 0.001 WHERE number = 1", "number 1 is not as it was written"),
        ("UPDATE reviews SET reviewer = 'me' WHERE number = 4", "number 4 is not as it was written"),
        ("UPDATE reviews SET digest = 'x' WHERE number = 2", "number 2 is not as it was written"),
        ("UPDATE reviews SET basis = NULL WHERE number = 2", "number 2 is not as it was written"),
        ("UPDATE reviews SET basis = '{\"weight\": 9.0}' WHERE number = 3", "number 3 is not as it was written"),
        ("DELETE FROM reviews WHERE number = 1", "expected number 1, got 2"),
        ("DELETE FROM reviews WHERE number = 3", "expected number 3, got 4"),
        ("DELETE FROM reviews WHERE number = 4", "expected number 4, got none: an item has review 4"),
        ("DELETE FROM reviews", "expected number 1, got none"),
        ("UPDATE reviews SET number = 9 WHERE number = 4", "expected number 4, got 9"),
    ],
)
def test_what_was_changed_or_taken_out_is_found(store: Store, statement: str, found: str) -> None:
    _decided(store, 4)
    _tamper(store, statement)
    with pytest.raises(DetectorError, match=found):
        store.verify_reviews()


def test_a_review_that_was_put_between_is_found() -> None:
    first = chained("", Review(1, "i", 1.0, "me", "block", "fake", "", ""))
    second = chained(first.digest, Review(2, "i", 2.0, "me", "allow", "real", "", ""))
    forged = chained(first.digest, Review(2, "i", 2.0, "me", "block", "fake", "", ""))
    assert check([(first, None), (second, None)]) == 2
    third = chained(second.digest, Review(3, "i", 3.0, "me", "allow", "real", "", ""))
    with pytest.raises(DetectorError, match="number 3"):
        check([(first, None), (forged, None), (third, None)])


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE reviews SET note = 'other'",
        "UPDATE reviews SET number = 7 WHERE number = 1",
        "DELETE FROM reviews",
        "DELETE FROM reviews WHERE number = 2",
    ],
)
def test_the_database_itself_refuses_to_change_a_review(store: Store, statement: str) -> None:
    _decided(store, 2)
    before = store.reviews()
    with pytest.raises(DBAPIError, match="append-only"), store._database.writing() as connection:
        connection.execute(text(statement))
    assert store.reviews() == before


def test_neither_replacing_nor_truncating_gets_around_that(store: Store) -> None:
    _decided(store, 2)
    way = {
        "sqlite": "INSERT OR REPLACE INTO reviews VALUES (1, 'i', 0.0, 'me', 'allow', 'real', '', '', NULL)",
        "postgresql": "TRUNCATE reviews",
    }
    with pytest.raises(DBAPIError, match="append-only"), store._database.writing() as connection:
        connection.execute(text(way[connection.dialect.name]))
    assert store.verify_reviews() == 2


def test_reviews_outlive_their_items(store: Store, clock: Clock) -> None:
    item = _waiting(store)
    review = store.decide(item.id, "me", "block", "fake")
    store.forget(clock.now + 1, clock.now + 1)
    assert store.item(item.id) is None
    assert store.reviews().items == (review,)
    assert store.verify_reviews() == 1


def test_what_is_kept_for_review_waits_again_behind_the_others(store: Store, clock: Clock) -> None:
    first, second = (done(store, made=outcome("review")).items[0] for _ in range(2))
    clock.now += 1
    kept = store.decide(first.id, "ann", "review", "unsure")
    assert [(item.id, item.review) for item in store.review_queue().items] == [(second.id, None), (first.id, kept)]
    store.decide(first.id, "bob", "allow", "real", seen=kept.number)
    assert [item.id for item in store.review_queue().items] == [second.id]


def test_what_the_policy_allowed_waits_once_somebody_sends_it_to_review(store: Store) -> None:
    [item] = done(store, made=outcome("allow")).items
    assert store.review_queue().items == ()
    store.decide(item.id, "ann", "review", "unsure")
    assert [waiting.id for waiting in store.review_queue().items] == [item.id]
