"""Somebody whose node died is told to be offline."""

from __future__ import annotations

import asyncio
import json

from chat4all.adapters.memory.ephemeral import MemoryEphemeral
from chat4all.services.presence import LEASE, TOPIC, lease_key
from chat4all.services.presence_watch import PresenceWatch


async def test_who_vanishes_is_told_to_be_offline_once() -> None:
    now = [0.0]
    ephemeral = MemoryEphemeral(clock=lambda: now[0])
    watching = asyncio.create_task(PresenceWatch(ephemeral, look=0.01).run())
    await asyncio.sleep(0.01)
    async with ephemeral.bus.listen(TOPIC) as told, asyncio.timeout(10):
        for user in ("ana", "bia"):
            await ephemeral.leases.put(lease_key(user), "online", ttl=LEASE)  # type: ignore[arg-type] # any text is an id
            change = {"user_id": user, "status": "online"}
            await ephemeral.bus.publish(TOPIC, json.dumps(change).encode())
            await anext(told)
        now[0] += LEASE - 1
        await ephemeral.leases.put(lease_key("bia"), "away", ttl=LEASE)  # type: ignore[arg-type]
        now[0] += 2
        assert json.loads(await anext(told)) == {"user_id": "ana", "status": "offline"}
        now[0] += LEASE
        assert json.loads(await anext(told)) == {"user_id": "bia", "status": "offline"}
    watching.cancel()
    await asyncio.wait([watching])
