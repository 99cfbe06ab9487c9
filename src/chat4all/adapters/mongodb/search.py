"""Finding messages by words: an index on every word of every message.

MongoDB finds the candidates; what stands together in the query (`well-known`) has to stand
together in the message, which is looked up in its text.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from chat4all.adapters.mongodb.applying import MongoApplying
from chat4all.adapters.mongodb.documents import message_of, ticks
from chat4all.adapters.mongodb.schema import Document
from chat4all.domain.ids import ConversationId, MessageId, UserId
from chat4all.domain.messages import Message
from chat4all.domain.words import holds, tokens

_NEWEST_FIRST = [("created_at", -1), ("message_id", -1)]
_LAST_CHARACTER = "\U0010ffff"


class MongoSearch(MongoApplying):
    """SupportsSearch."""

    async def search(
        self,
        words: str,
        *,
        conversations: Collection[ConversationId],
        viewer: UserId,
        since: datetime | None = None,
        until: datetime | None = None,
        before: tuple[datetime, MessageId] | None = None,
        limit: int,
    ) -> Sequence[Message]:
        """Return the messages that hold every word; see the port."""
        wanted = tokens(words)
        if not wanted or not conversations or limit <= 0:
            return []
        asked: Document = {
            "conversation_id": {"$in": list(dict.fromkeys(conversations))},
            "hidden_from": {"$ne": viewer},
            "$and": [*_holding(wanted), *_between(since, until, before)],
        }
        messages: list[Message] = []
        async with self._reading() as db:
            found = db["messages"].find(asked).sort(_NEWEST_FIRST).allow_disk_use(True)  # noqa: FBT003 - the driver's name says it
            if all(len(tokens(word)) <= 1 for word in words.split()):
                found = found.limit(limit)  # nothing has to stand together: all of them hold
            async for one in found:
                message = message_of(one)
                if message.payload is not None and holds(message.payload.words, words):
                    messages.append(message)
                if len(messages) == limit:
                    break
        return messages


def _holding(wanted: Sequence[str]) -> list[Document]:
    """Return the conditions for whole words, and for the last one as a prefix."""
    *whole, last = wanted
    begins = {"$gte": last, "$lt": last + _LAST_CHARACTER}
    return [*({"words": word} for word in dict.fromkeys(whole)), {"words": {"$elemMatch": begins}}]


def _between(
    since: datetime | None, until: datetime | None, before: tuple[datetime, MessageId] | None
) -> list[Document]:
    """Return the conditions on time and place in the order of the answer."""
    found: list[Document] = []
    if since is not None:
        found.append({"created_at": {"$gte": ticks(since)}})
    if until is not None:
        found.append({"created_at": {"$lt": ticks(until)}})
    if before is not None:
        at, message = ticks(before[0]), before[1]
        earlier = {"created_at": at, "message_id": {"$lt": message}}
        found.append({"$or": [{"created_at": {"$lt": at}}, earlier]})
    return found
