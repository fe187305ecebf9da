"""What people decide: the queue of what waits for them, and the log of what they said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, exists, func, insert, select, tuple_, update

from detector.errors import DetectorError
from detector.service.labelled import Labelled, basis_of, labelled
from detector.service.problems import Problem
from detector.service.records import ENDED, Action, Item, Label, Page, Review
from detector.service.store.chain import chained, check
from detector.service.store.database import REVIEW, Database
from detector.service.store.outbox import owe
from detector.service.store.pages import batches, number_of, page
from detector.service.store.rows import BRIEFLY, ITEMS_WITH_REVIEW, item_of, review_of
from detector.service.store.schema import ITEMS, REVIEWS, WAITS, storable

_later = REVIEWS.alias()
_LABELS = (
    select(REVIEWS, ITEMS.c.name)
    .outerjoin(ITEMS, ITEMS.c.id == REVIEWS.c.item_id)
    .where(REVIEWS.c.label.in_(("real", "fake")))
    .where(~exists().where(_later.c.item_id == REVIEWS.c.item_id, _later.c.number > REVIEWS.c.number))
)
"""The last review of each item, where that says what the item is; with its name, where that is kept."""


class Reviews:
    """The part of the store that people decide with."""

    _database: Database

    def review_queue(self, limit: int = 50, after: str | None = None) -> Page[Item]:
        """The items that wait for a person: those that the policy sends, and those that somebody kept; oldest first.

        What is kept for review goes to the end: it waits since then.

        Reports lack faces and timeline, which `item` has.

        Raises:
            Problem: "invalid": `after` is no place in the list.
        """
        place = tuple_(ITEMS.c.waits_since, ITEMS.c.number)
        query = BRIEFLY.where(WAITS)
        with self._database.reading() as connection:
            if after is not None:
                since = func.coalesce(ITEMS.c.waits_since, ITEMS.c.finished_at)  # it may be decided by now
                at = select(since).where(ITEMS.c.number == number_of(after)).scalar_subquery()
                # From the beginning where that item has gone: rather twice than never.
                query = query.where(place > tuple_(func.coalesce(at, 0.0), number_of(after)))
            rows = connection.execute(query.order_by(*place).limit(limit + 1)).all()
        return page(rows, limit, lambda shown: tuple(item_of(row) for row in shown))

    def item(self, item_id: str) -> Item | None:
        """One item."""
        with self._database.reading() as connection:
            row = connection.execute(ITEMS_WITH_REVIEW.where(ITEMS.c.id == item_id)).one_or_none()
        return None if row is None else item_of(row)

    def decide(
        self, item_id: str, reviewer: str, action: Action, label: Label, note: str = "", seen: int | None = None
    ) -> Review:
        """Write down what a person decided on an item, after all that was decided before.

        Args:
            item_id: of an item that has ended.
            reviewer, action, label, note: as in `Review`.
            seen: the number of the item's last review that the person knew of, 0 for none; None does not say.

        Raises:
            Problem: "not-found": there is no such item; "conflict": it has not ended, or another review than the one
                that was seen is its last.
        """
        with self._database.writing() as connection:
            self._database.alone(connection, REVIEW)
            item, now = _ended(connection, item_id), self._database.now()
            _refuse_unseen(item.review, seen)
            review = Review(0, item_id, now, storable(reviewer), action, label, storable(note), "")
            review = _append(connection, review, basis_of(item))
            connection.execute(update(ITEMS).where(ITEMS.c.id == item_id).values(_settled(review)))
            owe(connection, item.job_id, "review.decided", now, item_id)
        return review

    def reviews(self, limit: int = 100, after: str | None = None) -> Page[Review]:
        """The log of all decisions, oldest first.

        Raises:
            Problem: "invalid": `after` is no place in the list.
        """
        query = select(REVIEWS).where(REVIEWS.c.number > number_of("0" if after is None else after))
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(REVIEWS.c.number).limit(limit + 1)).all()
        return page(rows, limit, lambda shown: tuple(review_of(row) for row in shown))

    def verify_reviews(self) -> int:
        """Follow the chain of digests from its beginning; how many reviews there are.

        Raises:
            DetectorError: names the first review that was changed or is missing. That the newest ones are missing shows
                only by an item that has one.
        """
        with self._database.reading() as connection:
            latest = connection.scalars(select(func.max(ITEMS.c.review))).one() or 0
        rows = batches(self._database, select(REVIEWS), REVIEWS.c.number)
        count = check((review_of(row), row.basis) for row in rows)
        if count < latest:
            raise DetectorError(f"reviews: expected number {count + 1}, got none: an item has review {latest}")
        return count

    def labelled(self) -> Iterator[Labelled]:
        """Each file whose last review says what it is, real or fake; in the order of the reviews.

        A label outlives its result, but for those that were given before version 002 of the tables.
        """
        for row in batches(self._database, _LABELS, REVIEWS.c.number):
            item = self.item(row.item_id) if row.basis is None else None
            basis = row.basis if item is None else basis_of(item)
            if basis is not None:
                yield labelled(review_of(row), basis, row.name or "")

    def results(self, since: float = 0.0) -> Iterator[Item]:
        """Each item that was done at `since` or later, oldest upload first."""
        query = ITEMS_WITH_REVIEW.where(ITEMS.c.state == "done", ITEMS.c.finished_at >= since)
        return map(item_of, batches(self._database, query, ITEMS.c.number))


def _settled(review: Review) -> dict[str, Any]:
    return {"review": review.number, "waits_since": review.at if review.action == "review" else None}


def _ended(connection: Connection, item_id: str) -> Item:
    """An item that has ended, which is held until the transaction ends."""
    query = ITEMS_WITH_REVIEW.where(ITEMS.c.id == item_id).with_for_update(of=ITEMS)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise Problem("not-found", f"item: expected the id of one that is kept, got {item_id[:40]!r}", field="item")
    if row.state not in ENDED:
        raise Problem("conflict", f"item: expected one that has ended, got one that is {row.state}; wait for its end")
    return item_of(row)


def _refuse_unseen(last: Review | None, seen: int | None) -> None:
    """Refuse a decision that was made without knowing of the last one."""
    if last is None or seen in (None, last.number):
        return
    detail = (
        f"{last.reviewer} decided meanwhile: {last.action}, {last.label}; "
        f"to decide as well, send the decision again with seen {last.number}"
    )
    raise Problem("conflict", detail, field="seen", limit=last.number, value=seen)


def _append(connection: Connection, review: Review, basis: dict[str, Any]) -> Review:
    """The review with its number and digest, written with what was known of its item."""
    last = connection.execute(select(REVIEWS).order_by(REVIEWS.c.number.desc()).limit(1)).one_or_none()
    number, digest = (last.number, last.digest) if last else (0, "")
    fields = vars(review) | {"number": number + 1}
    written = chained(digest, Review(**fields), basis)
    connection.execute(insert(REVIEWS).values(vars(written) | {"basis": basis}))
    return written
