"""Jobs as the API sees them: put in, looked up, listed, cancelled."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import ceil

from sqlalchemy import Connection, func, insert, select

from detector.service.problems import Problem
from detector.service.records import ENDED, Job, Order, Page, State
from detector.service.store.database import SUBMISSION, Database
from detector.service.store.ending import end_items, end_jobs, lock_jobs
from detector.service.store.pages import number_of, page
from detector.service.store.rows import BRIEFLY, job_of, jobs_of, new_id
from detector.service.store.schema import ITEMS, JOBS

KEY_SHARE = 0.5
"""How many of the places for what waits one key may take, so that the others find some; rounded up."""
URGENT_SHARE = 0.1
"""How many of them are only for what somebody waits for, the last ones; rounded down."""
_RETRY_AFTER_S = 5.0


class Jobs:
    """The part of the store that takes jobs in and answers for them."""

    _database: Database

    def submit(self, order: Order, waiting_limit: int) -> tuple[Job, bool]:
        """Take a job in; the second value is False where its idempotency key has brought it in before.

        Args:
            order: the job.
            waiting_limit: how many items may wait, of all keys. Of these places one key has half at most, and the last
                tenth is for urgent orders. An open service has no keys, and so no share of one.

        Raises:
            Problem: "idempotency-reused": the same key came with another request; "queue-full": with these uploads,
                more items would wait than may. Its limit and value are those of the share that is used up.
        """
        with self._database.writing() as connection:
            self._database.alone(connection, SUBMISSION)
            known = _same_request(connection, order)
            if known is None:
                _check_room(connection, order, waiting_limit)
                return _insert(connection, order, self._database.now()), True
            return known, False

    def job(self, job_id: str, key_id: str | None = None) -> Job | None:
        """One job; None when there is none, or when it is of another key than the one asked for."""
        with self._database.reading() as connection:
            job = job_of(connection, job_id)
        return job if job and key_id in (None, job.key_id) else None

    def jobs(
        self, key_id: str | None = None, state: State | None = None, limit: int = 50, after: str | None = None
    ) -> Page[Job]:
        """Jobs, newest first; of one key, in one state, or all. Reports lack faces and timeline, which `job` has.

        Raises:
            Problem: "invalid": `after` is no place in the list.
        """
        query = select(JOBS).order_by(JOBS.c.number.desc()).limit(limit + 1)
        if key_id is not None:
            query = query.where(JOBS.c.key_id == key_id)
        if state is not None:
            query = query.where(JOBS.c.state == state)
        if after is not None:
            query = query.where(JOBS.c.number < number_of(after))
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
            return page(rows, limit, lambda shown: jobs_of(connection, shown, BRIEFLY))

    def cancel(self, job_id: str) -> Job | None:
        """End what has not ended; what a worker makes of it later counts for nothing. None: there is no such job."""
        left = select(ITEMS.c.id).where(ITEMS.c.job_id == job_id, ITEMS.c.state.not_in(ENDED)).order_by(ITEMS.c.id)
        with self._database.writing() as connection:
            item_ids, now = connection.scalars(left.with_for_update()).all(), self._database.now()
            lock_jobs(connection, [job_id])
            end_items(connection, item_ids, "cancelled", now)
            end_jobs(connection, [job_id], now)
            return job_of(connection, job_id)

    def ended(self, job_ids: Collection[str]) -> set[str]:
        """Which of these jobs have ended."""
        query = select(JOBS.c.id).where(JOBS.c.id.in_(job_ids), JOBS.c.finished_at.is_not(None))
        with self._database.reading() as connection:
            return set(connection.scalars(query))

    def waiting(self) -> int:
        """How many items wait for a worker."""
        with self._database.reading() as connection:
            return _waiting(connection)

    def counts(self) -> Mapping[State, int]:
        """How many items there are in each state that any is in."""
        query = select(ITEMS.c.state, func.count().label("total")).group_by(ITEMS.c.state)
        with self._database.reading() as connection:
            return {row.state: row.total for row in connection.execute(query)}


def _same_request(connection: Connection, order: Order) -> Job | None:
    """The job that the idempotency key has brought in already."""
    if order.idempotency is None:
        return None
    query = select(JOBS).where(JOBS.c.key_id == order.key_id, JOBS.c.idempotency == order.idempotency)
    row = connection.execute(query).one_or_none()
    if row is not None and row.fingerprint != order.fingerprint:
        raise Problem(
            "idempotency-reused",
            "Idempotency-Key: expected a new one for a new request, got one that came with another request; "
            "send the same request again, or choose another key",
            field="Idempotency-Key",
            value=order.idempotency,
        )
    return None if row is None else jobs_of(connection, [row])[0]


def _check_room(connection: Connection, order: Order, limit: int) -> None:
    """Refuse an order that finds no place: of all, of those that are not for urgent ones, or of its key's."""
    waiting, more = _waiting(connection), len(order.uploads)
    _refuse_beyond(limit, waiting, more, "files wait")
    if not order.urgent:
        common = limit - int(limit * URGENT_SHARE)
        _refuse_beyond(common, waiting, more, "files wait", "; the other places are for what somebody waits for")
    if order.key_id:
        own = _waiting(connection, order.key_id)
        _refuse_beyond(ceil(limit * KEY_SHARE), own, more, "files of this API key wait")


def _refuse_beyond(limit: int, waiting: int, more: int, what: str, why: str = "") -> None:
    if waiting + more > limit:
        detail = f"{waiting} {what}, and at most {limit} may{why}: no room for {more} more; try again later"
        raise Problem("queue-full", detail, limit=limit, value=waiting + more, retry_after_s=_RETRY_AFTER_S)


def _waiting(connection: Connection, key_id: str | None = None) -> int:
    """How many items wait; of one key, or of all."""
    query = select(func.count()).select_from(ITEMS).where(ITEMS.c.state == "queued")
    if key_id is not None:
        query = query.join(JOBS, ITEMS.c.job_id == JOBS.c.id).where(JOBS.c.key_id == key_id)
    return connection.scalars(query).one()


def _insert(connection: Connection, order: Order, now: float) -> Job:
    job_id = new_id()
    job = {"id": job_id, "key_id": order.key_id, "state": "queued", "created_at": now, "webhook": order.webhook}
    connection.execute(insert(JOBS).values(job | {"idempotency": order.idempotency, "fingerprint": order.fingerprint}))
    same = {"job_id": job_id, "state": "queued", "attempts": 0, "created_at": now}
    same |= {"urgent": order.urgent, "deadline": order.deadline}
    items = [same | vars(upload) | {"id": new_id(), "position": at} for at, upload in enumerate(order.uploads)]
    connection.execute(insert(ITEMS), items)
    [inserted] = jobs_of(connection, connection.execute(select(JOBS).where(JOBS.c.id == job_id)).all())
    return inserted
