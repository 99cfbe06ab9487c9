"""The tables of the directory. A change here needs a revision in `migrations/versions`.

Only what SQLite, PostgreSQL and CockroachDB have in common: text ids, no arrays, no
partial indexes, no triggers.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    true,
)

from chat4all.adapters.sql.column_types import Instant, Json

HEAD = "0011"
"""The newest revision in `migrations/versions`; a database that has it needs no Alembic."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


users = Table(
    "users",
    metadata,
    Column("id", String(), primary_key=True),
    Column("kind", String(), nullable=False),
    Column("username", String()),
    Column("username_key", String()),
    Column("display_name", String(), nullable=False),
    Column("email", String()),
    Column("owner_id", String()),
    Column("admin", Boolean(), nullable=False),
    Column("preferred_channel", String()),
    Column("secret_hash", String()),
    Column("search_key", String(), nullable=False),
    # A removed user stays as an empty row, so that the id is never given out again.
    Column("removed", Boolean(), nullable=False),
    Column("created_at", Instant(), nullable=False),
    Column("last_seen_at", Instant()),
    # The contact that this one is the same person as; never one that is merged itself.
    Column("merged_into", String(), index=True),
    UniqueConstraint("username_key"),
    Index(None, "owner_id", "id"),
)

channels = Table(
    "user_channels",
    metadata,
    Column("id", String(), primary_key=True),
    Column("user_id", String(), ForeignKey("users.id"), nullable=False, index=True),
    Column("platform", String(), nullable=False),
    # "" for any account: a unique index does not count NULL as equal to NULL.
    Column("account_id", String(), nullable=False),
    Column("external_id", String(), nullable=False),
    Column("linked_at", Instant(), nullable=False),
    Column("reachable", Boolean(), nullable=False, server_default=true()),
    UniqueConstraint("platform", "external_id", "account_id"),
)

contact_merges = Table(
    "contact_merges",
    metadata,
    Column("id", String(), primary_key=True),
    Column("owner_id", String(), nullable=False),
    Column("kept_id", String(), nullable=False),
    Column("display_name", String(), nullable=False),
    Column("preferred_channel", String()),
    # Each contact of the person as it was, the kept one first; empty once it was deleted.
    Column("before", Json(), nullable=False),
    Column("at", Instant(), nullable=False),
    Column("undone_at", Instant()),
    Index(None, "owner_id", "id"),
    Index(None, "kept_id", "id"),
)

conversations = Table(
    "conversations",
    metadata,
    Column("id", String(), primary_key=True),
    Column("type", String(), nullable=False),
    Column("name", String()),
    Column("created_by", String(), nullable=False),
    Column("created_at", Instant(), nullable=False),
    Column("metadata", Json(), nullable=False),
    # Both members of a private conversation, sorted; NULL for a group.
    Column("pair", String()),
    UniqueConstraint("pair"),
)

members = Table(
    "conversation_members",
    metadata,
    Column("conversation_id", String(), ForeignKey("conversations.id", ondelete="CASCADE")),
    Column("user_id", String(), ForeignKey("users.id")),
    Column("role", String(), nullable=False),
    Column("joined_at", Instant(), nullable=False),
    Column("archived", Boolean(), nullable=False),
    PrimaryKeyConstraint("conversation_id", "user_id"),
    Index(None, "user_id", "conversation_id"),
)

accounts = Table(
    "connectors",
    metadata,
    Column("id", String(), primary_key=True),
    Column("platform", String(), nullable=False),
    Column("owner_id", String(), nullable=False),
    Column("name", String(), nullable=False),
    Column("status", String(), nullable=False),
    Column("config", Json(), nullable=False),
    Column("poll_offset", String()),
    Column("created_at", Instant(), nullable=False),
    Column("updated_at", Instant(), nullable=False),
)

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("token_hash", String(), primary_key=True),
    Column("family", String(), nullable=False, index=True),
    Column("user_id", String(), nullable=False),
    Column("scope", String(), nullable=False),
    Column("used", Boolean(), nullable=False),
    Column("expires_at", Instant(), nullable=False, index=True),
)

revocations = Table(
    "revocations",
    metadata,
    Column("subject", String(), primary_key=True),
    Column("until", Instant(), nullable=False, index=True),
)

keys = Table(
    "global_keys",
    metadata,
    Column("name", String(), primary_key=True),
    Column("value", String(), nullable=False),
)

link_codes = Table(
    "link_codes",
    metadata,
    Column("code", String(), primary_key=True),
    Column("user_id", String(), nullable=False),
    Column("platform", String(), nullable=False),
    Column("expires_at", Instant(), nullable=False, index=True),
)

routes = Table(
    "chat_routes",
    metadata,
    Column("platform", String()),
    Column("account_id", String()),
    Column("address", String()),
    Column("conversation_id", String(), nullable=False),
    PrimaryKeyConstraint("platform", "account_id", "address"),
)

last_inbound = Table(
    "chat_last_inbound",
    metadata,
    Column("platform", String()),
    Column("account_id", String()),
    Column("address", String()),
    Column("at", Instant(), nullable=False),
    PrimaryKeyConstraint("platform", "account_id", "address"),
)

failovers = Table(
    "failovers",
    metadata,
    Column("message_id", String()),
    Column("user_id", String()),
    Column("conversation_id", String(), nullable=False),
    Column("channels", Json(), nullable=False),
    Column("deliver_within", Float()),
    Column("read_within", Float()),
    Column("due_at", Instant(), index=True),
    Column("expires_at", Instant(), nullable=False, index=True),
    PrimaryKeyConstraint("message_id", "user_id"),
)

group_chats = Table(
    "group_chats",
    metadata,
    Column("platform", String()),
    Column("account_id", String()),
    Column("address", String()),
    Column("conversation_id", String(), nullable=False, index=True),
    Column("title", String(), nullable=False),
    Column("titled_at", Instant(), nullable=False),
    Column("titled_number", BigInteger(), nullable=False),
    Column("present", Boolean(), nullable=False),
    Column("present_at", Instant(), nullable=False),
    Column("present_number", BigInteger(), nullable=False),
    # The address of the group from then on; the row stays for what still names the old one.
    Column("moved_to", String()),
    PrimaryKeyConstraint("platform", "account_id", "address"),
)

group_people = Table(
    "group_people",
    metadata,
    Column("platform", String()),
    Column("account_id", String()),
    Column("address", String()),
    Column("person", String()),
    Column("user_id", String()),
    Column("here", Boolean(), nullable=False),
    Column("at", Instant(), nullable=False),
    Column("number", BigInteger(), nullable=False),
    PrimaryKeyConstraint("platform", "account_id", "address", "person"),
)

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column("id", String(), primary_key=True),
    Column("owner_id", String(), nullable=False, index=True),
    Column("url", String(), nullable=False),
    Column("description", String(), nullable=False),
    Column("events", Json(), nullable=False),
    Column("ordered", Boolean(), nullable=False),
    Column("secrets", Json(), nullable=False),
    # Why it is told nothing; "" for one that is enabled.
    Column("disabled", String(), nullable=False, index=True),
    Column("failing_since", Instant()),
    Column("resting_until", Instant()),
    Column("created_at", Instant(), nullable=False),
    Column("updated_at", Instant(), nullable=False),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", String(), primary_key=True),
    Column(
        "endpoint_id",
        String(),
        ForeignKey("webhook_endpoints.id", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("event_id", String(), nullable=False),
    Column("type", String(), nullable=False),
    Column("lane", String(), nullable=False),
    Column("place", String(), nullable=False),
    Column("body", String(), nullable=False),
    Column("state", String(), nullable=False),
    Column("attempts", Integer(), nullable=False),
    Column("tries", Json(), nullable=False),
    Column("first_at", Instant()),
    # Only the first pending one of a lane has a time.
    Column("next_at", Instant(), index=True),
    Column("created_at", Instant(), nullable=False, index=True),
    Column("trace", String(), nullable=False, server_default=""),
    UniqueConstraint("endpoint_id", "event_id"),
    Index(None, "endpoint_id", "id"),
    Index(None, "state", "endpoint_id"),
    Index("ix_webhook_deliveries_lane", "endpoint_id", "lane", "state", "place"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(), primary_key=True),
    Column("account_id", String(), nullable=False, index=True),
    Column("secret_hash", String(), nullable=False, unique=True),
    Column("hint", String(), nullable=False),
    Column("name", String(), nullable=False),
    Column("scopes", Json(), nullable=False),
    Column("per_minute", Integer(), nullable=False),
    Column("created_by", String(), nullable=False),
    Column("created_at", Instant(), nullable=False),
    Column("expires_at", Instant()),
    Column("used_at", Instant()),
    Column("revoked_at", Instant()),
)

delegations = Table(
    "delegations",
    metadata,
    Column("user_id", String()),
    Column("account_id", String()),
    Column("created_at", Instant(), nullable=False),
    PrimaryKeyConstraint("user_id", "account_id"),
)

delegated_acts = Table(
    "delegated_acts",
    metadata,
    Column("id", String(), primary_key=True),
    Column("account_id", String(), nullable=False),
    Column("key_id", String(), nullable=False),
    Column("user_id", String(), nullable=False),
    Column("what", String(), nullable=False),
    Column("at", Instant(), nullable=False),
    Index(None, "user_id", "id"),
    Index(None, "account_id", "id"),
)

push_subscriptions = Table(
    "push_subscriptions",
    metadata,
    Column("id", String(), primary_key=True),
    Column("user_id", String(), nullable=False, index=True),
    Column("endpoint", String(), nullable=False),
    Column("keys", Json(), nullable=False),
    Column("device", String(), nullable=False),
    Column("preferences", Json(), nullable=False),
    Column("created_at", Instant(), nullable=False),
    Column("updated_at", Instant(), nullable=False),
    Column("kind", String(), nullable=False, server_default="web"),
    Column("registered_at", Instant()),
)

push_notices = Table(
    "push_notices",
    metadata,
    Column("subscription_id", String(), ForeignKey("push_subscriptions.id", ondelete="CASCADE")),
    Column("conversation_id", String()),
    Column("user_id", String(), nullable=False),
    Column("message_id", String(), nullable=False),
    Column("seq", BigInteger(), nullable=False),
    Column("trace", String(), nullable=False),
    Column("attempts", Integer(), nullable=False),
    Column("next_at", Instant(), nullable=False, index=True),
    Column("created_at", Instant(), nullable=False),
    PrimaryKeyConstraint("subscription_id", "conversation_id"),
)

scheduled_messages = Table(
    "scheduled_messages",
    metadata,
    Column("message_id", String(), primary_key=True),
    Column("sender", String(), nullable=False),
    Column("actor", String()),
    Column("conversation_id", String(), nullable=False),
    Column("draft", String(), nullable=False),
    Column("send_at", Instant(), nullable=False),
    Column("zone", String()),
    Column("digest", String(), nullable=False),
    Column("state", String(), nullable=False),
    Column("version", Integer(), nullable=False),
    Column("created_at", Instant(), nullable=False),
    Column("updated_at", Instant(), nullable=False),
    Column("first_at", Instant()),
    Column("sent_at", Instant()),
    # Only what waits has one.
    Column("due_at", Instant(), index=True),
    Column("error_code", String()),
    Column("error_text", String()),
    Index(None, "state", "updated_at"),
    Index(None, "sender", "state", "send_at", "message_id"),
    Index(None, "sender", "send_at", "message_id"),
)

# Alembic makes the same table when it runs; it stands apart because no revision owns it.
version_metadata = MetaData()
versions = Table(
    "alembic_version",
    version_metadata,
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
