"""When each chat last wrote, and which channels are left to try."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the two tables."""
    op.create_table(
        "chat_last_inbound",
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("platform", "account_id", "address", name="pk_chat_last_inbound"),
    )
    op.create_table(
        "failovers",
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("conversation_id", sa.String(), nullable=False),
        sa.Column("channels", sa.JSON(), nullable=False),
        sa.Column("deliver_within", sa.Float()),
        sa.Column("read_within", sa.Float()),
        sa.Column("due_at", TIME),
        sa.Column("expires_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("message_id", "user_id", name="pk_failovers"),
    )
    op.create_index("ix_failovers_due_at", "failovers", ["due_at"])
    op.create_index("ix_failovers_expires_at", "failovers", ["expires_at"])
