"""Effects as one document, which says all that is to be done and survives who began it."""

from __future__ import annotations

from collections.abc import Collection

from chat4all.adapters.mongodb.documents import (
    content,
    cursor_document,
    message_document,
    status_document,
)
from chat4all.adapters.mongodb.journal import event_document
from chat4all.adapters.mongodb.schema import Document
from chat4all.domain.events import Event, Position, message_concerned
from chat4all.domain.ids import MessageId, new_id
from chat4all.domain.messages import Message
from chat4all.ports.message_store import Effects


def batch_of(effects: Effects) -> Document | None:
    """Return the document of `effects`; None when there is nothing to do.

    `partitions` is what it holds while it is carried out: nobody else writes there. Effects
    without a place in the log hold nothing.
    """
    last = _last([*(new.position for new in effects.added), *(e.position for e in effects.journal)])
    name = new_id()
    changed = _changes(effects.changed, effects.journal)
    done = {
        "messages": [
            message_document(new)
            for new in sorted(
                effects.added, key=lambda one: (one.message.conversation_id, one.message.seq)
            )
        ],
        "contents": changed,
        "hidden": [{"message_id": message, "user_id": user} for message, user in effects.hidden],
        "cursors": [cursor_document(cursor) for cursor in effects.cursors],
        "statuses": [status_document(entry) for entry in effects.statuses],
        "changes": [event_document(event) for event in effects.journal],
    }
    if not any(done.values()):
        return None
    return {
        "_id": name,
        "partitions": sorted(last) or [name],
        "applied": [{"partition": partition, "offset": last[partition]} for partition in last],
        **done,
    }


def _last(positions: Collection[Position]) -> dict[int, int]:
    last: dict[int, int] = {}
    for at in positions:
        last[at.partition] = max(at.offset, last.get(at.partition, at.offset))
    return last


def _changes(changed: Collection[Message], journal: Collection[Event]) -> list[Document]:
    """Return what to set of each message, with the place of the last event that says so."""
    places: dict[MessageId, Position] = {}
    for event in journal:
        concerned = message_concerned(event)
        if concerned is not None:
            places[concerned] = max(event.position, places.get(concerned, event.position))
    found = []
    for message in changed:
        at = places.get(message.message_id)
        found.append(
            {
                "conversation_id": message.conversation_id,
                "message_id": message.message_id,
                "at": None if at is None else {"partition": at.partition, "offset": at.offset},
                "set": content(message),
            }
        )
    return found
