"""Fire and forget between nodes: sharded pub/sub, one connection per listener.

https://redis.io/docs/latest/develop/interact/pubsub/#sharded-pubsub
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING

import structlog

from chat4all.adapters.redis.errors import translated
from chat4all.domain.errors import Unavailable

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.asyncio.client import PubSub

log = structlog.get_logger(__name__)

LISTENER_LIMIT = 10_000
_POLL = 5.0  # seconds; a connection that is silent for longer is asked whether it lives


class RedisBus:
    """See `Bus`."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis = redis
        self._prefix = f"{prefix}bus:"

    async def publish(self, topic: str, payload: bytes) -> None:
        """See `Bus.publish`."""
        with translated():
            await self._redis.spublish(self._prefix + topic, payload)

    def listen(self, topic: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """See `Bus.listen`. A listener whose connection breaks is ended too."""
        return self._listen(self._prefix + topic)

    @asynccontextmanager
    async def _listen(self, channel: str) -> AsyncIterator[AsyncIterator[bytes]]:
        async with self._redis.pubsub() as connection:
            with translated():
                await connection.ssubscribe(channel)
                await _confirmed(connection)
            listener = _Listener()
            reader = asyncio.create_task(listener.read(connection), name=f"listen {channel}")
            try:
                yield listener
            finally:
                reader.cancel()
                await asyncio.wait([reader])


async def _confirmed(connection: PubSub) -> None:
    """Wait until the server says that it listens for us."""
    async with asyncio.timeout(_POLL):
        while (heard := await connection.get_message(timeout=_POLL)) is None:
            pass
    if heard["type"] != "ssubscribe":
        raise Unavailable("Redis does not let us listen; sharded pub/sub needs Redis 7")


class _Listener:
    """What was published and not yet taken; ended when that is too much."""

    def __init__(self) -> None:
        self._heard: deque[bytes] = deque()
        self._ended = False
        self._woken = asyncio.Event()

    async def read(self, connection: PubSub) -> None:
        """Take in what is published until that is too much, or the connection breaks."""
        try:
            with translated():
                while len(self._heard) < LISTENER_LIMIT:
                    message = await connection.get_message(timeout=_POLL)
                    if message is None:
                        await connection.ping()
                    elif message["type"] == "smessage":
                        self._heard.append(message["data"])
                        self._woken.set()
                    elif message["type"] == "ssubscribe":
                        # The client connected anew by itself: what was published meanwhile,
                        # and who is where on a server that began anew, is lost.
                        raise Unavailable("the connection to Redis broke")
            self._heard.clear()
        except Unavailable as error:
            log.warning("listening to Redis ended", detail=str(error))
        finally:
            self._ended = True
            self._woken.set()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        while not self._heard:
            if self._ended:
                raise StopAsyncIteration
            self._woken.clear()
            await self._woken.wait()
        return self._heard.popleft()
