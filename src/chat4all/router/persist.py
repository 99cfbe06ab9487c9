"""Waits for a storage that does not answer, instead of skipping what it should keep."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from chat4all.domain.errors import StaleSequence, Unavailable

T = TypeVar("T")

log = structlog.get_logger(__name__)

_RETRY_FIRST, _RETRY_MOST = 0.05, 5.0


async def persist(attempt: Callable[[], Awaitable[T]]) -> T:
    """Repeat `attempt` until the storage answers: who calls waits, nothing is skipped."""
    wait = _RETRY_FIRST
    while True:
        try:
            return await attempt()
        except (Unavailable, StaleSequence) as error:
            log.warning("router waits for the storage", code=error.code, detail=str(error))
            await asyncio.sleep(wait)
            wait = min(wait * 2, _RETRY_MOST)
