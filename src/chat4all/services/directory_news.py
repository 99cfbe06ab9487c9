"""What changed in the directory, told between the processes that keep parts of it in memory."""

from __future__ import annotations

import json
import secrets
from dataclasses import astuple

import structlog

from chat4all.domain.errors import Unavailable
from chat4all.domain.group_chats import ChatKey
from chat4all.ports.ephemeral import Bus
from chat4all.services.directory_cache import DirectoryCache, Kept, Key

log = structlog.get_logger(__name__)

TOPIC = "directory.changes"


class DirectoryNews:
    """Forgets in this process's cache, and has the others forget, what a change made stale.

    `follow` runs as a task. Nothing is kept on the bus: whoever begins to listen forgets
    everything, and the cache's `max_age` bounds what a lost message does.
    """

    def __init__(self, cache: DirectoryCache, bus: Bus) -> None:
        self._cache = cache
        self._bus = bus
        self._name = secrets.token_hex(8)

    async def changed(self, what: Kept, key: Key | None = None) -> None:
        """Forget it here, then tell the others; that they cannot be told is no error."""
        self._cache.forget(what, key)
        named = astuple(key) if isinstance(key, ChatKey) else key
        told = {"by": self._name, "what": what, "key": named}
        try:
            await self._bus.publish(TOPIC, json.dumps(told).encode())
        except Unavailable as error:
            log.warning("other processes see a change late", detail=str(error))

    async def follow(self) -> None:
        """Hear of the others' changes until cancelled or left behind. Raises `Unavailable`."""
        async with self._bus.listen(TOPIC) as told:
            self._cache.clear()  # what happened before anybody listened
            async for payload in told:
                self._hear(payload)

    def _hear(self, payload: bytes) -> None:
        try:
            told = json.loads(payload)
            key = told["key"]
            if told["by"] != self._name:
                named = ChatKey(*key) if isinstance(key, list) else key
                self._cache.forget(Kept(told["what"]), named)
        except (ValueError, TypeError, KeyError):
            # Of another version, which keeps what this one does not know by that name.
            self._cache.clear()
