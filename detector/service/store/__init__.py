"""What is kept: jobs, results, reviews, keys and deliveries, in SQLite or PostgreSQL.

database   how a database is opened, read and written
schema     the tables; `migrations` makes them
rows       rows -> records
pages      lists in pages
jobs       put in, looked up, listed, cancelled
work       taken, kept, put back, finished
ending     how items and jobs end
outbox     what webhooks are owed; payload: what they are told
reviews    what people decide; chain: how it shows when that is changed
keys       who may ask
workers    who works
retention  what is let go
"""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy import text

from detector.service.store.database import Database
from detector.service.store.jobs import Jobs
from detector.service.store.keys import Keys
from detector.service.store.outbox import Outbox
from detector.service.store.retention import Forgotten, Retention
from detector.service.store.reviews import Reviews
from detector.service.store.work import Work
from detector.service.store.workers import Workers

__all__ = ["Forgotten", "Store"]


class Store(Jobs, Work, Reviews, Keys, Outbox, Retention, Workers):
    """Everything that is kept. Each method is one transaction; threads and processes may share the database.

    Every method raises `sqlalchemy.exc.SQLAlchemyError` when the database does not answer.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def open(cls, url: str, clock: Callable[[], float] = time.time) -> Store:
        """Connect, and bring the tables up to date; several processes may do so at once.

        Args:
            url: an SQLAlchemy URL, ``sqlite:///FILE`` or ``postgresql://USER@HOST/NAME``.
            clock: seconds since 1970.

        Raises:
            ConfigError: not an address of a database that is known here, or one that cannot be reached.
        """
        return cls(Database.open(url, clock))

    def close(self) -> None:
        """Close every connection."""
        self._database.close()

    def ping(self) -> None:
        """Ask the database for an answer; raises when none comes."""
        with self._database.reading() as connection:
            connection.execute(text("SELECT 1"))
