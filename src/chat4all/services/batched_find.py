"""Many look-ups of single messages, asked of the store as few."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from chat4all.domain.ids import MessageId
from chat4all.ports.message_store import Kept, MessageStore


class BatchedFind:
    """Asks one question at a time; those who come meanwhile share the next one.

    A look-up costs a hop to another thread, whether for one id or for a hundred.
    """

    def __init__(self, store: MessageStore) -> None:
        self._store = store
        self._next: dict[MessageId, asyncio.Future[Kept | None]] = {}
        self._asking: asyncio.Task[None] | None = None

    async def __call__(self, message_id: MessageId) -> Kept | None:
        """Return the stored message, or None."""
        future = self._next.get(message_id)
        if future is None:
            future = asyncio.get_running_loop().create_future()
            self._next[message_id] = future
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
        return await asyncio.shield(future)

    async def _ask(self) -> None:
        try:
            while self._next:
                asked, self._next = self._next, {}
                try:
                    found = await self._store.find(list(asked))
                except Exception as error:  # noqa: BLE001 - whoever asked is told
                    _settle(asked, {}, error)
                else:
                    _settle(asked, found, None)
        finally:
            self._asking = None


def _settle(
    asked: Mapping[MessageId, asyncio.Future[Kept | None]],
    found: Mapping[MessageId, Kept],
    error: Exception | None,
) -> None:
    for message_id, future in asked.items():
        if future.cancelled():
            continue
        if error is not None:
            future.set_exception(error)
            future.exception()  # seen: nobody may be waiting any more
        else:
            future.set_result(found.get(message_id))
