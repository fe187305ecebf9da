"""Which workers there are, as they report themselves."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import delete, insert, select, update

from detector.service.store.database import Database
from detector.service.store.schema import WORKERS


class Workers:
    """The part of the store that workers say in that they are there."""

    _database: Database

    def report_worker(self, worker: str, about: Mapping[str, object]) -> None:
        """Say that a worker is there, and what there is to know about it; plain values only."""
        values = {"about": dict(about), "seen_at": self._database.now()}
        with self._database.writing() as connection:
            if not connection.execute(update(WORKERS).where(WORKERS.c.name == worker).values(values)).rowcount:
                connection.execute(insert(WORKERS).values(name=worker, **values))

    def workers(self, since: float) -> Mapping[str, Mapping[str, object]]:
        """The workers that have reported themselves at `since` or later: name -> what is known about it."""
        query = select(WORKERS).where(WORKERS.c.seen_at >= since).order_by(WORKERS.c.name)
        with self._database.reading() as connection:
            return {row.name: row.about for row in connection.execute(query)}

    def forget_worker(self, worker: str) -> None:
        """Say that a worker is not there any more."""
        with self._database.writing() as connection:
            connection.execute(delete(WORKERS).where(WORKERS.c.name == worker))
