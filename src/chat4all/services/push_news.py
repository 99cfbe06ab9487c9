"""What is news to a user who is away, and how it reads."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection

from chat4all.domain.directory import Conversation
from chat4all.domain.ids import UserId
from chat4all.domain.messages import Message
from chat4all.domain.push import PushNotice, PushSubscription
from chat4all.ports.message_store import MessageHistory
from chat4all.ports.push import Push
from chat4all.services.people import People
from chat4all.services.push_notification import message_push

AreConnected = Callable[[Collection[UserId]], Awaitable[Collection[UserId]]]
"""Returns which of the users have a client connected, at any node. Raises `Unavailable`."""
LINGER = 75.0
"""Seconds for which a connection may be dead without anybody knowing."""


class PushNews:
    """Asks the store and the directory, so that what is pushed is as things are now."""

    def __init__(self, people: People, history: MessageHistory, connected: AreConnected) -> None:
        self._people = people
        self._history = history
        self._connected = connected

    async def is_connected(self, user: UserId) -> bool:
        """Say whether a client of `user` is connected. Raises `Unavailable`."""
        return bool(await self._connected([user]))

    async def has_it(self, notice: PushNotice) -> bool:
        """Say whether one of the user's clients has had the message already."""
        for cursor in await self._history.conversation_cursors(notice.conversation_id):
            if cursor.user_id == notice.user_id:
                return cursor.last_delivered_seq >= notice.seq
        return False

    async def message(self, notice: PushNotice) -> Message | None:
        """Return the message as its reader finds it now; None when it is hidden or not stored."""
        found = await self._history.page(
            notice.conversation_id,
            viewer=notice.user_id,
            after_seq=notice.seq - 1,
            before_seq=notice.seq + 1,
            limit=1,
        )
        return found[0] if found else None

    async def push_of(self, message: Message, device: PushSubscription) -> Push | None:
        """Return what tells the device of a message; None unless its user may read that."""
        user = device.user_id
        conversation = await self._people.conversation(message.conversation_id)
        if conversation is None or not _may_read(user, message, conversation):
            return None
        theirs = await self._people.conversations_of(user)
        summaries = await self._history.summaries(user, theirs)
        senders = await self._people.users([message.sender])
        return message_push(
            message,
            senders.get(message.sender),
            conversation,
            device=device.id,
            unread=sum(one.unread for one in summaries.values()),
            show_content=device.preferences.show_content,
        )


def _may_read(user: UserId, message: Message, conversation: Conversation) -> bool:
    is_member = conversation.member(user) is not None
    return is_member and message.is_for(user) and message.deleted_at is None
