"""How things look on every API: the JSON objects of messages, statuses and frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chat4all.domain.events import (
    ConversationChanged,
    Event,
    MessageAdded,
    MessageDeleted,
    MessageEdited,
    ReactionChanged,
    StatusChanged,
)
from chat4all.domain.ids import ConversationId, MessageId, UserId
from chat4all.domain.messages import Message
from chat4all.domain.status import Status, StatusEntry


def message_object(message: Message, status: Status) -> dict[str, Any]:
    """Return the Message object of the API."""
    return {
        "message_id": message.message_id,
        "conversation_id": message.conversation_id,
        "seq": message.seq,
        "from": message.sender,
        "channel": message.channel,
        "payload": message.payload.as_dict() if message.payload else None,
        "to": message.to,
        "reply_to": message.reply_to,
        "metadata": message.metadata,
        "status": status.word,
        "created_at": message.created_at,
        "edited_at": message.edited_at,
        "deleted_at": message.deleted_at,
        "reactions": [
            {"emoji": emoji, "user_ids": users} for emoji, users in message.reactions.items()
        ],
    }


def status_object(entry: StatusEntry) -> dict[str, Any]:
    """Return one line of a message's status or of its history."""
    error = entry.error and {
        "code": entry.error.code,
        "text": entry.error.text,
        "platform_error": entry.error.platform_error,
    }
    return {
        "user_id": entry.user_id,
        "channel": entry.channel,
        "status": entry.status.word,
        "at": entry.at,
        "external_id": entry.external_id,
        "error": error,
        "note": entry.note,
    }


@dataclass(frozen=True, slots=True)
class Covered:
    """A message that a cursor has just covered, and how far it took it."""

    message_id: MessageId
    seq: int
    sender: UserId
    status: Status
    to: tuple[UserId, ...] | None = None


def event_frame(event: Event, status: Status = Status.SENT) -> dict[str, Any] | None:
    """Return the WebSocket frame that tells members of `event`; None when it has none.

    It lacks the `cursor`, which is each client's own. `status` is how far the message of
    MessageAdded or MessageEdited has come. CursorMoved has one frame per message: see
    `covered_frame`.
    """
    if isinstance(event, MessageAdded):
        return {"type": "message", "message": message_object(event.message, status)}
    if isinstance(event, MessageEdited):
        return {"type": "edited", "message": message_object(event.message, status)}
    if isinstance(event, StatusChanged):
        return {
            "type": "status",
            "conversation_id": event.conversation_id,
            "message_id": event.entry.message_id,
            **status_object(event.entry),
        }
    return _other_frame(event)


def _other_frame(event: Event) -> dict[str, Any] | None:
    base = {"conversation_id": event.conversation_id}
    if isinstance(event, MessageDeleted):
        return {
            "type": "deleted",
            **base,
            "message_id": event.message_id,
            "seq": event.seq,
            "at": event.at,
        }
    if isinstance(event, ReactionChanged):
        return {
            "type": "reaction",
            **base,
            "message_id": event.message_id,
            "user_id": event.user_id,
            "emoji": event.emoji,
            "removed": event.removed,
        }
    if isinstance(event, ConversationChanged):
        return {
            "type": "conversation",
            **base,
            "change": event.change,
            "user_id": event.user_id,
            "at": event.at,
        }
    return None


def covered_frame(
    conversation: ConversationId, member: UserId, covered: Covered, at: datetime | None
) -> dict[str, Any]:
    """Return the status frame of one message that `member` has received or read in-app."""
    return {
        "type": "status",
        "conversation_id": conversation,
        "message_id": covered.message_id,
        "user_id": member,
        "channel": "app",
        "status": covered.status.word,
        "at": at,
    }


def read_frame(conversation: ConversationId, last_read_seq: int) -> dict[str, Any]:
    """Return the frame that tells a member's other devices what was read on one."""
    return {
        "type": "conversation",
        "conversation_id": conversation,
        "change": "read",
        "last_read_seq": last_read_seq,
    }


def page_object(items: Sequence[Mapping[str, Any]], following: str | None) -> dict[str, Any]:
    """Return one page of a list."""
    return {"items": items, "next": following}
