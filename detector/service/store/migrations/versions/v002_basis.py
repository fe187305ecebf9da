"""What was known of an item when a person decided on it, kept with the review: its label outlives its result.

Reviews that are there already stay as they are: their digests are of what they had, and nothing may change them.
"""

import sqlalchemy as sa
from alembic import op

revision = "002"
down_revision = "001"


def upgrade() -> None:
    """Add the column; the triggers stay."""
    op.add_column("reviews", sa.Column("basis", sa.JSON))
