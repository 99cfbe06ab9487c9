"""The role `presence`: tells when somebody's lease has ended without a word."""

from __future__ import annotations

import asyncio
import json

import structlog

from chat4all.domain.ids import UserId
from chat4all.ports.ephemeral import Ephemeral
from chat4all.services.presence import TOPIC, PresenceStatus, lease_key

log = structlog.get_logger(__name__)

LOOK = 5.0
AT_ONCE = 500


class PresenceWatch:
    """Remembers who was told to be there, and tells that they are offline when they vanish.

    A gateway tells when a connection ends; one that was killed cannot. Who came before the
    watch began is not watched until they change; asked for, everybody's presence is right.
    """

    def __init__(self, ephemeral: Ephemeral, *, look: float = LOOK) -> None:
        self._leases = ephemeral.leases
        self._bus = ephemeral.bus
        self._look = look
        self._there: set[UserId] = set()

    async def run(self) -> None:
        """Watch until cancelled. Raises `Unavailable`."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._hear())
            while True:
                await asyncio.sleep(self._look)
                await self._expire()

    async def _hear(self) -> None:
        while True:
            async with self._bus.listen(TOPIC) as changes:
                async for payload in changes:
                    told = json.loads(payload)
                    if told["status"] == PresenceStatus.OFFLINE.value:
                        self._there.discard(UserId(told["user_id"]))
                    else:
                        self._there.add(UserId(told["user_id"]))
            log.warning("presence listener fell behind; it begins anew")

    async def _expire(self) -> None:
        watched = list(self._there)
        for start in range(0, len(watched), AT_ONCE):
            some = watched[start : start + AT_ONCE]
            alive = await self._leases.get_many([lease_key(user) for user in some])
            for user in some:
                if lease_key(user) not in alive:
                    self._there.discard(user)
                    change = {"user_id": user, "status": PresenceStatus.OFFLINE.value}
                    await self._bus.publish(TOPIC, json.dumps(change).encode())
