"""Events other than MessageAdded as documents of `changes`, and back."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from chat4all.adapters.mongodb.schema import Document
from chat4all.domain.events import (
    ConversationChanged,
    CursorMoved,
    Event,
    MessageDeleted,
    MessageEdited,
    ReactionChanged,
    StatusChanged,
    message_concerned,
)

CURSOR_MOVED = "cursor_moved"
_KINDS: dict[type[Event], str] = {
    MessageEdited: "message_edited",
    MessageDeleted: "message_deleted",
    ReactionChanged: "reaction_changed",
    CursorMoved: CURSOR_MOVED,
    StatusChanged: "status_changed",
    ConversationChanged: "conversation_changed",
}
_encode = msgspec.json.Encoder().encode
_DECODERS: dict[str, Callable[[str], Event]] = {
    kind: msgspec.json.Decoder(event).decode for event, kind in _KINDS.items()
}


def event_document(event: Event) -> Document:
    """Return an event to insert; its place in the log tells it from every other."""
    return {
        "conversation_id": event.conversation_id,
        "partition": event.position.partition,
        "offset": event.position.offset,
        "kind": _KINDS[type(event)],
        "message_id": message_concerned(event),
        "body": _encode(event).decode(),
    }


def event_of(found: Document) -> Event:
    """Return the event of a document."""
    return _DECODERS[found["kind"]](found["body"])
