"""A message as a conversation keeps it, and the cursors of its members."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chat4all.domain.ids import ConversationId, MessageId, UserId
from chat4all.domain.payload import Payload

APP = "app"
"""The channel of our own clients: REST, WebSocket, gRPC and the web client."""
IMPORTED = "import"
"""The channel of messages that were brought in from another program's history."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message with its place `seq` (1, 2, 3 ...) in its conversation.

    `payload` is None once it was deleted for everyone. `channel` is the one it came in by.
    `to` names the recipients when they are not all other members. `reactions` maps an
    emoji to the users who gave it, in the order given.
    """

    message_id: MessageId
    conversation_id: ConversationId
    seq: int
    sender: UserId
    channel: str
    payload: Payload | None
    created_at: datetime
    to: tuple[UserId, ...] | None = None
    reply_to: MessageId | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    edited_at: datetime | None = None
    deleted_at: datetime | None = None
    reactions: Mapping[str, tuple[UserId, ...]] = field(default_factory=dict)

    def is_for(self, user: UserId) -> bool:
        """Say whether `user`, a member of the conversation, may read this message."""
        return self.to is None or user == self.sender or user in self.to

    @property
    def readers(self) -> tuple[UserId, ...] | None:
        """Return who may read it; None when every member may."""
        return None if self.to is None else (self.sender, *self.to)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """How far one member got: `last_read_seq <= last_delivered_seq <= max(seq)`."""

    conversation_id: ConversationId
    user_id: UserId
    last_delivered_seq: int = 0
    last_read_seq: int = 0
    updated_at: datetime | None = None

    def moved(self, *, delivered: int, read: int, max_seq: int, at: datetime) -> Cursor:
        """Return this cursor moved forward, never back and never past `max_seq`.

        Reading implies delivery. Returns an equal cursor when nothing moves.
        """
        new_read = max(self.last_read_seq, min(read, max_seq))
        new_delivered = max(self.last_delivered_seq, min(delivered, max_seq), new_read)
        if (new_delivered, new_read) == (self.last_delivered_seq, self.last_read_seq):
            return self
        return Cursor(
            conversation_id=self.conversation_id,
            user_id=self.user_id,
            last_delivered_seq=new_delivered,
            last_read_seq=new_read,
            updated_at=at,
        )
