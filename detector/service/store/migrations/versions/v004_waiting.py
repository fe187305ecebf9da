"""Since when an item waits for a person, in a column of its own: what somebody keeps for review waits again."""

import sqlalchemy as sa
from alembic import op

revision = "004"
down_revision = "003"

WAITS = sa.text("waits_since IS NOT NULL")


def upgrade() -> None:
    """What nobody has decided on waits since it was scored; what was last kept for review, since then."""
    op.add_column("items", sa.Column("waits_since", sa.Double))
    op.execute("UPDATE items SET waits_since = finished_at WHERE action = 'review' AND review IS NULL")
    op.execute(
        "UPDATE items SET waits_since = (SELECT at FROM reviews WHERE number = items.review) "
        "WHERE review IN (SELECT number FROM reviews WHERE action = 'review')"
    )
    op.drop_index("items_undecided", "items")
    op.create_index("items_waiting", "items", ["waits_since", "number"], sqlite_where=WAITS, postgresql_where=WAITS)
