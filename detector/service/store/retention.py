"""What is let go when its time is over. Reviews are not: they stay, and hold no media."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, delete, select, update

from detector.service.store.database import Database
from detector.service.store.schema import DELIVERIES, ITEMS, JOBS, ON_DISK


@dataclass(frozen=True)
class Forgotten:
    """What nothing in the store names any more; the caller deletes the files.

    Attributes:
        blobs: uploads.
        items: the ids of items whose pictures go.
    """

    blobs: tuple[str, ...]
    items: tuple[str, ...]


class Retention:
    """The part of the store that forgets."""

    _database: Database

    def forget(self, media_before: float, results_before: float) -> Forgotten:
        """Let go of the media of what ended before `media_before`, and of jobs that ended before `results_before`.

        Dead deliveries, which hold results too, go with the jobs of their time.
        """
        with self._database.writing() as connection:
            gone = _forget_jobs(connection, results_before) | _forget_media(connection, media_before)
            old = DELIVERIES.c.next_at.is_(None) & (DELIVERIES.c.created_at < results_before)
            connection.execute(delete(DELIVERIES).where(old))
        return Forgotten(tuple(blob for blob in gone.values() if blob), tuple(gone))

    def blobs(self) -> set[str]:
        """Every upload that is still named."""
        with self._database.reading() as connection:
            return set(connection.scalars(select(ITEMS.c.blob).where(ON_DISK, ITEMS.c.blob.is_not(None))))

    def pictured(self) -> set[str]:
        """The ids of the items that have pictures, or are about to have some: those that have not ended."""
        have = select(ITEMS.c.id).where(ON_DISK, ITEMS.c.pictures.is_not(None))
        may = select(ITEMS.c.id).where(ITEMS.c.state.in_(("queued", "running")))
        with self._database.reading() as connection:
            return set(connection.scalars(have.union_all(may)))


def _forget_media(connection: Connection, before: float) -> dict[str, str | None]:
    """Item id -> blob, of the items that lose their media."""
    old = (ITEMS.c.finished_at < before) & ON_DISK
    gone = _items(connection, old)
    connection.execute(update(ITEMS).where(old).values(blob=None, pictures=None))
    return gone


def _forget_jobs(connection: Connection, before: float) -> dict[str, str | None]:
    """Item id -> blob, of the items that go altogether."""
    old = select(JOBS.c.id).where(JOBS.c.finished_at < before)
    gone = _items(connection, ITEMS.c.job_id.in_(old))
    connection.execute(delete(JOBS).where(JOBS.c.finished_at < before))
    return gone


def _items(connection: Connection, which: ColumnElement[bool]) -> dict[str, str | None]:
    query = select(ITEMS.c.id, ITEMS.c.blob).where(which).order_by(ITEMS.c.finished_at, ITEMS.c.id).with_for_update()
    return {row.id: row.blob for row in connection.execute(query)}
