"""Waits for what does not answer, instead of skipping what it should take."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from chat4all.domain.errors import Unavailable

T = TypeVar("T")

log = structlog.get_logger(__name__)

AGAIN = 1.0
"""Seconds until it is asked again."""


async def patiently(ask: Callable[[], Awaitable[T]], waits: str) -> T:
    """Ask until it answers, and log `waits`: what is not done now is done late, in order."""
    while True:
        try:
            return await ask()
        except Unavailable as error:
            log.warning(waits, detail=str(error))
            await asyncio.sleep(AGAIN)
