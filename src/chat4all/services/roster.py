"""Which processes there are and how each does: told on the bus, kept nowhere."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
import structlog

from chat4all.ports.ephemeral import Bus
from chat4all.services.clock import Clock, utc_now

log = structlog.get_logger(__name__)

TOPIC = "processes"
EVERY = 5.0
"""Seconds between two times that a process tells how it does."""
BELIEVED = timedelta(seconds=3 * EVERY)
"""A process of which nothing was heard for so long is not there any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process of the deployment; `missing` says what it needs and does not reach, and why."""

    name: str
    version: str
    roles: Sequence[str]
    started_at: datetime
    missing: Mapping[str, str]


class Roster:
    """Tells the other processes how this one does, and knows how they do.

    `own` returns how this one does now. `tell` and `hear` run as tasks, `hear` where
    somebody asks.
    """

    def __init__(
        self, bus: Bus, own: Callable[[], Awaitable[Process]], *, now: Clock = utc_now
    ) -> None:
        self._bus = bus
        self._own = own
        self._now = now
        self._heard: dict[str, tuple[Process, datetime]] = {}

    async def tell(self) -> None:
        """Tell until cancelled. Raises `Unavailable`."""
        while True:
            await self._bus.publish(TOPIC, msgspec.json.encode(await self._own()))
            await asyncio.sleep(EVERY)

    async def hear(self) -> None:
        """Hear the others until cancelled or left behind. Raises `Unavailable`."""
        async with self._bus.listen(TOPIC) as told:
            async for payload in told:
                try:
                    process = msgspec.json.decode(payload, type=Process)
                except msgspec.DecodeError:
                    log.info("a process of another version cannot be understood")
                    continue
                self._heard[process.name] = process, self._now()

    async def processes(self) -> Sequence[Process]:
        """Return this process as it is now, and the others as they told, by roles and name."""
        long_ago = self._now() - BELIEVED
        self._heard = {name: one for name, one in self._heard.items() if one[1] > long_ago}
        own = await self._own()
        known = {name: process for name, (process, _) in self._heard.items()} | {own.name: own}
        return sorted(known.values(), key=lambda one: (list(one.roles), one.name))
