"""The first tables, and the triggers that make reviews append-only."""

import sqlalchemy as sa
from alembic import op

revision = "001"
down_revision = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
UNDECIDED = sa.text("action = 'review' AND review IS NULL")
ON_DISK = sa.text("blob IS NOT NULL OR pictures IS NOT NULL")

_REFUSE = "BEGIN SELECT RAISE(ABORT, 'reviews are append-only'); END"
APPEND_ONLY = {
    "sqlite": [
        f"CREATE TRIGGER reviews_update BEFORE UPDATE ON reviews {_REFUSE}",
        f"CREATE TRIGGER reviews_delete BEFORE DELETE ON reviews {_REFUSE}",
        # INSERT OR REPLACE deletes without asking the trigger above.
        "CREATE TRIGGER reviews_replace BEFORE INSERT ON reviews "
        f"WHEN EXISTS (SELECT 1 FROM reviews WHERE number = NEW.number) {_REFUSE}",
    ],
    "postgresql": [
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'reviews are append-only'; END $$",
        "CREATE TRIGGER reviews_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON reviews "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    ],
}


def upgrade() -> None:
    """Make everything."""
    _jobs()
    _items()
    _reviews()
    _others()


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("number", NUMBER, primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("finished_at", sa.Double, index=True),
        sa.Column("webhook", sa.Text),
        sa.Column("idempotency", sa.Text),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.UniqueConstraint("key_id", "idempotency"),
        sqlite_autoincrement=True,
    )


def _items() -> None:
    op.create_table(
        "items",
        sa.Column("number", NUMBER, primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("job_id", sa.Text, sa.ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False, index=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("media", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("urgent", sa.Boolean, nullable=False),
        sa.Column("deadline", sa.Double),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("worker", sa.Text),
        sa.Column("token", sa.Text),
        sa.Column("lease_until", sa.Double),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("finished_at", sa.Double),
        sa.Column("report", sa.JSON),
        sa.Column("action", sa.Text),
        sa.Column("why", sa.Text),
        sa.Column("policy", sa.Text),
        sa.Column("weight", sa.Double),
        sa.Column("pictures", sa.JSON),
        sa.Column("blob", sa.Text),
        sa.Column("review", NUMBER),
        sqlite_autoincrement=True,
    )
    op.create_index("items_state", "items", ["state", "number"])
    op.create_index(
        "items_undecided", "items", ["finished_at", "number"], sqlite_where=UNDECIDED, postgresql_where=UNDECIDED
    )
    op.create_index("items_on_disk", "items", ["finished_at"], sqlite_where=ON_DISK, postgresql_where=ON_DISK)


def _reviews() -> None:
    op.create_table(
        "reviews",
        sa.Column("number", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("item_id", sa.Text, nullable=False, index=True),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("reviewer", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
    )
    for statement in APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement)


def _others() -> None:
    op.create_table(
        "keys",
        sa.Column("number", NUMBER, primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("scopes", sa.JSON, nullable=False),
        sa.Column("rate", sa.Integer, nullable=False),
        sa.Column("digest", sa.Text, nullable=False, unique=True),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("revoked_at", sa.Double),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "deliveries",
        sa.Column("number", NUMBER, primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("next_at", sa.Double, index=True),
        sa.Column("worker", sa.Text),
        sa.Column("lease_until", sa.Double),
        sa.Column("error", sa.Text),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "workers",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("about", sa.JSON, nullable=False),
        sa.Column("seen_at", sa.Double, nullable=False),
    )
