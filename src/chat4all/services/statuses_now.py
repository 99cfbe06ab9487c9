"""How far messages of many conversations have come, with few questions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Protocol

from chat4all.domain.directory import Conversation, User
from chat4all.domain.ids import ConversationId, MessageId, UserId
from chat4all.domain.messages import Cursor, Message
from chat4all.domain.status import Status, StatusEntry
from chat4all.ports.message_store import MessageData
from chat4all.services.progress import Progress

SMALL = 32
"""Members of a conversation whose cursors are asked for by name, along with others'."""


class People(Protocol):
    """What is asked about people; answered from a cache."""

    async def conversation(self, conversation: ConversationId) -> Conversation | None:
        """Return a conversation with its members."""
        ...

    async def users(self, users: Sequence[UserId]) -> Mapping[UserId, User]:
        """Return those that exist."""
        ...


async def statuses_now(
    store: MessageData,
    people: People,
    messages: Sequence[Message],
    cursors: Mapping[ConversationId, Sequence[Cursor]] | None = None,
) -> Mapping[MessageId, Status]:
    """Return how far messages have come; those of no conversation are left out.

    `cursors` are those of all their conversations, where they are known already.
    """
    together: defaultdict[ConversationId, list[Message]] = defaultdict(list)
    for message in messages:
        together[message.conversation_id].append(message)
    found = [await people.conversation(name) for name in together]
    known = [one for one in found if one is not None]
    if not known:
        return {}
    entries: defaultdict[ConversationId, list[StatusEntry]] = defaultdict(list)
    asked = [message.message_id for one in known for message in together[one.id]]
    for entry in await store.statuses(asked):
        entries[entry.conversation_id].append(entry)
    users = await people.users(list({who for one in known for who in _members(one)}))
    if cursors is None:
        cursors = await cursors_of(store, known)
    statuses: dict[MessageId, Status] = {}
    for one in known:
        theirs = {who: users[who] for who in _members(one) if who in users}
        progress = Progress(one, theirs, cursors.get(one.id, ()), entries[one.id])
        statuses |= {each.message_id: progress.overall(each) for each in together[one.id]}
    return statuses


async def cursors_of(
    store: MessageData, conversations: Sequence[Conversation]
) -> Mapping[ConversationId, Sequence[Cursor]]:
    """Return the cursors of each; a large conversation is asked for by itself."""
    cursors: defaultdict[ConversationId, list[Cursor]] = defaultdict(list)
    members = [
        (one.id, who) for one in conversations if len(one.members) <= SMALL for who in _members(one)
    ]
    if members:
        for cursor in (await store.cursors(members)).values():
            cursors[cursor.conversation_id].append(cursor)
    for one in conversations:
        if len(one.members) > SMALL:
            cursors[one.id].extend(await store.conversation_cursors(one.id))
    return cursors


def _members(conversation: Conversation) -> list[UserId]:
    return [one.user_id for one in conversation.members]
