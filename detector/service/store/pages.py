"""Lists in pages. A page begins after the last row of the one before: what is put in meanwhile moves nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import Column, Row, Select

from detector.service.problems import Problem
from detector.service.records import Page
from detector.service.store.database import Database

T = TypeVar("T")

_BATCH = 200


def page(rows: Sequence[Row[Any]], limit: int, records: Callable[[Sequence[Row[Any]]], tuple[T, ...]]) -> Page[T]:
    """The first `limit` of `rows`, which were asked for with one row more, to see whether there are any."""
    shown = rows[:limit]
    return Page(records(shown), str(shown[-1].number) if len(rows) > limit else None)


def number_of(after: str) -> int:
    """The number of the row that a page begins after.

    Raises:
        Problem: "invalid": it is nothing that `page` gave.
    """
    if not (after.isascii() and after.isdigit() and len(after) < 19):
        raise Problem(
            "invalid", f"after: expected what an earlier page gave as next, got {after[:40]!r}", field="after"
        )
    return int(after)


def batches(database: Database, query: Select[Any], number: Column[int]) -> Iterator[Row[Any]]:
    """All rows in the order of their number; a transaction lasts for a batch, not for as long as the reader takes."""
    last = -1
    while rows := _after(database, query, number, last):
        yield from rows
        last = rows[-1].number


def _after(database: Database, query: Select[Any], number: Column[int], last: int) -> Sequence[Row[Any]]:
    with database.reading() as connection:
        return connection.execute(query.where(number > last).order_by(number).limit(_BATCH)).all()
