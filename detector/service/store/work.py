"""Items as workers see them: taken for a while, kept, put back, finished.

A worker holds an item by a lease, which it renews. Whoever dies renews nothing, and the item is given to another. To
finish an item takes the token of the last time that it was taken, so that of all who tried only one does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, func, or_, select, update

from detector.service.records import Claim, Decision, Outcome
from detector.service.store.database import Database
from detector.service.store.ending import FREE, end_items, end_jobs, lock_jobs
from detector.service.store.rows import new_id, report_columns
from detector.service.store.schema import ITEMS, JOBS
from detector.types import MediaKind, Report


class Work:
    """The part of the store that workers take items from."""

    _database: Database

    def claim(
        self,
        worker: str,
        limit: int,
        lease_s: float,
        images_only: bool = False,
        attempts: int = 3,
        keeps_crashed: bool = True,
        urgent_first: bool = True,
    ) -> list[Claim]:
        """Take up to `limit` items for `lease_s` seconds: urgent ones first, then the oldest.

        On the way, items whose deadline has passed expire, and those that were taken `attempts` times already, and
        never finished, are given up: they end as an error that a person has to look at.

        Args:
            images_only: leave everything else to others.
            keeps_crashed: whether the upload of an item that is given up stays.
            urgent_first: False lets those that nobody waits for go first.
        """
        token = new_id()
        with self._database.writing() as connection:
            now = self._database.now()
            hopeless = or_(func.coalesce(ITEMS.c.deadline, now) < now, ITEMS.c.attempts >= attempts)
            due = _due(now, images_only, urgent_first)
            given_up = _lock(connection, due.where(hopeless))
            taken = _lock(connection, due.where(~hopeless).limit(limit))
            if given_up or taken:
                lock_jobs(connection, [row.job_id for row in (*given_up, *taken)])
                _give_up(connection, given_up, now, keeps_crashed)
                _hand_out(connection, taken, worker=worker, token=token, lease_until=now + lease_s)
        return [_claim(row, token) for row in taken]

    def renew(self, worker: str, lease_s: float) -> set[str]:
        """Hold on to everything for `lease_s` seconds from now; the ids of the items that the worker still has."""
        with self._database.writing() as connection:
            held = _held(connection, worker)
            values = {"lease_until": self._database.now() + lease_s}
            connection.execute(update(ITEMS).where(ITEMS.c.id.in_(held)).values(values))
        return set(held)

    def release(self, worker: str, counted: bool = True) -> int:
        """Put back what a worker holds; how many items that were.

        Args:
            counted: whether that was a try: not where the worker leaves of its own will.
        """
        attempts = ITEMS.c.attempts if counted else ITEMS.c.attempts - 1
        with self._database.writing() as connection:
            held = _held(connection, worker)
            values = {"state": "queued", "attempts": attempts, **FREE}
            connection.execute(update(ITEMS).where(ITEMS.c.id.in_(held)).values(values))
        return len(held)

    def complete(self, claim: Claim, outcome: Outcome) -> bool:
        """Write down what came of an item, once; with the last one, its job ends and its webhook is owed the news.

        Returns:
            False where the item is not the claim's any more, because it was cancelled or taken by another: nothing was
            written.
        """
        ours = (ITEMS.c.id == claim.item_id) & (ITEMS.c.token == claim.token)
        with self._database.writing() as connection:
            now = self._database.now()
            if not connection.execute(update(ITEMS).where(ours).values(_result(outcome, now))).rowcount:
                return False
            lock_jobs(connection, [claim.job_id])
            end_jobs(connection, [claim.job_id], now)
            return True


def crashed(name: str, media: MediaKind, attempts: int, keeps_media: bool) -> Outcome:
    """What comes of an item that no worker ever finished, as the fields of a `Report`."""
    why = f"the workers that took this file died, {attempts} times in a row"
    report = Report(name, media, "error", "crashed", warnings=(why,))
    return Outcome(asdict(report), Decision("review", why, policy=""), keeps_media=keeps_media)


def _due(now: float, images_only: bool, urgent_first: bool) -> Select[Any]:
    """The items that wait, or whose worker has given no sign for too long."""
    lapsed = and_(ITEMS.c.state == "running", ITEMS.c.lease_until < now)
    query = select(ITEMS).where(ITEMS.c.state.in_(("queued", "running")), or_(ITEMS.c.state == "queued", lapsed))
    query = query.where(ITEMS.c.media == "image") if images_only else query
    urgent = ITEMS.c.urgent.desc() if urgent_first else ITEMS.c.urgent
    return query.order_by(urgent, ITEMS.c.number)


def _lock(connection: Connection, query: Select[Any]) -> Sequence[Row[Any]]:
    """The rows, held until the transaction ends; rows that others hold are passed over."""
    return connection.execute(query.with_for_update(skip_locked=True)).all()


def _hand_out(connection: Connection, rows: Sequence[Row[Any]], **lease: object) -> None:
    values = {"state": "running", "attempts": ITEMS.c.attempts + 1, **lease}
    connection.execute(update(ITEMS).where(ITEMS.c.id.in_([row.id for row in rows])).values(values))
    begun = JOBS.c.id.in_({row.job_id for row in rows}) & (JOBS.c.state == "queued")
    connection.execute(update(JOBS).where(begun).values(state="running"))


def _give_up(connection: Connection, rows: Sequence[Row[Any]], now: float, keeps_media: bool) -> None:
    late = [row.id for row in rows if row.deadline is not None and row.deadline < now]
    end_items(connection, late, "expired", now)
    for row in rows:
        if row.id not in late:
            result = _result(crashed(row.name, row.media, row.attempts, keeps_media), now)
            connection.execute(update(ITEMS).where(ITEMS.c.id == row.id).values(result))
    end_jobs(connection, [row.job_id for row in rows], now)


def _held(connection: Connection, worker: str) -> Sequence[str]:
    query = select(ITEMS.c.id).where(ITEMS.c.worker == worker, ITEMS.c.state == "running").order_by(ITEMS.c.id)
    return connection.scalars(query.with_for_update()).all()


def _result(outcome: Outcome, now: float) -> dict[str, Any]:
    decision = outcome.decision
    return {
        "state": "done",
        "finished_at": now,
        **report_columns(outcome.report),
        "action": decision.action,
        "waits_since": now if decision.action == "review" else None,
        "why": decision.reason,
        "policy": decision.policy,
        "weight": decision.weight,
        "pictures": list(outcome.pictures) or None,
        **({} if outcome.keeps_media else {"blob": None}),
        **FREE,
    }


def _claim(row: Row[Any], token: str) -> Claim:
    return Claim(row.id, row.job_id, token, row.name, row.blob, row.media, row.attempts + 1)
