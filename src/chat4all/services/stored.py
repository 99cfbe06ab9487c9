"""Lets a sender wait until a message has its place in the store."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from chat4all.domain.events import Event, MessageAdded
from chat4all.domain.ids import MessageId
from chat4all.domain.messages import Message
from chat4all.ports.message_store import MessageStore


class StoredMessages:
    """Hears from the router of this process what is stored; asks the store for the rest."""

    def __init__(self, store: MessageStore, *, poll: float = 0.25) -> None:
        self._store = store
        self._poll = poll
        self._waiting: dict[MessageId, list[asyncio.Future[Message]]] = {}

    def stored(self, events: Sequence[Event]) -> None:
        """Wake whoever waits for one of these messages."""
        if not self._waiting:
            return
        for event in events:
            if isinstance(event, MessageAdded):
                for future in self._waiting.pop(event.message.message_id, ()):
                    if not future.done():
                        future.set_result(event.message)

    async def wait(self, message_id: MessageId, *, seconds: float) -> Message | None:
        """Return the message once it is stored; None when that takes longer than `seconds`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while True:
            future: asyncio.Future[Message] = loop.create_future()
            self._waiting.setdefault(message_id, []).append(future)
            try:
                kept = (await self._store.find([message_id])).get(message_id)
                if kept is not None:
                    return kept.message
                left = min(self._poll, deadline - loop.time())
                if left <= 0:
                    return None
                async with asyncio.timeout(left):
                    return await future
            except TimeoutError:
                continue
            finally:
                self._forget(message_id, future)

    def _forget(self, message_id: MessageId, future: asyncio.Future[Message]) -> None:
        waiting = self._waiting.get(message_id, [])
        if future in waiting:
            waiting.remove(future)
        if not waiting:
            self._waiting.pop(message_id, None)
