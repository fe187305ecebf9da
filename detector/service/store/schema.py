"""The tables, as the code sees them; `migrations` makes them, and a test holds the two together.

Numbers count what was put in, and give lists an order that no clock can upset. Times are seconds since 1970.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

NUMBER = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite counts by itself only in a column that is called INTEGER."""


def storable(words: str) -> str:
    """The same words, with U+FFFD for what PostgreSQL's text, or UTF-8, cannot hold: NUL and halves of a pair."""
    return words.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


class Words(TypeDecorator[str]):
    """Text of any content. What comes from a client is stored, or is not found, but never breaks a statement."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """What is sent to the database."""
        return None if value is None else storable(value)


METADATA = MetaData()

JOBS = Table(
    "jobs",
    METADATA,
    Column("number", NUMBER, primary_key=True),
    Column("id", Words, nullable=False, unique=True),
    Column("key_id", Words, nullable=False),
    Column("state", Words, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("finished_at", Double, index=True),
    Column("webhook", Words),
    Column("idempotency", Words),
    Column("fingerprint", Words, nullable=False),
    UniqueConstraint("key_id", "idempotency"),
    sqlite_autoincrement=True,
)


ITEMS = Table(
    "items",
    METADATA,
    Column("number", NUMBER, primary_key=True),
    Column("id", Words, nullable=False, unique=True),
    Column("job_id", Words, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("position", Integer, nullable=False),
    Column("name", Words, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", Words, nullable=False),
    Column("media", Words, nullable=False),
    Column("state", Words, nullable=False),
    Column("urgent", Boolean, nullable=False),
    Column("deadline", Double),
    Column("attempts", Integer, nullable=False),
    Column("worker", Words),
    Column("token", Words),
    Column("lease_until", Double),
    Column("created_at", Double, nullable=False),
    Column("finished_at", Double),
    Column("report", JSON(none_as_null=True)),  # without what is in the details
    Column("details", JSON(none_as_null=True)),  # those fields of the report that may be long
    Column("action", Words),
    Column("why", Words),
    Column("policy", Words),
    Column("weight", Double),
    Column("pictures", JSON(none_as_null=True)),
    Column("blob", Words),
    Column("review", NUMBER),  # the number of the last one: no foreign key, either may go without the other
    Column("waits_since", Double),  # for a person: since it was scored, or last kept for review
    Index("items_state", "state", "number"),
    sqlite_autoincrement=True,
)

WAITS = ITEMS.c.waits_since.is_not(None)
"""The items that wait for a person."""
Index("items_waiting", ITEMS.c.waits_since, ITEMS.c.number, sqlite_where=WAITS, postgresql_where=WAITS)

ON_DISK = ITEMS.c.blob.is_not(None) | ITEMS.c.pictures.is_not(None)
"""The items that have files."""
Index("items_on_disk", ITEMS.c.finished_at, sqlite_where=ON_DISK, postgresql_where=ON_DISK)

REVIEWS = Table(
    "reviews",
    METADATA,
    Column("number", NUMBER, primary_key=True, autoincrement=False),
    Column("item_id", Words, nullable=False, index=True),
    Column("at", Double, nullable=False),
    Column("reviewer", Words, nullable=False),
    Column("action", Words, nullable=False),
    Column("label", Words, nullable=False),
    Column("note", Words, nullable=False),
    Column("digest", Words, nullable=False),
    Column("basis", JSON(none_as_null=True)),  # what was known of the item: it may go, its label stays of use
)

KEYS = Table(
    "keys",
    METADATA,
    Column("number", NUMBER, primary_key=True),
    Column("id", Words, nullable=False, unique=True),
    Column("name", Words, nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("rate", Integer, nullable=False),
    Column("digest", Words, nullable=False, unique=True),
    Column("created_at", Double, nullable=False),
    Column("revoked_at", Double),
    sqlite_autoincrement=True,
)

DELIVERIES = Table(
    "deliveries",
    METADATA,
    Column("number", NUMBER, primary_key=True),
    Column("id", Words, nullable=False, unique=True),
    Column("url", Words, nullable=False),
    Column("payload", Words, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("next_at", Double, index=True),  # NULL once it is dead
    Column("worker", Words),
    Column("lease_until", Double),
    Column("error", Words),
    sqlite_autoincrement=True,
)

WORKERS = Table(
    "workers",
    METADATA,
    Column("name", Words, primary_key=True),
    Column("about", JSON, nullable=False),
    Column("seen_at", Double, nullable=False),
)
