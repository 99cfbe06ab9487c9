"""What happens, as the WebSocket tells it: one type per kind of frame.

docs/reference/websocket.md; the tests hold these to what the server declares in
`/asyncapi.json`.
"""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import Struct

from chat4all.client.objects import Message, StatusError


class _Kept(Struct, frozen=True, kw_only=True, tag_field="type"):
    """What a client that was away is told later: `events(cursor)` goes on after it."""

    cursor: str


class MessageAdded(_Kept, frozen=True, kw_only=True, tag="message"):
    """Somebody, or oneself on any device, said something."""

    message: Message


class MessageEdited(_Kept, frozen=True, kw_only=True, tag="edited"):
    """A message has new content."""

    message: Message


class MessageDeleted(_Kept, frozen=True, kw_only=True, tag="deleted"):
    """A message was deleted, or hidden on another device of one's own."""

    conversation_id: str
    message_id: str
    seq: int
    at: datetime | None


class ReactionChanged(_Kept, frozen=True, kw_only=True, tag="reaction"):
    """Somebody gave an emoji, or took it back (`removed`)."""

    conversation_id: str
    message_id: str
    user_id: str
    emoji: str
    removed: bool


class StatusChanged(_Kept, frozen=True, kw_only=True, tag="status"):
    """One's message came further with one recipient on one channel, or failed there."""

    conversation_id: str
    message_id: str
    user_id: str
    channel: str
    status: str
    at: datetime | None
    external_id: str | None = None
    error: StatusError | None = None
    note: str | None = None


class ConversationChanged(_Kept, frozen=True, kw_only=True, tag="conversation"):
    """The conversation itself changed: read it again. `read`: oneself, on another device."""

    conversation_id: str
    change: str
    user_id: str | None = None
    at: datetime | None = None
    last_read_seq: int | None = None


class Typing(Struct, frozen=True, kw_only=True, tag_field="type", tag="typing"):
    """Somebody is writing. It is not kept."""

    conversation_id: str
    user_id: str


class PresenceChanged(Struct, frozen=True, kw_only=True, tag_field="type", tag="presence"):
    """Somebody came, went, or said what they are. It is not kept."""

    user_id: str
    status: str


Event = (
    MessageAdded
    | MessageEdited
    | MessageDeleted
    | ReactionChanged
    | StatusChanged
    | ConversationChanged
    | Typing
    | PresenceChanged
)
KINDS: dict[str, type[Event]] = {str(kind.__struct_config__.tag): kind for kind in Event.__args__}
_DECODER: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


def decode_event(frame: str | bytes) -> Event:
    """Return the event of a frame whose type is one of `KINDS`."""
    return _DECODER.decode(frame)
