"""Messages in MongoDB: for many routers and gateways, on many machines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

from chat4all.adapters.mongodb.claims import stored_messages
from chat4all.adapters.mongodb.documents import cursor_of, kept_of, status_of
from chat4all.adapters.mongodb.heads import heads_of
from chat4all.adapters.mongodb.history import MongoHistory
from chat4all.adapters.mongodb.integrity import MongoIntegrity
from chat4all.adapters.mongodb.search import MongoSearch
from chat4all.domain.ids import AccountId, ConversationId, MessageId, UserId
from chat4all.domain.messages import Cursor
from chat4all.domain.status import Status, StatusEntry
from chat4all.ports.message_store import Head, Kept


class MongoMessageStore(MongoHistory, MongoSearch, MongoIntegrity):
    """MessageStore, with all that its bases read from the same database.

    `async with MongoMessageStore(url) as store`. Any number of objects, in any number of
    processes, may have the same database open.
    """

    async def heads(
        self, conversations: Collection[ConversationId]
    ) -> Mapping[ConversationId, Head]:
        """Return where conversations stand; see the port."""
        async with self._reading() as db:
            found = await heads_of(db, conversations)
        return {ConversationId(name): Head(seq) for name, seq in found.items()}

    async def find(self, messages: Collection[MessageId]) -> Mapping[MessageId, Kept]:
        """Return stored messages; see the port."""
        async with self._reading() as db:
            found = [kept_of(one) for one in await stored_messages(db, messages)]
        return {kept.message.message_id: kept for kept in found}

    async def cursors(
        self, members: Collection[tuple[ConversationId, UserId]]
    ) -> Mapping[tuple[ConversationId, UserId], Cursor]:
        """Return stored cursors; see the port."""
        users: defaultdict[ConversationId, list[UserId]] = defaultdict(list)
        for conversation, user in members:
            users[conversation].append(user)
        if not users:
            return {}
        asked = [
            {"conversation_id": conversation, "user_id": {"$in": some}}
            for conversation, some in users.items()
        ]
        async with self._reading() as db:
            found = [cursor_of(one) async for one in db["cursors"].find({"$or": asked})]
        return {(one.conversation_id, one.user_id): one for one in found}

    async def status_of(
        self, account: AccountId, address: str, external_id: str
    ) -> StatusEntry | None:
        """Return the entry of what a platform calls `external_id`; see the port."""
        asked = {
            "account_id": account,
            "address": address,
            "external_id": external_id,
            "status": {"$gte": int(Status.SENT)},
        }
        async with self._reading() as db:
            found = [one async for one in db["statuses"].find(asked).sort("_id", 1)]
        # A platform that says DELIVERED at once leaves no SENT: then the first entry serves.
        first = min(found, key=lambda one: one["status"] != Status.SENT, default=None)
        return None if first is None else status_of(first)
