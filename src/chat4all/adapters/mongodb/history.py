"""Reading conversations."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence

from chat4all.adapters.mongodb.applying import MongoApplying
from chat4all.adapters.mongodb.changes import changes_after
from chat4all.adapters.mongodb.claims import conversations_of, stored_messages
from chat4all.adapters.mongodb.documents import cursor_of, message_of, status_of, time_of
from chat4all.adapters.mongodb.journal import CURSOR_MOVED, event_of
from chat4all.adapters.mongodb.reported import in_order, statuses_of
from chat4all.adapters.mongodb.schema import Database, Document
from chat4all.domain.events import CursorMoved, Event
from chat4all.domain.ids import ConversationId, MessageId, UserId
from chat4all.domain.messages import Cursor, Message
from chat4all.domain.status import StatusEntry
from chat4all.ports.message_store import Summary

UNREAD_LIMIT = 1_000
_LOG_ORDER = [("partition", 1), ("offset", 1)]
_LATEST_FIRST = [("seq", -1)]


class MongoHistory(MongoApplying):
    """MessageHistory and SupportsMoments."""

    async def page(
        self,
        conversation: ConversationId,
        *,
        viewer: UserId,
        after_seq: int | None = None,
        before_seq: int | None = None,
        limit: int,
    ) -> Sequence[Message]:
        """Return one page; see the port."""
        if limit <= 0:  # which is no limit to MongoDB
            return []
        window: Document = {"$gt": 0 if after_seq is None else after_seq}
        if before_seq is not None:
            window["$lt"] = before_seq
        asked = {"conversation_id": conversation, "seq": window, "hidden_from": {"$ne": viewer}}
        forward = after_seq is not None
        async with self._reading() as db:
            found = db["messages"].find(asked).sort("seq", 1 if forward else -1).limit(limit)
            messages = [message_of(one) async for one in found]
        return messages if forward else messages[::-1]

    async def summaries(
        self, user: UserId, conversations: Collection[ConversationId]
    ) -> Mapping[ConversationId, Summary]:
        """Return what a list of conversations shows; see the port."""
        names = list(dict.fromkeys(conversations))
        async with self._reading() as db:
            asked = {"conversation_id": {"$in": names}, "user_id": user}
            read = {one["conversation_id"]: one["read"] async for one in db["cursors"].find(asked)}
            found = await asyncio.gather(
                *(_summary(db, user, name, read.get(name, 0)) for name in names)
            )
        return {one.conversation_id: one for one in found if one is not None}

    async def conversation_cursors(self, conversation: ConversationId) -> Sequence[Cursor]:
        """Return the cursors of a conversation; see the port."""
        async with self._reading() as db:
            found = db["cursors"].find({"conversation_id": conversation}).sort("user_id", 1)
            return [cursor_of(one) async for one in found]

    async def statuses(self, messages: Collection[MessageId]) -> Sequence[StatusEntry]:
        """Return the status entries of these messages; see the port."""
        async with self._reading() as db:
            return [status_of(one) for one in in_order(await statuses_of(db["statuses"], messages))]

    async def changes(
        self, conversations: Collection[ConversationId], *, after: Mapping[int, int], limit: int
    ) -> Sequence[Event]:
        """Return what happened later than `after`; see the port."""
        async with self._reading() as db:
            return await changes_after(db, conversations, after=after, limit=limit)

    async def cursor_history(
        self, conversation: ConversationId, *, covering_seq: int
    ) -> Sequence[Cursor]:
        """Return who first received and read up to `covering_seq`; see the port."""
        cursors = await self.conversation_cursors(conversation)
        # Cursors never move back, so these many are to be found, and then the rest can be left.
        to_receive = sum(one.last_delivered_seq >= covering_seq for one in cursors)
        to_read = sum(one.last_read_seq >= covering_seq for one in cursors)
        received: set[UserId] = set()
        read: set[UserId] = set()
        history: list[Cursor] = []
        async with self._reading() as db:
            asked = {"conversation_id": conversation, "kind": CURSOR_MOVED}
            async for found in db["changes"].find(asked).sort(_LOG_ORDER):
                if len(received) == to_receive and len(read) == to_read:
                    break
                event = event_of(found)
                assert isinstance(event, CursorMoved)  # noqa: S101 - the query asks for no other kind
                after, known = event.after, len(received) + len(read)
                if after.last_delivered_seq >= covering_seq:
                    received.add(after.user_id)
                if after.last_read_seq >= covering_seq:
                    read.add(after.user_id)
                if len(received) + len(read) > known:
                    history.append(after)
        return history

    async def journal_of(self, message: MessageId) -> Sequence[Event]:
        """Return the events that concern one message; see the port."""
        async with self._reading() as db:
            if not await stored_messages(db, [message]):
                return []
            conversation = (await conversations_of(db, [message]))[message]
            asked = {"conversation_id": conversation, "message_id": message}
            found = db["changes"].find(asked).sort(_LOG_ORDER)
            return [event_of(one) async for one in found]


async def _summary(
    db: Database, user: UserId, conversation: ConversationId, read: int
) -> Summary | None:
    here: Document = {"conversation_id": conversation}
    last = await db["messages"].find_one(here, sort=_LATEST_FIRST)
    if last is None:
        return None
    shown: Document | None = last
    if user in last.get("hidden_from", ()):
        seen = {**here, "hidden_from": {"$ne": user}}
        shown = await db["messages"].find_one(seen, sort=_LATEST_FIRST)
    unread = 0
    if last["seq"] > read:
        others = {**here, "seq": {"$gt": read}, "sender": {"$ne": user}}
        unread = await db["messages"].count_documents(others, limit=UNREAD_LIMIT)
    return Summary(
        conversation_id=conversation,
        max_seq=last["seq"],
        unread=unread,
        last_message=None if shown is None else message_of(shown),
        last_activity=time_of(last["created_at"]),
    )
