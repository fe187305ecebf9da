"""A database that an earlier version has filled, on both databases."""

from __future__ import annotations

import json

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError

from detector.service.records import Review
from detector.service.store import Store
from detector.service.store.chain import chained
from tests.service.conftest import Clock
from tests.service.orders import done, outcome

REPORT = {"fake_probability": 0.25, "models": {"m": "1"}, "faces": [{"probability": 0.25}], "timeline": []}
JOB, ITEM, OTHER = "1" * 32, "2" * 32, "3" * 32
FIRST = chained("", Review(1, ITEM, 5.0, "ann", "block", "fake", "", ""))
SECOND = chained(FIRST.digest, Review(2, OTHER, 6.0, "bob", "allow", "real", "", ""))  # its item has gone

JOBS = f"INSERT INTO jobs (id, key_id, state, created_at, finished_at, fingerprint) VALUES ('{JOB}','k','done',1,2,'')"
ITEMS = (
    "INSERT INTO items (id, job_id, position, name, size, sha256, media, state, urgent, attempts, created_at, "
    "finished_at, report, action, why, policy, weight, review) VALUES (:id, :job, 0, 'a.jpg', 1, 'ab', 'image', "
    "'done', FALSE, 1, 1, 2, :report, 'review', 'by chance', 'p', 50, 1)"
)
REVIEWS = "INSERT INTO reviews VALUES (:number, :item_id, :at, :reviewer, :action, :label, :note, :digest)"


@pytest.fixture
def filled(database_url: str) -> str:
    """A database as version 001 left it."""
    engine = create_engine(database_url)
    with engine.begin() as connection:
        _migrate(connection, "001")
        connection.execute(text(JOBS))
        connection.execute(text(ITEMS), {"id": ITEM, "job": JOB, "report": json.dumps(REPORT)})
        connection.execute(text(REVIEWS), [vars(FIRST), vars(SECOND)])
    engine.dispose()
    return database_url


def _migrate(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", "detector.service.store:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def test_what_was_decided_before_holds_and_is_gone_on_with(filled: str, clock: Clock) -> None:
    store = Store.open(filled, clock)
    assert store.reviews().items == (FIRST, SECOND)
    item = done(store, made=outcome("review")).items[0]
    review = store.decide(item.id, "ann", "allow", "real", seen=0)
    assert store.verify_reviews() == review.number == 3
    assert [(label.item_id, label.fake_probability, label.weight) for label in store.labelled()] == [
        (ITEM, 0.25, 50.0),
        (item.id, 0.125, 1.0),
    ]
    store.forget(clock.now + 1, clock.now + 1)
    assert [label.item_id for label in store.labelled()] == [item.id]  # no older review may be changed
    assert store.verify_reviews() == 3
    store.close()


def test_a_report_that_was_kept_whole_is_had_whole(filled: str) -> None:
    store = Store.open(filled)
    item = store.item(ITEM)
    assert item is not None
    assert item.report == REPORT
    assert list(store.results()) == [item]
    store.close()


@pytest.mark.parametrize("statement", ["UPDATE reviews SET basis = '{}'", "DELETE FROM reviews"])
def test_nothing_that_was_decided_can_be_changed_after_the_upgrade(filled: str, statement: str) -> None:
    store = Store.open(filled)
    with pytest.raises(DBAPIError, match="append-only"), store._database.writing() as connection:
        connection.execute(text(statement))
    assert store.reviews().items == (FIRST, SECOND)
    store.close()


def test_what_waited_and_what_was_kept_before_the_upgrade_waits_after_it(database_url: str) -> None:
    engine = create_engine(database_url)
    kept = chained("", Review(1, ITEM, 5.0, "ann", "review", "unsure", "", ""))
    with engine.begin() as connection:
        _migrate(connection, "001")
        connection.execute(text(JOBS))
        connection.execute(text(ITEMS), {"id": ITEM, "job": JOB, "report": json.dumps(REPORT)})
        unseen = ITEMS.replace(", review)", ")").replace(", 50, 1)", ", 50)").replace("0, 'a.jpg'", "1, 'b.jpg'")
        connection.execute(text(unseen), {"id": OTHER, "job": JOB, "report": json.dumps(REPORT)})
        connection.execute(text(REVIEWS), [vars(kept)])
    engine.dispose()
    store = Store.open(database_url)
    assert [item.id for item in store.review_queue().items] == [OTHER, ITEM]
    store.close()
