"""Rows -> records, and the queries that give such rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from secrets import token_hex
from typing import Any

from sqlalchemy import Connection, Row, Select, null, select

from detector.service.records import Decision, Delivery, Item, Job, Key, Review
from detector.service.store.schema import ITEMS, JOBS, REVIEWS

_REVIEW = [field.name for field in fields(Review)]
_REVIEW_COLUMNS = [REVIEWS.c[name].label(f"review_{name}") for name in _REVIEW]

ITEMS_WITH_REVIEW: Select[Any] = select(ITEMS, *_REVIEW_COLUMNS).outerjoin(REVIEWS, ITEMS.c.review == REVIEWS.c.number)
"""Every item, with its last review."""
BRIEFLY: Select[Any] = ITEMS_WITH_REVIEW.with_only_columns(
    *[column for column in ITEMS.c if column is not ITEMS.c.details], null().label("details"), *_REVIEW_COLUMNS
)
"""The same for lists: the reports lack what may be long, a row for each face of each frame."""
_DETAILS = ("faces", "timeline")


def new_id() -> str:
    """A random id: 128 bits, 32 hex digits."""
    return token_hex(16)


def jobs_of(
    connection: Connection, rows: Sequence[Row[Any]], select_items: Select[Any] = ITEMS_WITH_REVIEW
) -> tuple[Job, ...]:
    """The jobs of these rows, in their order, with their items."""
    if not rows:
        return ()
    items: dict[str, list[Item]] = {row.id: [] for row in rows}
    query = select_items.where(ITEMS.c.job_id.in_(items)).order_by(ITEMS.c.position)
    for row in connection.execute(query):
        items[row.job_id].append(item_of(row))
    return tuple(
        Job(row.id, row.key_id, row.state, row.created_at, row.finished_at, row.webhook, tuple(items[row.id]))
        for row in rows
    )


def job_of(connection: Connection, job_id: str) -> Job | None:
    """One job; None when there is no such job."""
    jobs = jobs_of(connection, connection.execute(select(JOBS).where(JOBS.c.id == job_id)).all())
    return jobs[0] if jobs else None


def report_columns(report: Mapping[str, object]) -> dict[str, dict[str, object] | None]:
    """A report as it is kept: what may be long apart from the rest."""
    details = {name: report[name] for name in _DETAILS if name in report}
    return {"report": {name: report[name] for name in report if name not in details}, "details": details or None}


def item_of(row: Row[Any]) -> Item:
    """Of a row of `ITEMS_WITH_REVIEW` or `BRIEFLY`."""
    decision = None if row.action is None else Decision(row.action, row.why, row.policy, row.weight)
    return Item(
        id=row.id,
        job_id=row.job_id,
        position=row.position,
        name=row.name,
        size=row.size,
        sha256=row.sha256,
        media=row.media,
        state=row.state,
        attempts=row.attempts,
        created_at=row.created_at,
        finished_at=row.finished_at,
        report=None if row.report is None else row.report | (row.details or {}),
        decision=decision,
        pictures=tuple(row.pictures or ()),
        blob=row.blob,
        review=None if row.review_number is None else review_of(row, "review_"),
    )


def review_of(row: Row[Any], prefix: str = "") -> Review:
    """Of a row of reviews, whose columns may have a prefix."""
    return Review(**{name: getattr(row, prefix + name) for name in _REVIEW})


def key_of(row: Row[Any]) -> Key:
    """Of a row of keys."""
    return Key(row.id, row.name, tuple(row.scopes), row.rate, row.created_at, row.revoked_at)


def delivery_of(row: Row[Any]) -> Delivery:
    """Of a row of deliveries."""
    return Delivery(row.id, row.url, row.payload, row.attempts, row.created_at, row.error)
