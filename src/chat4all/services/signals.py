"""What passes between nodes and is not kept: who is typing, who came and went."""

from __future__ import annotations

import asyncio
import json

import structlog

from chat4all.domain.errors import ConversationNotFound
from chat4all.domain.ids import ConversationId, UserId
from chat4all.ports.ephemeral import Bus
from chat4all.services.messages import Directory
from chat4all.services.notify import Notifier
from chat4all.services.presence import TOPIC as PRESENCE

log = structlog.get_logger(__name__)

TYPING = "typing"
MOST_CONVERSATIONS = 500
"""Conversations in which a change of presence is shown; the newest ones."""


class Signals:
    """Says who is typing, and hears typing and presence from every node."""

    def __init__(self, bus: Bus, people: Directory) -> None:
        self._bus = bus
        self._people = people

    async def typing(self, user: UserId, conversation_id: ConversationId) -> None:
        """Show the other members that `user` is writing. Raises `ConversationNotFound`."""
        conversation = await self._people.conversation(conversation_id)
        if conversation is None or conversation.member(user) is None:
            raise ConversationNotFound("there is no such conversation among yours")
        frame = {"conversation_id": conversation_id, "user_id": user}
        await self._bus.publish(TYPING, json.dumps(frame).encode())

    async def tell(self, notifier: Notifier) -> None:
        """Tell the clients of `notifier` until cancelled; who fell behind begins anew."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._hear_typing(notifier))
            group.create_task(self._hear_presence(notifier))

    async def _hear_typing(self, notifier: Notifier) -> None:
        while True:
            async with self._bus.listen(TYPING) as payloads:
                async for payload in payloads:
                    frame = json.loads(payload)
                    await notifier.signal([frame["conversation_id"]], {"type": "typing", **frame})
            log.warning("typing listener fell behind; it begins anew")

    async def _hear_presence(self, notifier: Notifier) -> None:
        while True:
            async with self._bus.listen(PRESENCE) as payloads:
                async for payload in payloads:
                    frame = json.loads(payload)
                    conversations = await self._people.conversations_of(frame["user_id"])
                    await notifier.signal(
                        conversations[:MOST_CONVERSATIONS], {"type": "presence", **frame}
                    )
            log.warning("presence listener fell behind; it begins anew")
