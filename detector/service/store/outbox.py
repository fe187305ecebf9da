"""What webhooks are owed: written together with what is told, sent later, tried again, laid aside as dead."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, insert, or_, select, update

from detector.service.records import Delivery, Page
from detector.service.store.database import Database
from detector.service.store.pages import number_of, page
from detector.service.store.payload import Event, message
from detector.service.store.rows import BRIEFLY, delivery_of, jobs_of, new_id
from detector.service.store.schema import DELIVERIES, JOBS

_FREE: dict[str, Any] = {"worker": None, "lease_until": None}


def owe(connection: Connection, job_id: str, event: Event, now: float, item_id: str | None = None) -> None:
    """Owe a job's webhook, if it has one, the news of what this transaction does."""
    rows = connection.execute(select(JOBS).where(JOBS.c.id == job_id, JOBS.c.webhook.is_not(None))).all()
    for job in jobs_of(connection, rows, BRIEFLY):
        delivery_id = new_id()
        body = message(delivery_id, event, now, job, item_id)
        owed = {"id": delivery_id, "url": job.webhook, "payload": body, "attempts": 0}
        connection.execute(insert(DELIVERIES).values(owed | {"created_at": now, "next_at": now}))


class Outbox:
    """The part of the store that webhooks are sent from."""

    _database: Database

    def owed(self, worker: str, limit: int, lease_s: float) -> list[Delivery]:
        """Take deliveries whose time has come, oldest first; for `lease_s` seconds nobody else gets them."""
        with self._database.writing() as connection:
            now = self._database.now()
            free = or_(DELIVERIES.c.lease_until.is_(None), DELIVERIES.c.lease_until < now)
            due = select(DELIVERIES).where(DELIVERIES.c.next_at <= now, free).order_by(DELIVERIES.c.number).limit(limit)
            rows = connection.execute(due.with_for_update(skip_locked=True)).all()
            taken = DELIVERIES.c.number.in_([row.number for row in rows])
            connection.execute(update(DELIVERIES).where(taken).values(worker=worker, lease_until=now + lease_s))
        return [delivery_of(row) for row in rows]

    def delivered(self, delivery_id: str) -> None:
        """Forget a delivery that has arrived."""
        with self._database.writing() as connection:
            connection.execute(delete(DELIVERIES).where(DELIVERIES.c.id == delivery_id))

    def failed(self, delivery_id: str, error: str, next_at: float | None) -> None:
        """Count a try that failed. It is tried again at `next_at`, or, where that is None, is dead."""
        values = {"attempts": DELIVERIES.c.attempts + 1, "error": error, "next_at": next_at, **_FREE}
        with self._database.writing() as connection:
            connection.execute(update(DELIVERIES).where(DELIVERIES.c.id == delivery_id).values(values))

    def dead(self, limit: int = 50, after: str | None = None) -> Page[Delivery]:
        """The deliveries that were given up, newest first.

        Raises:
            Problem: "invalid": `after` is no place in the list.
        """
        query = select(DELIVERIES).where(DELIVERIES.c.next_at.is_(None)).order_by(DELIVERIES.c.number.desc())
        if after is not None:
            query = query.where(DELIVERIES.c.number < number_of(after))
        with self._database.reading() as connection:
            rows = connection.execute(query.limit(limit + 1)).all()
        return page(rows, limit, lambda shown: tuple(delivery_of(row) for row in shown))

    def revive(self, delivery_id: str) -> bool:
        """Send a dead delivery again, now and with as many tries as a new one; False when there is no such dead one."""
        dead = (DELIVERIES.c.id == delivery_id) & DELIVERIES.c.next_at.is_(None)
        values = {"attempts": 0, "next_at": self._database.now()}
        with self._database.writing() as connection:
            return connection.execute(update(DELIVERIES).where(dead).values(values)).rowcount > 0
