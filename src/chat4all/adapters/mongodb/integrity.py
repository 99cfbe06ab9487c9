"""Looking through what is stored, a piece at a time, while others write."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence

from chat4all.adapters.mongodb.applying import MongoApplying
from chat4all.adapters.mongodb.claims import conversations_of
from chat4all.adapters.mongodb.documents import cursor_of, status_of
from chat4all.adapters.mongodb.schema import Collection as Documents
from chat4all.adapters.mongodb.schema import Document
from chat4all.domain.ids import ConversationId, MessageId, UserId
from chat4all.domain.messages import Cursor
from chat4all.ports.integrity import Numbered, Reported

UNFINISHED = "unfinished copy"
"""The document of `schema` that is there until a copy is ended."""
NOTES = "auditor"
"""The one document of `audit`: how far the auditor is."""

_CONVERSATIONS: list[Document] = [
    {"$group": {"_id": "$conversation_id"}},
    {"$group": {"_id": None, "n": {"$sum": 1}}},
]


class MongoIntegrity(MongoApplying):
    """Integrity, AuditNotes, SupportsConversations and SupportsCopies over the database."""

    async def is_unfinished(self) -> bool:
        """Say whether a copy was begun; see the port."""
        async with self._reading() as db:
            return await db["schema"].find_one({"_id": UNFINISHED}) is not None

    async def set_unfinished(self, unfinished: bool) -> None:  # noqa: FBT001 - as in the port
        """Keep that a copy was begun, or ended; see the port."""
        mark = {"_id": UNFINISHED}
        async with self._reading() as db:
            if unfinished:
                await db["schema"].replace_one(mark, mark, upsert=True)
            else:
                await db["schema"].delete_one(mark)

    async def conversations(self) -> AsyncIterator[ConversationId]:
        """Yield all of which anything is kept; see the port."""
        async with self._reading() as db:
            found = [_names(db[name]) for name in ("messages", "changes", "cursors")]
            nexts = [await anext(names, None) for names in found]
            while (
                first := min((one for one in nexts if one is not None), default=None)
            ) is not None:
                yield ConversationId(first)
                for number, names in enumerate(found):
                    if nexts[number] == first:
                        nexts[number] = await anext(names, None)

    async def numbered(
        self, *, start: tuple[ConversationId, int] | None, limit: int
    ) -> Sequence[Numbered]:
        """Return messages by their places; see the port.

        A message gets its place after the one before it has its own, and an index is read
        forwards, so nothing that is on its way can look like a gap here.
        """
        async with self._reading() as db:
            found = await _from(db["messages"], "seq", start, limit, at="$gte")
        return [Numbered(one["conversation_id"], one["seq"], one["message_id"]) for one in found]

    async def repeated(self, messages: Collection[Numbered]) -> Mapping[MessageId, int]:
        """Return what is there more than once; see the port.

        In one conversation as the index has it; a message in another one than its id is
        claimed for is there twice, or in the wrong place.
        """
        ids: defaultdict[str, list[str]] = defaultdict(list)
        for one in messages:
            ids[one.conversation_id].append(one.message_id)
        if not ids:
            return {}
        async with self._reading() as db:
            claims = await conversations_of(db, {one.message_id for one in messages})
            for one in messages:
                claimed = claims.get(one.message_id, one.conversation_id)
                if claimed != one.conversation_id:
                    ids[claimed].append(one.message_id)
            places = [
                {"conversation_id": name, "message_id": {"$in": some}} for name, some in ids.items()
            ]
            found: Counter[MessageId] = Counter()
            async for one_more in db["messages"].find({"$or": places}, {"message_id": 1}):
                found[one_more["message_id"]] += 1
        return {name: count for name, count in found.items() if count > 1}

    async def cursors_after(
        self, *, member: tuple[ConversationId, UserId] | None, limit: int
    ) -> Sequence[Cursor]:
        """Return cursors in turn; see the port."""
        async with self._reading() as db:
            found = await _from(db["cursors"], "user_id", member, limit, at="$gt")
        return [cursor_of(one) for one in found]

    async def statuses_after(self, *, token: str, limit: int) -> Sequence[Reported]:
        """Return status entries in turn; see the port."""
        async with self._reading() as db:
            found = db["statuses"].find({"_id": {"$gt": token}}).sort("_id", 1).limit(limit)
            return [Reported(one["_id"], status_of(one)) async for one in found]

    async def read_notes(self) -> bytes | None:
        """Return what the auditor wrote last; see `AuditNotes`."""
        async with self._reading() as db:
            found = await db["audit"].find_one({"_id": NOTES})
        return None if found is None else str(found["body"]).encode()

    async def write_notes(self, notes: bytes) -> None:
        """Keep what the auditor knows; see `AuditNotes`."""
        kept = {"_id": NOTES, "body": notes.decode()}
        async with self._reading() as db:
            await db["audit"].replace_one({"_id": NOTES}, kept, upsert=True)

    async def counts(self) -> dict[str, int]:
        """Return how much there is; see the port."""
        async with self._reading() as db:
            found = await db["messages"].aggregate(_CONVERSATIONS, allowDiskUse=True)
            conversations = [one["n"] async for one in found]
            return {
                "conversations": sum(conversations),
                "messages": await db["messages"].count_documents({}),
                "cursors": await db["cursors"].count_documents({}),
                "statuses": await db["statuses"].count_documents({}),
            }


async def _names(collection: Documents) -> AsyncIterator[str]:
    """Yield the conversations of a collection in order."""
    asked: list[Document] = [{"$group": {"_id": "$conversation_id"}}, {"$sort": {"_id": 1}}]
    async for one in await collection.aggregate(asked, allowDiskUse=True):
        yield one["_id"]


async def _from(
    collection: Documents, field: str, start: tuple[str, object] | None, limit: int, *, at: str
) -> list[Document]:
    """Return documents by conversation and `field`: first the rest of one, then later ones."""
    found: list[Document] = []
    later: Document = {}
    if start is not None:
        rest = {"conversation_id": start[0], field: {at: start[1]}}
        found = [one async for one in collection.find(rest).sort(field, 1).limit(limit)]
        later = {"conversation_id": {"$gt": start[0]}}
    if len(found) < limit:
        order = [("conversation_id", 1), (field, 1)]
        more = collection.find(later).sort(order).limit(limit - len(found))
        found += [one async for one in more]
    return found
