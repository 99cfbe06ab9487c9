"""Events other than MessageAdded as rows of the journal, and back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec

from chat4all.adapters.sqlite.message_rows import Keys, Row, packed, ticks, time_of
from chat4all.domain.events import (
    ConversationChanged,
    CursorMoved,
    Event,
    MessageDeleted,
    MessageEdited,
    Position,
    ReactionChanged,
    StatusChanged,
    message_concerned,
)
from chat4all.domain.ids import ConversationId, UserId
from chat4all.domain.messages import Cursor

CURSOR_MOVED = 4
_KINDS: dict[type[Event], int] = {
    MessageEdited: 1,
    MessageDeleted: 2,
    ReactionChanged: 3,
    CursorMoved: CURSOR_MOVED,
    StatusChanged: 5,
    ConversationChanged: 6,
}
_encode = msgspec.json.Encoder().encode
_DECODERS: dict[int, Callable[[bytes], Event]] = {
    kind: msgspec.json.Decoder(event).decode
    for event, kind in _KINDS.items()
    if event is not CursorMoved
}
_Moved = tuple[str, int, int, int | None, int, int, int | None]
_moved = msgspec.json.Decoder(_Moved).decode


def journal_row(event: Event, keys: Keys) -> Row:
    """Return the columns of `journal`."""
    message = message_concerned(event)
    return (
        keys[event.conversation_id],
        event.position.partition,
        event.position.offset,
        _KINDS[type(event)],
        None if message is None else packed(message),
        # There are more of these than of all others: they are kept short.
        _short(event) if isinstance(event, CursorMoved) else _encode(event),
    )


def event_of(row: Row) -> Event:
    """Return the event in (conversation id, partition, offset, kind, body)."""
    conversation, partition, offset, kind, body = row
    if kind != CURSOR_MOVED:
        return _DECODERS[kind](body)
    user, *numbers = _moved(body)
    before, after = (
        Cursor(
            conversation_id=ConversationId(conversation),
            user_id=UserId(user),
            last_delivered_seq=delivered or 0,
            last_read_seq=read or 0,
            updated_at=None if at is None else time_of(at),
        )
        for delivered, read, at in (numbers[:3], numbers[3:])
    )
    return CursorMoved(position=Position(partition, offset), before=before, after=after)


def _short(event: CursorMoved) -> bytes:
    before, after = event.before, event.after
    return _encode(
        (
            after.user_id,
            before.last_delivered_seq,
            before.last_read_seq,
            _ticks(before.updated_at),
            after.last_delivered_seq,
            after.last_read_seq,
            _ticks(after.updated_at),
        )
    )


def _ticks(at: datetime | None) -> int | None:
    return None if at is None else ticks(at)
