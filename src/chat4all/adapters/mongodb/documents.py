"""Messages, cursors and statuses as documents, and back.

What is asked for stands in fields of its own; of a message all the rest is `body`, the JSON
of `_Body`, so that any text and any metadata comes back as it was. Times are microseconds
since 1970 in UTC: BSON's own have milliseconds. Fields without a value are left out.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from bson import ObjectId

from chat4all.adapters.mongodb.schema import Document
from chat4all.domain.events import Position
from chat4all.domain.ids import ConversationId, MessageId, UserId, new_id
from chat4all.domain.messages import Cursor, Message
from chat4all.domain.payload import Payload
from chat4all.domain.status import Failure, Status, StatusEntry
from chat4all.domain.words import tokens
from chat4all.ports.message_store import Kept, NewMessage

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_encode = msgspec.json.Encoder().encode
_failure_of = msgspec.json.Decoder(Failure).decode
_RARE = ("account_id", "address", "external_id", "note")


class _Body(msgspec.Struct, omit_defaults=True):
    payload: Payload | None = None
    to: tuple[UserId, ...] | None = None
    reply_to: MessageId | None = None
    metadata: dict[str, Any] = {}
    edited_at: datetime | None = None
    deleted_at: datetime | None = None
    reactions: dict[str, tuple[UserId, ...]] = {}


_body_of = msgspec.json.Decoder(_Body).decode


def ticks(at: datetime) -> int:
    """Return microseconds since 1970."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def time_of(microseconds: int) -> datetime:
    """Return the aware time that `ticks` was given."""
    return _EPOCH + timedelta(microseconds=microseconds)


def content(message: Message) -> Document:
    """Return the fields that an edit, a deletion or a reaction may change."""
    payload = message.payload
    shown = payload is not None and message.deleted_at is None
    body = _Body(
        payload=payload,
        to=message.to,
        reply_to=message.reply_to,
        metadata=dict(message.metadata),
        edited_at=message.edited_at,
        deleted_at=message.deleted_at,
        reactions=dict(message.reactions),
    )
    return {
        "words": sorted(set(tokens(payload.words))) if payload is not None and shown else [],
        "body": _encode(body).decode(),
    }


def message_document(new: NewMessage) -> Document:
    """Return a message to insert."""
    message = new.message
    return {
        "_id": ObjectId(),
        "conversation_id": message.conversation_id,
        "seq": message.seq,
        "message_id": message.message_id,
        "sender": message.sender,
        "channel": message.channel,
        "created_at": ticks(message.created_at),
        "partition": new.position.partition,
        "offset": new.position.offset,
        "digest": new.digest,
        **content(message),
    }


def message_of(found: Document) -> Message:
    """Return the message of a document of `messages`."""
    body = _body_of(found["body"])
    return Message(
        message_id=found["message_id"],
        conversation_id=found["conversation_id"],
        seq=found["seq"],
        sender=found["sender"],
        channel=found["channel"],
        payload=body.payload,
        created_at=time_of(found["created_at"]),
        to=body.to,
        reply_to=body.reply_to,
        metadata=body.metadata,
        edited_at=body.edited_at,
        deleted_at=body.deleted_at,
        reactions=body.reactions,
    )


def kept_of(found: Document) -> Kept:
    """Return a message with what its submission said besides."""
    return Kept(message_of(found), found["digest"], Position(found["partition"], found["offset"]))


def cursor_document(cursor: Cursor) -> Document:
    """Return a cursor to store."""
    at = cursor.updated_at
    return {
        "conversation_id": cursor.conversation_id,
        "user_id": cursor.user_id,
        "delivered": cursor.last_delivered_seq,
        "read": cursor.last_read_seq,
        **({} if at is None else {"updated_at": ticks(at)}),
    }


def cursor_of(found: Document) -> Cursor:
    """Return the cursor of a document."""
    at = found.get("updated_at")
    return Cursor(
        conversation_id=ConversationId(found["conversation_id"]),
        user_id=UserId(found["user_id"]),
        last_delivered_seq=found["delivered"],
        last_read_seq=found["read"],
        updated_at=None if at is None else time_of(at),
    )


def status_document(entry: StatusEntry) -> Document:
    """Return an entry to insert; it lacks the `number` that it gets when it is."""
    rare = {name: getattr(entry, name) for name in _RARE}
    if entry.error is not None:
        rare["error"] = _encode(entry.error).decode()
    return {
        "_id": new_id(),
        "message_id": entry.message_id,
        "conversation_id": entry.conversation_id,
        "user_id": entry.user_id,
        "channel": entry.channel,
        "status": int(entry.status),
        "at": ticks(entry.at),
        **{name: value for name, value in rare.items() if value is not None},
    }


def status_of(found: Document) -> StatusEntry:
    """Return the entry of a document."""
    error = found.get("error")
    return StatusEntry(
        message_id=found["message_id"],
        conversation_id=found["conversation_id"],
        user_id=found["user_id"],
        channel=found["channel"],
        status=Status(found["status"]),
        at=time_of(found["at"]),
        error=None if error is None else _failure_of(error),
        **{name: found.get(name) for name in _RARE},
    )
