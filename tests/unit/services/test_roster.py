"""Processes hear of each other, and of one that tells nothing any more they say nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from chat4all.adapters.memory.ephemeral import MemoryEphemeral
from chat4all.ports.ephemeral import Bus
from chat4all.services.roster import BELIEVED, TOPIC, Process, Roster

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Hall:
    """Processes on one bus, and the time that it is for them."""

    def __init__(self) -> None:
        self.bus: Bus = MemoryEphemeral().bus
        self.now = NOON
        self.missing: Mapping[str, str] = {}

    def roster(self, name: str, *roles: str) -> Roster:
        async def own() -> Process:
            return Process(
                name=name, version="1", roles=roles, started_at=NOON, missing=self.missing
            )

        return Roster(self.bus, own, now=lambda: self.now)

    @asynccontextmanager
    async def running(self, *works: object) -> AsyncIterator[None]:
        tasks = [asyncio.ensure_future(one) for one in works]  # type: ignore[call-overload] # coroutines
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def names(roster: Roster, wanted: list[str]) -> None:
    async with asyncio.timeout(10):
        while [one.name for one in await roster.processes()] != wanted:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.001)


async def test_a_gateway_knows_itself_and_who_tells_for_as_long_as_they_do() -> None:
    hall = Hall()
    gateway, router = hall.roster("b", "gateway"), hall.roster("a", "router")
    await names(gateway, ["b"])
    async with hall.running(gateway.hear()):
        await asyncio.sleep(0)
        hall.missing = {"messages": "does not answer"}
        async with hall.running(router.tell()):
            await names(gateway, ["b", "a"])
        [_, heard] = await gateway.processes()
        assert (heard.roles, heard.missing) == (["router"], {"messages": "does not answer"})
        hall.now = NOON + BELIEVED - timedelta(seconds=1)
        await names(gateway, ["b", "a"])
        hall.now = NOON + BELIEVED
        await names(gateway, ["b"])


async def test_who_cannot_be_understood_is_left_out_and_the_next_is_heard() -> None:
    hall = Hall()
    gateway, router = hall.roster("b", "gateway"), hall.roster("a", "router")
    async with hall.running(gateway.hear()):
        await asyncio.sleep(0)
        for strange in (b"not JSON", b'{"name": "c"}'):
            await hall.bus.publish(TOPIC, strange)
        async with hall.running(router.tell()):
            await names(gateway, ["b", "a"])
