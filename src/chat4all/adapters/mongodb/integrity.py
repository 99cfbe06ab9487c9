"""Looking through what is stored: what there is, and for broken promises, while others write."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from chat4all.adapters.mongodb.applying import MongoApplying
from chat4all.adapters.mongodb.heads import heads_of
from chat4all.adapters.mongodb.schema import Collection, Database, Document
from chat4all.domain.ids import ConversationId
from chat4all.ports.integrity import Finding

UNFINISHED = "unfinished copy"
"""The document of `schema` that is there until a copy is ended."""
AT_ONCE = 500  # cursors held at a time

# Different places from 1 on add up to this exactly when none is left out: n (n + 1) / 2.
_SUMS: list[Document] = [
    {"$group": {"_id": "$conversation_id", "n": {"$sum": 1}, "total": {"$sum": "$seq"}}}
]
_REPEATS: list[Document] = [
    {"$group": {"_id": "$message_id", "n": {"$sum": 1}}},
    {"$match": {"n": {"$gt": 1}}},
]
_CONVERSATIONS: list[Document] = [
    {"$group": {"_id": "$conversation_id"}},
    {"$group": {"_id": None, "n": {"$sum": 1}}},
]


class MongoIntegrity(MongoApplying):
    """Integrity, SupportsConversations and SupportsCopies over the database."""

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

    async def findings(self) -> AsyncIterator[Finding]:
        """Yield what is wrong; what changes meanwhile is looked at once more. See the port."""
        async with self._reading() as db:
            for check in (_gaps, _repeats, _mismatches):
                async for finding in check(db):
                    yield finding

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


async def _names(collection: Collection) -> AsyncIterator[str]:
    """Yield the conversations of a collection in order."""
    asked: list[Document] = [{"$group": {"_id": "$conversation_id"}}, {"$sort": {"_id": 1}}]
    async for one in await collection.aggregate(asked, allowDiskUse=True):
        yield one["_id"]


async def _gaps(db: Database) -> AsyncIterator[Finding]:
    async for one in await db["messages"].aggregate(_SUMS, allowDiskUse=True):
        if one["total"] != one["n"] * (one["n"] + 1) // 2:
            missing = await _first_missing(db["messages"], one["_id"])
            if missing is not None:
                yield Finding(
                    check="sequence_gap",
                    conversation_id=ConversationId(one["_id"]),
                    detail=f"seq {missing} is missing or given twice",
                )


async def _first_missing(messages: Collection, conversation: str) -> int | None:
    """Return where the places of a conversation leave off counting, in their order.

    A message gets its place after the one before it has its own, so nothing that is on its
    way can look like a gap here.
    """
    expected = 1
    async for one in messages.find({"conversation_id": conversation}, {"seq": 1}).sort("seq", 1):
        if one["seq"] != expected:
            return expected
        expected += 1
    return None


async def _repeats(db: Database) -> AsyncIterator[Finding]:
    async for one in await db["messages"].aggregate(_REPEATS, allowDiskUse=True):
        found = await db["messages"].find_one({"message_id": one["_id"]})
        yield Finding(
            check="duplicate_message_id",
            conversation_id=None if found is None else ConversationId(found["conversation_id"]),
            detail=f"message {one['_id']} is stored {one['n']} times",
        )


async def _mismatches(db: Database) -> AsyncIterator[Finding]:
    some: list[Document] = []
    async for cursor in db["cursors"].find():
        some.append(cursor)
        if len(some) == AT_ONCE:
            for finding in await _wrong(db, some):
                yield finding
            some.clear()
    for finding in await _wrong(db, some):
        yield finding


async def _wrong(db: Database, cursors: Sequence[Document]) -> list[Finding]:
    """Return which of these cannot be. Heads only grow, so they are read after the cursors."""
    heads = await heads_of(db, {one["conversation_id"] for one in cursors})
    return [
        Finding(
            check="cursor_mismatch",
            conversation_id=ConversationId(one["conversation_id"]),
            detail=f"user {one['user_id']}: read {one['read']}, delivered {one['delivered']}, "
            f"the last message is {heads.get(one['conversation_id'], 0)}",
        )
        for one in cursors
        if not 0 <= one["read"] <= one["delivered"] <= heads.get(one["conversation_id"], 0)
    ]
