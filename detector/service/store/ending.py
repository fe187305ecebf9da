"""How items and jobs end, whoever ends them: the last item ends its job, and the job's end is told."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, select, update

from detector.service.records import ENDED, State
from detector.service.store.outbox import owe
from detector.service.store.schema import ITEMS, JOBS

FREE: dict[str, Any] = {"worker": None, "token": None, "lease_until": None}
"""The columns of an item that nobody holds."""


def lock_jobs(connection: Connection, job_ids: Collection[str]) -> None:
    """Hold the rows of these jobs until the transaction ends; call it once, after the rows of the items are held.

    But for the key: an item that is written holds its job's key, together with others (FOR NO KEY UPDATE).
    """
    rows = select(JOBS.c.id).where(JOBS.c.id.in_(set(job_ids))).order_by(JOBS.c.id).with_for_update(key_share=True)
    connection.execute(rows).all()


def end_items(connection: Connection, item_ids: Collection[str], state: State, now: float) -> None:
    """End items that will have no report; nothing names their media any more."""
    ended = {"state": state, "finished_at": now, "blob": None, **FREE}
    connection.execute(update(ITEMS).where(ITEMS.c.id.in_(item_ids)).values(ended))


def end_jobs(connection: Connection, job_ids: Collection[str], now: float) -> None:
    """End those of the locked jobs whose last item is at an end, and owe their webhooks the news."""
    for job_id in sorted(set(job_ids)):
        state = _end(connection, job_id)
        job = (JOBS.c.id == job_id) & JOBS.c.finished_at.is_(None)
        if state and connection.execute(update(JOBS).where(job).values(state=state, finished_at=now)).rowcount:
            owe(connection, job_id, "job.finished", now)


def _end(connection: Connection, job_id: str) -> State | None:
    """How a job ended: done as soon as one item was, else cancelled as soon as one was; None while it has not."""
    states = set(connection.scalars(select(ITEMS.c.state).where(ITEMS.c.job_id == job_id).distinct()))
    return next((state for state in ENDED if state in states), None) if states.issubset(ENDED) else None
