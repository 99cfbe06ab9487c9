"""Looks at the integrity of all that is stored, again and again."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Protocol

import structlog

from chat4all.ports.integrity import CHECKS, Integrity

log = structlog.get_logger(__name__)

FIRST_SECONDS, EVERY_SECONDS = 10.0, 900.0


class Gauges(Protocol):
    """Where the results are shown."""

    def integrity(self, check: str, findings: int) -> None:
        """Show how many findings a check had."""
        ...


class Auditor:
    """Runs every check in the background and shows what it found."""

    def __init__(self, store: Integrity, gauges: Gauges) -> None:
        self._store = store
        self._gauges = gauges

    async def run(self) -> None:
        """Audit every quarter of an hour until cancelled."""
        await asyncio.sleep(FIRST_SECONDS)
        while True:
            await self.once()
            await asyncio.sleep(EVERY_SECONDS)

    async def once(self) -> Counter[str]:
        """Audit now; return the findings per check."""
        found: Counter[str] = Counter(dict.fromkeys(CHECKS, 0))
        async for finding in self._store.findings():
            found[finding.check] += 1
            log.error(
                "integrity finding",
                check=finding.check,
                conversation=finding.conversation_id,
                detail=finding.detail,
            )
        for check, count in found.items():
            self._gauges.integrity(check, count)
        return found
