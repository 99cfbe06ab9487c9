"""Contacts that are one person."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

TIME = sa.DateTime(timezone=True)
NAME = "contact_merges"


def upgrade() -> None:
    """Make the column and the table."""
    op.add_column("users", sa.Column("merged_into", sa.String()))
    op.create_index("ix_users_merged_into", "users", ["merged_into"])
    op.create_table(
        NAME,
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("kept_id", sa.String(), nullable=False),
        sa.Column("display_name", sa.String(), nullable=False),
        sa.Column("preferred_channel", sa.String()),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("undone_at", TIME),
        sa.PrimaryKeyConstraint("id", name="pk_contact_merges"),
    )
    op.create_index("ix_contact_merges_owner_id_id", NAME, ["owner_id", "id"])
    op.create_index("ix_contact_merges_kept_id_id", NAME, ["kept_id", "id"])
