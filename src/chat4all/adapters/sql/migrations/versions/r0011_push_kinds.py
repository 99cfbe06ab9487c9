"""Devices that take pushes are of a kind, and it is known when each was last registered."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

TABLE = "push_subscriptions"


def upgrade() -> None:
    """Add the columns; what is there are browsers."""
    op.add_column(TABLE, sa.Column("kind", sa.String(), nullable=False, server_default="web"))
    op.add_column(TABLE, sa.Column("registered_at", sa.DateTime(timezone=True)))
