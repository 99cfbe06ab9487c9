"""Messages that are to be sent later."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

TIME = sa.DateTime(timezone=True)
NAME = "scheduled_messages"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        NAME,
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("actor", sa.String()),
        sa.Column("conversation_id", sa.String(), nullable=False),
        sa.Column("draft", sa.String(), nullable=False),
        sa.Column("send_at", TIME, nullable=False),
        sa.Column("zone", sa.String()),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("first_at", TIME),
        sa.Column("sent_at", TIME),
        sa.Column("due_at", TIME),
        sa.Column("error_code", sa.String()),
        sa.Column("error_text", sa.String()),
        sa.PrimaryKeyConstraint("message_id", name="pk_scheduled_messages"),
    )
    op.create_index("ix_scheduled_messages_due_at", NAME, ["due_at"])
    for columns in (
        ["state", "updated_at"],
        ["sender", "state", "send_at", "message_id"],
        ["sender", "send_at", "message_id"],
    ):
        op.create_index(f"ix_{NAME}_{'_'.join(columns)}", NAME, columns)
