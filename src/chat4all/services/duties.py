"""Work that one process of several does at a time, handed over when it dies."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from chat4all.domain.errors import Unavailable
from chat4all.ports.ephemeral import Leases

log = structlog.get_logger(__name__)

LEASE = 8.0
"""Seconds after which a duty is free whose holder does not renew it."""
LOOK = 2.0

Work = Callable[[], Awaitable[None]]


class Duties:
    """Holds duties by leases under the name of this process.

    While the shared state does not answer, who holds a duty keeps it, and nobody takes one
    over. Two may hold one for a moment, after a pause longer than the lease: each duty is
    such that this does no harm.
    """

    def __init__(self, leases: Leases, *, look: float = LOOK) -> None:
        self._leases = leases
        self._look = look
        self._name = secrets.token_hex(8)

    async def keep(self, name: str, work: Work) -> None:
        """Do `work` whenever the duty is ours, until it ends or this is cancelled.

        Raises what `work` raises.
        """
        key = f"duty:{name}"
        while True:
            if await self._take(key):
                log.info("duty taken", duty=name)
                if await self._do(key, work):
                    return
                log.warning("duty lost", duty=name)
            await asyncio.sleep(self._look)

    async def _do(self, key: str, work: Work) -> bool:
        """Return whether the work ended, rather than the duty being lost."""
        task = asyncio.ensure_future(work())
        try:
            while not task.done():
                await asyncio.wait([task], timeout=self._look)
                if not task.done() and not await self._renew(key):
                    return False
            task.result()
            return True
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait([task])
            with suppress(Unavailable):
                if await self._holder(key) == self._name:
                    await self._leases.drop(key)

    async def _take(self, key: str) -> bool:
        try:
            there = await self._leases.claim(key, self._name, ttl=LEASE)
        except Unavailable as error:
            log.info("duties wait for the shared state", detail=str(error))
            return False
        return there in (None, self._name)

    async def _renew(self, key: str) -> bool:
        try:
            if await self._leases.claim(key, self._name, ttl=LEASE) not in (None, self._name):
                return False
            await self._leases.put(key, self._name, ttl=LEASE)
        except Unavailable as error:
            log.info("a duty is kept without the shared state", detail=str(error))
        return True

    async def _holder(self, key: str) -> str | None:
        return (await self._leases.get_many([key])).get(key)
