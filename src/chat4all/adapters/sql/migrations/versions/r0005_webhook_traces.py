"""Deliveries to webhooks know their trace, and what waits is counted without reading the rest."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

TABLE = "webhook_deliveries"


def upgrade() -> None:
    """Add the column, empty for what is there, and the index."""
    op.add_column(TABLE, sa.Column("trace", sa.String(), nullable=False, server_default=""))
    op.create_index("ix_webhook_deliveries_state_endpoint_id", TABLE, ["state", "endpoint_id"])
