"""Groups of platforms, who is in them, and who can be written to."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the two tables; everybody known so far has a chat of their own."""
    # SQLite cannot add a column where it belongs; there the table is copied.
    with op.batch_alter_table("user_channels") as table:
        table.add_column(
            sa.Column("reachable", sa.Boolean(), nullable=False, server_default=sa.true())
        )
    op.create_table(
        "group_chats",
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("conversation_id", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("titled_at", TIME, nullable=False),
        sa.Column("titled_number", sa.BigInteger(), nullable=False),
        sa.Column("present", sa.Boolean(), nullable=False),
        sa.Column("present_at", TIME, nullable=False),
        sa.Column("present_number", sa.BigInteger(), nullable=False),
        sa.Column("moved_to", sa.String()),
        sa.PrimaryKeyConstraint("platform", "account_id", "address", name="pk_group_chats"),
    )
    op.create_index("ix_group_chats_conversation_id", "group_chats", ["conversation_id"])
    op.create_table(
        "group_people",
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("user_id", sa.String()),
        sa.Column("here", sa.Boolean(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "platform", "account_id", "address", "person", name="pk_group_people"
        ),
    )
