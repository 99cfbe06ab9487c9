"""What happened in some conversations after some position of the log."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from chat4all.adapters.mongodb.documents import message_of
from chat4all.adapters.mongodb.journal import event_of
from chat4all.adapters.mongodb.schema import Database, Document
from chat4all.domain.events import Event, MessageAdded, Position
from chat4all.domain.ids import ConversationId

_LOG_ORDER = [("partition", 1), ("offset", 1)]


async def changes_after(
    db: Database,
    conversations: Collection[ConversationId],
    *,
    after: Mapping[int, int],
    limit: int,
) -> list[Event]:
    """Return the first `limit` events later than `after`, in log order.

    No further than whole batches are stored: who was told of a later place is never told
    of an earlier one again.
    """
    if limit <= 0 or not conversations:
        return []
    windows: list[Document] = [
        {"partition": one["_id"], "offset": {"$gt": seen, "$lte": one["offset"]}}
        async for one in db["partitions"].find()
        if one["offset"] > (seen := after.get(one["_id"], -1))
    ]
    if not windows:
        return []
    asked = {"conversation_id": {"$in": list(dict.fromkeys(conversations))}, "$or": windows}
    events: list[Event] = []
    async for one in db["messages"].find(asked).sort(_LOG_ORDER).limit(limit):
        at = Position(one["partition"], one["offset"])
        events.append(MessageAdded(position=at, message=message_of(one)))
    found = db["changes"].find(asked).sort(_LOG_ORDER).limit(limit)
    events.extend([event_of(one) async for one in found])
    return sorted(events, key=lambda event: event.position)[:limit]
