"""The long fields of a report in a column of their own, so that lists need not read them.

Reports that are there already stay whole: they are shown as before, and are as long in lists as they were.
"""

import sqlalchemy as sa
from alembic import op

revision = "003"
down_revision = "002"


def upgrade() -> None:
    """Add the column."""
    op.add_column("items", sa.Column("details", sa.JSON))
