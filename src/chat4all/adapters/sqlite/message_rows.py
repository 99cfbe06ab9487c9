"""Messages, cursors and statuses as rows, and back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any

import msgspec

from chat4all.domain.events import Position
from chat4all.domain.ids import ConversationId, MessageId, UserId
from chat4all.domain.messages import Cursor, Message
from chat4all.domain.payload import Payload, PayloadType
from chat4all.domain.status import Failure, Status, StatusEntry
from chat4all.ports.message_store import Kept, NewMessage

Row = tuple[Any, ...]
Keys = Mapping[str, int]

MESSAGE = "m.id, c.id, m.seq, s.id, m.channel, m.words, m.created_at, m.extras"
"""The columns of `message_of`."""
KEPT = f"{MESSAGE}, m.digest, m.partition, m.offset"
"""The columns of `kept_of`."""
NAMES = "CROSS JOIN identity c ON c.key = m.conversation CROSS JOIN identity s ON s.key = m.sender"
"""What `MESSAGE` needs beside `message m`."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = 86_400_000_000
_UUID_LENGTH = 36
_UUID_BYTES = 16


class _Extras(msgspec.Struct, omit_defaults=True):
    """What most messages do not have. `payload` is unset when `words` is all of it."""

    to: tuple[UserId, ...] | None = None
    reply_to: MessageId | None = None
    metadata: dict[str, Any] = {}
    edited_at: datetime | None = None
    deleted_at: datetime | None = None
    reactions: dict[str, tuple[UserId, ...]] = {}
    payload: Payload | msgspec.UnsetType | None = msgspec.UNSET


_encode = msgspec.json.Encoder().encode
_extras_of = msgspec.json.Decoder(_Extras).decode
_failure_of = msgspec.json.Decoder(Failure).decode
_rare = attrgetter("to", "reply_to", "edited_at", "deleted_at")
_NO_RARE = (None,) * 4
_beside_text = attrgetter("file_id", "caption", "latitude", "longitude", "name", "phone", "email")
_ONLY_TEXT = (None,) * 7


def packed(uuid: str) -> bytes | str:
    """Return the 16 bytes of a UUID in its usual form; any other id stays as it is."""
    if len(uuid) != _UUID_LENGTH:
        return uuid
    digits = uuid.replace("-", "")
    try:
        raw = bytes.fromhex(digits)
    except ValueError:
        return uuid
    # What comes back has to be the same text: lower case, and dashes where they belong.
    usual = raw.hex() == digits and uuid[8] == uuid[13] == uuid[18] == uuid[23] == "-"
    return raw if usual and len(raw) == _UUID_BYTES else uuid


def unpacked(raw: bytes | str) -> str:
    """Return the id that `packed` was given."""
    if isinstance(raw, str):
        return raw
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def ticks(at: datetime) -> int:
    """Return microseconds since 1970."""
    since = at - _EPOCH
    return since.days * _DAY + since.seconds * 1_000_000 + since.microseconds


def time_of(microseconds: int) -> datetime:
    """Return the aware time that `ticks` was given."""
    return _EPOCH + timedelta(microseconds=microseconds)


def content(message: Message) -> tuple[str | None, bytes | None]:
    """Return `words` and `extras`: all of a message that an edit may change."""
    payload = message.payload
    plain = (
        payload is not None
        and payload.type is PayloadType.TEXT
        and payload.text is not None
        and message.deleted_at is None
        and _beside_text(payload) == _ONLY_TEXT
    )
    if (
        plain
        and payload is not None
        and not message.metadata
        and not message.reactions
        and _rare(message) == _NO_RARE
    ):
        return payload.text, None
    words = None if payload is None or message.deleted_at is not None else payload.words
    extras = _Extras(
        to=message.to,
        reply_to=message.reply_to,
        metadata=dict(message.metadata),
        edited_at=message.edited_at,
        deleted_at=message.deleted_at,
        reactions=dict(message.reactions),
        payload=msgspec.UNSET if plain else payload,
    )
    return words, _encode(extras)


def message_row(new: NewMessage, keys: Keys) -> Row:
    """Return the columns of `message` after its key."""
    message = new.message
    position = new.position
    words, extras = content(message)
    return (
        keys[message.conversation_id],
        message.seq,
        packed(message.message_id),
        keys[message.sender],
        message.channel,
        words,
        ticks(message.created_at),
        position.partition,
        position.offset,
        new.digest,
        extras,
    )


def message_of(row: Row) -> Message:
    """Return the message in the columns `MESSAGE`."""
    raw_id, conversation, seq, sender, channel, words, created_at, raw = row[:8]
    extras = _NOTHING if raw is None else _extras_of(raw)
    payload = extras.payload
    if payload is msgspec.UNSET:
        payload = Payload(type=PayloadType.TEXT, text=words)
    return Message(
        message_id=MessageId(unpacked(raw_id)),
        conversation_id=conversation,
        seq=seq,
        sender=sender,
        channel=channel,
        payload=payload,
        created_at=time_of(created_at),
        to=extras.to,
        reply_to=extras.reply_to,
        metadata=extras.metadata if raw is not None else {},
        edited_at=extras.edited_at,
        deleted_at=extras.deleted_at,
        reactions=extras.reactions if raw is not None else {},
    )


_NOTHING = _Extras()


def content_times(raw: bytes | None) -> tuple[datetime | None, datetime | None]:
    """Return when the message with these `extras` was edited and deleted."""
    extras = _NOTHING if raw is None else _extras_of(raw)
    return extras.edited_at, extras.deleted_at


def kept_of(row: Row) -> Kept:
    """Return the stored message in the columns `KEPT`."""
    return Kept(message_of(row), row[8], Position(row[9], row[10]))


def cursor_row(cursor: Cursor, keys: Keys) -> Row:
    """Return the columns of `cursor`."""
    return (
        keys[cursor.conversation_id],
        keys[cursor.user_id],
        cursor.last_delivered_seq,
        cursor.last_read_seq,
        None if cursor.updated_at is None else ticks(cursor.updated_at),
    )


def cursor_of(row: Row) -> Cursor:
    """Return the cursor in (conversation id, user id, delivered, read, updated_at)."""
    conversation, user, delivered, read, updated_at = row
    return Cursor(
        conversation_id=ConversationId(conversation),
        user_id=UserId(user),
        last_delivered_seq=delivered,
        last_read_seq=read,
        updated_at=None if updated_at is None else time_of(updated_at),
    )


def status_row(entry: StatusEntry, keys: Keys) -> Row:
    """Return the columns of `status` after its key."""
    return (
        packed(entry.message_id),
        keys[entry.conversation_id],
        keys[entry.user_id],
        entry.channel,
        int(entry.status),
        ticks(entry.at),
        entry.account_id,
        entry.address,
        entry.external_id,
        None if entry.error is None else _encode(entry.error),
        entry.note,
    )


def status_of(row: Row) -> StatusEntry:
    """Return the entry in the columns of `status`, with the ids in place of the keys."""
    message, conversation, user, channel, status, at, account, address, external_id, *rest = row
    error, note = rest
    return StatusEntry(
        message_id=MessageId(unpacked(message)),
        conversation_id=ConversationId(conversation),
        user_id=UserId(user),
        channel=channel,
        status=Status(status),
        at=time_of(at),
        account_id=account,
        address=address,
        external_id=external_id,
        error=None if error is None else _failure_of(error),
        note=note,
    )
